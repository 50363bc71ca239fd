//! The JSON of the provider. Only what is used is read; everything may be missing.

use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(crate) struct Aggregates {
    pub(crate) status: Option<String>,
    pub(crate) ticker: Option<String>,
    pub(crate) adjusted: Option<bool>,
    pub(crate) results: Option<Vec<Aggregate>>,
    #[serde(rename = "resultsCount")]
    pub(crate) results_count: Option<u64>,
    pub(crate) error: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) next_url: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Aggregate {
    pub(crate) v: f64,
    pub(crate) o: f64,
    pub(crate) c: f64,
    pub(crate) h: f64,
    pub(crate) l: f64,
    pub(crate) t: i64,
}
