//! The JSON of the provider. Only what is used is read; everything may be missing.

use serde::Deserialize;

/// An answer with rows.
#[derive(Debug, Deserialize)]
pub(crate) struct Answer<R> {
    pub(crate) status: Option<String>,
    pub(crate) ticker: Option<String>,
    pub(crate) adjusted: Option<bool>,
    pub(crate) results: Option<Vec<R>>,
    #[serde(rename = "resultsCount")]
    pub(crate) results_count: Option<u64>,
    pub(crate) error: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) next_url: Option<String>,
}

/// A bar.
#[derive(Debug, Deserialize)]
pub(crate) struct Aggregate {
    /// Of whom, in an answer about many.
    #[serde(rename = "T")]
    pub(crate) symbol: Option<String>,
    pub(crate) v: f64,
    pub(crate) o: f64,
    pub(crate) c: f64,
    pub(crate) h: f64,
    pub(crate) l: f64,
    pub(crate) t: i64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct SplitRow {
    pub(crate) ticker: String,
    pub(crate) execution_date: String,
    pub(crate) split_from: f64,
    pub(crate) split_to: f64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct TickerRow {
    pub(crate) ticker: String,
}
