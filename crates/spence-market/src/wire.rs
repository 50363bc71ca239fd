//! The JSON of providers. Only what is used is read; everything may be missing.

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// What a provider sends.
pub(crate) trait Reply: DeserializeOwned {
    /// Its word for how it went, if it has one.
    fn word(&self) -> &str;

    /// What it says beside the data; of an error only if `is_error`.
    fn said(&self) -> Option<&str>;

    /// Whether it says that it has failed.
    fn is_error(&self) -> bool;
}

impl<R> Reply for Answer<R>
where
    Answer<R>: DeserializeOwned,
{
    fn word(&self) -> &str {
        self.status.as_deref().unwrap_or("")
    }

    fn said(&self) -> Option<&str> {
        self.error.as_deref().or(self.message.as_deref())
    }

    fn is_error(&self) -> bool {
        self.word() == "ERROR" || self.error.is_some()
    }
}

impl Reply for Observed {
    fn word(&self) -> &str {
        ""
    }

    fn said(&self) -> Option<&str> {
        self.error_message.as_deref()
    }

    fn is_error(&self) -> bool {
        self.error_message.is_some()
    }
}

impl Reply for StatusReply {
    fn word(&self) -> &str {
        self.status.as_deref().unwrap_or("")
    }

    fn said(&self) -> Option<&str> {
        self.error.as_deref()
    }

    fn is_error(&self) -> bool {
        self.word() == "ERROR" || self.error.is_some()
    }
}

/// Whether the market is open.
#[derive(Debug, Deserialize)]
pub(crate) struct StatusReply {
    pub(crate) market: Option<String>,
    #[serde(rename = "serverTime")]
    pub(crate) server_time: Option<String>,
    status: Option<String>,
    error: Option<String>,
}

/// An answer of FRED.
#[derive(Debug, Deserialize)]
pub(crate) struct Observed {
    pub(crate) count: Option<usize>,
    pub(crate) observations: Option<Vec<ObservationRow>>,
    error_message: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ObservationRow {
    pub(crate) date: String,
    /// A number, or a full stop where there is none.
    pub(crate) value: String,
}

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
pub(crate) struct DividendRow {
    pub(crate) ticker: String,
    pub(crate) ex_dividend_date: String,
    pub(crate) cash_amount: f64,
    pub(crate) currency: Option<String>,
    pub(crate) id: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct TickerRow {
    pub(crate) ticker: String,
}
