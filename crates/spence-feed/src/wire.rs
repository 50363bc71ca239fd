//! The JSON that the API speaks. Field names are the provider's.

use serde::Serialize;

use crate::actions::{Dividend, Split};

#[derive(Debug, Serialize)]
pub(crate) struct Aggregates {
    /// Left out of what is about all symbols.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ticker: Option<String>,
    #[serde(rename = "queryCount")]
    pub(crate) query_count: usize,
    #[serde(rename = "resultsCount")]
    pub(crate) results_count: usize,
    pub(crate) adjusted: bool,
    /// Left out when empty, as the provider does.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) results: Vec<Aggregate>,
    pub(crate) status: &'static str,
    pub(crate) request_id: String,
    pub(crate) count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_url: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Aggregate {
    #[serde(rename = "T", skip_serializing_if = "Option::is_none")]
    pub(crate) symbol: Option<String>,
    /// Volume.
    pub(crate) v: f64,
    /// Volume-weighted price.
    pub(crate) vw: f64,
    pub(crate) o: f64,
    pub(crate) c: f64,
    pub(crate) h: f64,
    pub(crate) l: f64,
    /// The session: its day's start in New York, or four o'clock; Unix milliseconds.
    pub(crate) t: i64,
    /// Number of trades.
    pub(crate) n: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Failure {
    pub(crate) status: &'static str,
    pub(crate) request_id: String,
    pub(crate) error: String,
}

/// As FRED says it.
#[derive(Debug, Serialize)]
pub(crate) struct FredFailure {
    pub(crate) error_code: u16,
    pub(crate) error_message: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct CallCounts {
    pub(crate) calls: u64,
    pub(crate) answered: u64,
    pub(crate) limited: u64,
    pub(crate) refused: u64,
}

/// A page of rows.
#[derive(Debug, Serialize)]
pub(crate) struct Listing<T> {
    pub(crate) results: Vec<T>,
    pub(crate) status: &'static str,
    pub(crate) request_id: String,
    pub(crate) count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_url: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Ticker {
    ticker: String,
    name: String,
    market: &'static str,
    locale: &'static str,
    primary_exchange: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    active: bool,
    currency_name: &'static str,
}

impl Ticker {
    pub(crate) fn of(symbol: &str) -> Self {
        Self {
            ticker: symbol.to_owned(),
            name: format!("{symbol} Inc."),
            market: "stocks",
            locale: "us",
            primary_exchange: "XNYS",
            kind: "CS",
            active: true,
            currency_name: "usd",
        }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct SplitRow {
    execution_date: String,
    split_from: f64,
    split_to: f64,
    ticker: String,
}

impl SplitRow {
    pub(crate) fn of(symbol: &str, Split { date, ratio }: Split) -> Self {
        let (execution_date, ticker) = (date.to_string(), symbol.to_owned());
        Self { execution_date, split_from: 1.0, split_to: ratio, ticker }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct DividendRow {
    cash_amount: f64,
    dividend_type: &'static str,
    ex_dividend_date: String,
    /// Times a year.
    frequency: u8,
    ticker: String,
}

impl DividendRow {
    pub(crate) fn of(symbol: &str, Dividend { date, cash }: Dividend) -> Self {
        Self {
            cash_amount: cash,
            dividend_type: "CD",
            ex_dividend_date: date.to_string(),
            frequency: 4,
            ticker: symbol.to_owned(),
        }
    }
}
