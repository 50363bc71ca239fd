//! The JSON that the API speaks. Field names are the provider's.

use serde::Serialize;

#[derive(Debug, Serialize)]
pub(crate) struct Aggregates {
    pub(crate) ticker: String,
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
    /// Volume.
    pub(crate) v: f64,
    /// Volume-weighted price.
    pub(crate) vw: f64,
    pub(crate) o: f64,
    pub(crate) c: f64,
    pub(crate) h: f64,
    pub(crate) l: f64,
    /// Start of the session's day in New York, Unix milliseconds.
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

#[derive(Debug, Serialize)]
pub(crate) struct CallCounts {
    pub(crate) calls: u64,
    pub(crate) answered: u64,
    pub(crate) limited: u64,
    pub(crate) refused: u64,
}
