//! The client of a Massive/Polygon-compatible API.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::num::NonZeroU32;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::de::DeserializeOwned;
use spence::{Error, Spence};

use crate::answer::{brief, check, day_of_row, garbage, rows_in, values_of};
use crate::bars::Bar;
use crate::budget::Budget;
use crate::call::{Caller, KeyGoes, Patience};
use crate::data::{RefusedRow, Rows, Told, ToldStatus};
use crate::error::ProviderError;
use crate::quality::refused::{Doubts, Page, by_day};
use crate::series::{DayBar, day_of};
use crate::splits::Split;
use crate::symbol::Symbol;
use crate::wire::{Aggregate, Answer, SplitRow, StatusReply, TickerRow};

/// More pages than this are no answer.
const MAX_PAGES: usize = 1000;

/// A client of one provider with one key.
#[derive(Clone)]
pub struct Provider {
    caller: Caller,
    pub(crate) new_york: TimeZone,
}

impl Provider {
    /// A client of the API at `base_url`, such as `https://api.massive.com`.
    ///
    /// # Errors
    /// [`ProviderError::Setup`] when no HTTP client can be made.
    pub fn new(base_url: &str, api_key: Option<&str>) -> Result<Self, ProviderError> {
        let caller = Caller::new(base_url, api_key, KeyGoes::AsBearer)?;
        let new_york = TimeZone::get("America/New_York")
            .map_err(|error| ProviderError::Setup(error.to_string()))?;
        Ok(Self { caller, new_york })
    }

    /// Makes at most so many calls a minute with this key, whoever makes them in this process;
    /// what is not used one moment may be used the next, up to a minute's.
    #[must_use]
    pub fn calls_per_minute(mut self, calls: NonZeroU32) -> Self {
        self.caller.limit(calls);
        self
    }

    /// Makes at most so many calls a day (of UTC), retries included. A [`Market`](crate::Market)
    /// that has a disk keeps count across restarts.
    #[must_use]
    pub fn calls_per_day(mut self, calls: NonZeroU32) -> Self {
        self.caller.limit_days(calls);
        self
    }

    pub(crate) fn keep_calls_in(&self, spence: &Spence) -> Result<(), Error> {
        self.caller.keep_in(spence)
    }

    pub(crate) fn budget(&self) -> Option<&Budget> {
        self.caller.budget()
    }

    /// Where the provider is.
    #[must_use]
    pub fn base_url(&self) -> &str {
        self.caller.base_url()
    }

    /// The last `limit` bars of a symbol between two days, both included, in any order; all there
    /// are, if there are fewer. One call if they are given on one page, and at once: a call that
    /// may well succeed the next time is made again, as long as the patience lasts.
    pub(crate) async fn bars_of(
        &self,
        symbol: &Symbol,
        (from, to): (Date, Date),
        limit: usize,
        patience: &Patience,
    ) -> Result<Told, ProviderError> {
        let path = format!(
            "/v2/aggs/ticker/{}/range/1/day/{from}/{to}?adjusted=false&sort=desc&limit={limit}",
            encode(symbol.as_str())
        );
        // By session: a row that comes twice is one bar.
        let (mut bars, mut refused) = (BTreeMap::new(), Vec::new());
        let doubts = Doubts::default();
        let understand = |answer: Answer<Aggregate>| {
            check(&answer, Some(symbol))?;
            let next = next_page(&answer)?;
            let mut page = Page::default();
            for row in rows_in(answer)? {
                let date = day_of_row(&row, (from, to), &self.new_york)?;
                page.add(date, values_of(&row), &row);
            }
            doubts.settle(by_day(&page.refused))?;
            Ok((next, page))
        };
        self.pages(path, patience, understand, |page: Page| {
            for (date, [open, high, low, close, volume]) in page.rows {
                bars.entry(date).or_insert(Bar { date, open, high, low, close, volume });
            }
            refused.extend(page.refused);
            bars.len() + refused.len() < limit
        })
        .await?;
        let bars = bars.into_values().rev().take(limit).collect();
        Ok(Told { rows: Rows::Bars(bars), refused })
    }

    /// The bars of a session of all symbols that `places` knows, with their places, and those
    /// whose rows cannot be. That nobody traded in a session is not believed.
    pub(crate) async fn bars_on(
        &self,
        day: Date,
        places: &HashMap<&str, usize>,
        patience: &Patience,
    ) -> Result<SessionBars, ProviderError> {
        let path = format!("/v2/aggs/grouped/locale/us/market/stocks/{day}?adjusted=false");
        let at = |day: Date| Some(day.to_zoned(self.new_york.clone()).ok()?.timestamp());
        let hours = at(day).zip(day.tomorrow().ok().and_then(at));
        let (begin, end) =
            hours.map_or((0, 0), |(from, to)| (from.as_millisecond(), to.as_millisecond()));
        let number = day_of(day);
        let doubts = Doubts::default();
        let understand = |answer: Answer<Aggregate>| {
            check(&answer, None)?;
            let mut told = SessionBars::default();
            told.bars.reserve(places.len());
            let rows = rows_in(answer)?;
            if rows.is_empty() {
                return Err(ProviderError::Suspicious(day));
            }
            for row in rows {
                let symbol = row.symbol.as_deref().ok_or_else(|| garbage(&row))?;
                let Some(place) = places.get(symbol) else { continue };
                if !(begin..end).contains(&row.t) {
                    return Err(garbage(&row));
                }
                match values_of(&row) {
                    Ok(values) => told.bars.push((*place, DayBar { day: number, values })),
                    Err(_) => told.refused.push((*place, RefusedRow::of(day, &row))),
                }
            }
            let places = told.refused.iter().map(|(place, row)| (*place as i64, row));
            doubts.settle(places)?;
            Ok(told)
        };
        self.caller.call(&path, patience, understand).await
    }

    /// The splits that take effect between two days, both included.
    pub(crate) async fn splits(
        &self,
        (from, to): (Date, Date),
        patience: &Patience,
    ) -> Result<Vec<Split>, ProviderError> {
        let path = format!(
            "/v3/reference/splits?execution_date.gte={from}&execution_date.lte={to}&limit=1000"
        );
        let mut splits = Vec::new();
        let understand = |answer: Answer<SplitRow>| {
            let next = next_page(&answer)?;
            let rows = rows_in(answer)?;
            Ok((next, rows.iter().map(Split::read).collect::<Result<Vec<_>, _>>()?))
        };
        self.pages(path, patience, understand, |page: Vec<Split>| {
            splits.extend(page);
            true
        })
        .await?;
        Ok(splits)
    }

    /// The shares that are listed, by their symbols.
    pub(crate) async fn tickers(&self, patience: &Patience) -> Result<Vec<Symbol>, ProviderError> {
        let path = "/v3/reference/tickers?market=stocks&active=true&limit=1000".to_owned();
        let mut symbols = Vec::new();
        let understand = |answer: Answer<TickerRow>| {
            let next = next_page(&answer)?;
            let rows = rows_in(answer)?;
            // What cannot be a symbol cannot be asked for either.
            let listed = rows.iter().filter_map(|row| Symbol::new(&row.ticker).ok());
            Ok((next, listed.collect::<Vec<_>>()))
        };
        self.pages(path, patience, understand, |page: Vec<Symbol>| {
            symbols.extend(page);
            true
        })
        .await?;
        Ok(symbols)
    }

    /// Whether the market is open.
    pub(crate) async fn status(&self, patience: &Patience) -> Result<ToldStatus, ProviderError> {
        let understand = |answer: StatusReply| {
            let malformed = || ProviderError::Malformed(brief(&format!("{answer:?}")));
            let time = answer.server_time.as_deref().and_then(|text| text.parse().ok());
            let (market, time): (&str, Timestamp) =
                answer.market.as_deref().zip(time).ok_or_else(malformed)?;
            Ok(ToldStatus { market: brief(market), server_time: time.to_string() })
        };
        self.caller.call("/v1/marketstatus/now", patience, understand).await
    }

    /// Follows pages for as long as `take` wants more.
    pub(crate) async fn pages<R: DeserializeOwned, T>(
        &self,
        mut path: String,
        patience: &Patience,
        understand: impl Fn(Answer<R>) -> Result<(Option<String>, T), ProviderError>,
        mut take: impl FnMut(T) -> bool,
    ) -> Result<(), ProviderError> {
        let mut seen = HashSet::new();
        for _ in 0..MAX_PAGES {
            if !seen.insert(path.clone()) {
                return Err(ProviderError::Malformed("a page comes again".to_owned()));
            }
            let (next, page) = self.caller.call(&path, patience, &understand).await?;
            match (take(page), next) {
                (true, Some(next)) => path = next,
                _ => return Ok(()),
            }
        }
        Err(ProviderError::Malformed(format!("more than {MAX_PAGES} pages")))
    }
}

/// The bars of a session, each with the place of its symbol.
#[derive(Debug, Default)]
pub(crate) struct SessionBars {
    pub(crate) bars: Vec<(usize, DayBar)>,
    pub(crate) refused: Vec<(usize, RefusedRow)>,
}

/// Where the next page of an answer is, if there is one.
pub(crate) fn next_page<R>(answer: &Answer<R>) -> Result<Option<String>, ProviderError> {
    answer.next_url.as_deref().map(path_and_query).transpose()
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Provider").field("base_url", &self.base_url()).finish_non_exhaustive()
    }
}

/// The path and query of where the next page is: the provider's own host may be another, and it
/// leaves out the key.
fn path_and_query(url: &str) -> Result<String, ProviderError> {
    let malformed = || ProviderError::Malformed(format!("next_url: {}", brief(url)));
    let (_, rest) = url.split_once("://").ok_or_else(malformed)?;
    let at = rest.find('/').ok_or_else(malformed)?;
    rest.get(at..).map(str::to_owned).ok_or_else(malformed)
}

/// A symbol as one segment of a path, or as a value in a query.
pub(crate) fn encode(symbol: &str) -> String {
    let mut path = String::new();
    for byte in symbol.bytes() {
        match byte {
            b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b':' => path.push(char::from(byte)),
            other => path.push_str(&format!("%{other:02X}")),
        }
    }
    path
}
