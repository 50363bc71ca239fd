//! What a Massive/Polygon-compatible API is asked about one ticker.

use std::collections::BTreeMap;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use jiff::civil::Date;

use spence::{Error, Spence};

use crate::answer::{brief, check, day_of_row, garbage, rows_in, values_of};
use crate::bars::Bar;
use crate::call::Patience;
use crate::data::{
    DataProvider, DataQuestion, DataType, Dividend, Frequency, IntradayBar, RefusedRow, Rows,
    SplitAction, Told,
};
use crate::date::parse_date;
use crate::error::ProviderError;
use crate::provider::{Provider, encode, next_page};
use crate::quality::refused::{Doubts, by_day};
use crate::series::date_of;
use crate::splits::Split;
use crate::symbol::Symbol;
use crate::wire::{Aggregate, Answer, DividendRow, SplitRow};

/// What it has.
pub(crate) const SERVES: [DataType; 3] = [DataType::Ohlcv, DataType::Split, DataType::Dividend];

/// The most bars of a minute that an answer is put together from.
const MAX_MINUTES: usize = 50_000;

impl DataProvider for Provider {
    fn get_data<'a>(
        &'a self,
        question: &'a DataQuestion,
        patience: &'a Patience,
    ) -> BoxFuture<'a, Result<Told, ProviderError>> {
        let DataQuestion { data_type, start, end, ticker, frequency, params } = question;
        let days = (*start, *end);
        async move {
            let Some(ticker) = ticker else { return Err(ProviderError::Unserved(*data_type)) };
            match (data_type, frequency) {
                (DataType::Ohlcv, Frequency::Daily) => {
                    let most = params.last.unwrap_or(usize::MAX).min(MAX_MINUTES);
                    self.bars_of(ticker, days, most, patience).await
                }
                (DataType::Ohlcv, Frequency::Minutes(minutes)) => {
                    self.trades_of(ticker, minutes.get(), days, patience).await
                }
                (DataType::Split, _) => {
                    self.splits_of(ticker, days, patience).await.map(Told::from)
                }
                (DataType::Dividend, _) => {
                    self.dividends_of(ticker, days, patience).await.map(Told::from)
                }
                _ => Err(ProviderError::Unserved(*data_type)),
            }
        }
        .boxed()
    }

    fn keep_in(&self, spence: &Spence) -> Result<(), Error> {
        self.keep_calls_in(spence)
    }

    fn origin(&self, _: DataType) -> String {
        self.base_url().to_owned()
    }

    fn whole_market(&self) -> Option<&Provider> {
        Some(self)
    }
}

impl Provider {
    /// Bars of so many minutes on the days between two, both included, also outside of sessions.
    async fn trades_of(
        &self,
        symbol: &Symbol,
        minutes: u8,
        (from, to): (Date, Date),
        patience: &Patience,
    ) -> Result<Told, ProviderError> {
        let span = if minutes == 60 { "1/hour".to_owned() } else { format!("{minutes}/minute") };
        let path = format!(
            "/v2/aggs/ticker/{}/range/{span}/{from}/{to}?adjusted=false&sort=asc&limit={MAX_MINUTES}",
            encode(symbol.as_str())
        );
        let (mut bars, mut refused) = (BTreeMap::new(), Vec::new());
        let doubts = Doubts::default();
        let understand = |answer: Answer<Aggregate>| {
            check(&answer, Some(symbol))?;
            let next = next_page(&answer)?;
            let mut page = Vec::new();
            let mut bad = Vec::new();
            for row in rows_in(answer)? {
                let date = day_of_row(&row, (from, to), &self.new_york)?;
                let start = Timestamp::from_millisecond(row.t).map_err(|_| garbage(&row))?;
                match values_of(&row) {
                    Ok([open, high, low, close, volume]) => {
                        let bar = Bar { date, open, high, low, close, volume };
                        page.push(IntradayBar { start, bar });
                    }
                    Err(_) => {
                        let refused = RefusedRow::of(date, &row);
                        bad.push(RefusedRow { time: Some(start), ..refused });
                    }
                }
            }
            doubts.settle(by_day(&bad))?;
            Ok((next, (page, bad)))
        };
        self.pages(path, patience, understand, |(page, bad): (Vec<IntradayBar>, Vec<_>)| {
            bars.extend(page.into_iter().map(|bar| (bar.start, bar)));
            refused.extend(bad);
            true
        })
        .await?;
        Ok(Told { rows: Rows::Intraday(bars.into_values().collect()), refused })
    }

    async fn splits_of(
        &self,
        symbol: &Symbol,
        (from, to): (Date, Date),
        patience: &Patience,
    ) -> Result<Rows, ProviderError> {
        let path = format!(
            "/v3/reference/splits?ticker={}&execution_date.gte={from}&execution_date.lte={to}\
             &limit=1000",
            encode(symbol.as_str())
        );
        let read = |row: &SplitRow| {
            let split = Split::read(row)?;
            of_asked(symbol, &split.symbol)?;
            let malformed = || ProviderError::Malformed(format!("row {row:?}"));
            let date = date_of(split.day).ok_or_else(malformed)?;
            let key = (date, (split.to / split.from).to_bits());
            Ok((key, SplitAction { date, from: split.from, to: split.to }))
        };
        let splits = self.by_day(path, patience, read).await?;
        // Of two that differ neither can be believed.
        match splits
            .windows(2)
            .find(|pair| pair.first().map(|one| one.date) == pair.last().map(|one| one.date))
        {
            Some(pair) => Err(ProviderError::Malformed(format!("two splits on a day: {pair:?}"))),
            None => Ok(Rows::Splits(splits)),
        }
    }

    async fn dividends_of(
        &self,
        symbol: &Symbol,
        (from, to): (Date, Date),
        patience: &Patience,
    ) -> Result<Rows, ProviderError> {
        let path = format!(
            "/v3/reference/dividends?ticker={}&ex_dividend_date.gte={from}\
             &ex_dividend_date.lte={to}&limit=1000",
            encode(symbol.as_str())
        );
        let read = |row: &DividendRow| {
            of_asked(symbol, &row.ticker)?;
            let malformed = || ProviderError::Malformed(format!("row {row:?}"));
            let date = parse_date(&row.ex_dividend_date).ok_or_else(malformed)?;
            let cash = row.cash_amount;
            if !(cash.is_finite() && cash >= 0.0) {
                return Err(malformed());
            }
            if let Some(currency) =
                row.currency.as_deref().filter(|one| !one.eq_ignore_ascii_case("USD"))
            {
                let what = format!("a dividend of {date} is in {}, not in USD", brief(currency));
                return Err(ProviderError::Malformed(what));
            }
            // Two on a day, as an extra one beside the usual, are told apart by amount and id; a
            // row that comes twice is one.
            Ok(((date, cash.to_bits(), row.id.clone()), Dividend { date, cash }))
        };
        self.by_day(path, patience, read).await.map(Rows::Dividends)
    }

    /// All rows of all pages, in the order of their keys, each once.
    async fn by_day<R, K: Ord, T>(
        &self,
        path: String,
        patience: &Patience,
        read: impl Fn(&R) -> Result<(K, T), ProviderError>,
    ) -> Result<Vec<T>, ProviderError>
    where
        R: serde::de::DeserializeOwned,
    {
        let mut all = BTreeMap::new();
        let understand = |answer: Answer<R>| {
            let next = next_page(&answer)?;
            let rows = rows_in(answer)?;
            Ok((next, rows.iter().map(&read).collect::<Result<Vec<_>, _>>()?))
        };
        self.pages(path, patience, understand, |page: Vec<(K, T)>| {
            all.extend(page);
            true
        })
        .await?;
        Ok(all.into_values().collect())
    }
}

/// Whether a row is of the symbol that was asked about.
fn of_asked(asked: &Symbol, told: &str) -> Result<(), ProviderError> {
    match told.eq_ignore_ascii_case(asked.as_str()) {
        true => Ok(()),
        false => Err(ProviderError::Malformed(format!("asked for {asked}, got {told}"))),
    }
}
