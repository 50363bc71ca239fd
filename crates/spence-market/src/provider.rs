//! The client of a Massive/Polygon-compatible API.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU32;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::de::DeserializeOwned;

use crate::answer::{bar_of, brief, check, garbage, rows_in, values_of};
use crate::bars::Bar;
use crate::budget::Budget;
use crate::call::{Caller, KeyGoes, Patience};
use crate::error::ProviderError;
use crate::series::{DayBar, day_of};
use crate::splits::Split;
use crate::symbol::Symbol;
use crate::wire::{Aggregate, Answer, SplitRow, TickerRow};

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
    ) -> Result<Vec<Bar>, ProviderError> {
        let path = format!(
            "/v2/aggs/ticker/{}/range/1/day/{from}/{to}?adjusted=false&sort=desc&limit={limit}",
            encode(symbol.as_str())
        );
        // By session: a row that comes twice is one bar.
        let mut bars = BTreeMap::new();
        let understand = |answer: Answer<Aggregate>| {
            check(&answer, Some(symbol))?;
            let next = next_page(&answer)?;
            let rows = rows_in(answer)?;
            let bars = rows.iter().map(|row| bar_of(row, (from, to), &self.new_york));
            Ok((next, bars.collect::<Result<Vec<Bar>, _>>()?))
        };
        self.pages(path, patience, understand, |page: Vec<Bar>| {
            for bar in page {
                bars.entry(bar.date).or_insert(bar);
            }
            bars.len() < limit
        })
        .await?;
        Ok(bars.into_values().rev().take(limit).collect())
    }

    /// The bars of a session of all symbols that `places` knows, with what it says of them. That
    /// nobody traded in a session is not believed.
    pub(crate) async fn bars_on(
        &self,
        day: Date,
        places: &HashMap<&str, usize>,
        patience: &Patience,
    ) -> Result<Vec<(usize, DayBar)>, ProviderError> {
        let path = format!("/v2/aggs/grouped/locale/us/market/stocks/{day}?adjusted=false");
        let at = |day: Date| Some(day.to_zoned(self.new_york.clone()).ok()?.timestamp());
        let hours = at(day).zip(day.tomorrow().ok().and_then(at));
        let (begin, end) =
            hours.map_or((0, 0), |(from, to)| (from.as_millisecond(), to.as_millisecond()));
        let number = day_of(day);
        let understand = |answer: Answer<Aggregate>| {
            check(&answer, None)?;
            let mut bars = Vec::with_capacity(places.len());
            let rows = rows_in(answer)?;
            if rows.is_empty() {
                return Err(ProviderError::Suspicious(day));
            }
            for row in rows {
                let symbol = row.symbol.as_deref().ok_or_else(|| garbage(&row))?;
                let Some(place) = places.get(symbol) else { continue };
                let is_of_day = (begin..end).contains(&row.t);
                let values = is_of_day.then(|| values_of(&row)).ok_or_else(|| garbage(&row))??;
                bars.push((*place, DayBar { day: number, values }));
            }
            Ok(bars)
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

    /// Follows pages for as long as `take` wants more.
    pub(crate) async fn pages<R: DeserializeOwned, T>(
        &self,
        mut path: String,
        patience: &Patience,
        understand: impl Fn(Answer<R>) -> Result<(Option<String>, T), ProviderError>,
        mut take: impl FnMut(T) -> bool,
    ) -> Result<(), ProviderError> {
        for _ in 0..MAX_PAGES {
            let (next, page) = self.caller.call(&path, patience, &understand).await?;
            match (take(page), next) {
                (true, Some(next)) => path = next,
                _ => return Ok(()),
            }
        }
        Err(ProviderError::Malformed(format!("more than {MAX_PAGES} pages")))
    }
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
