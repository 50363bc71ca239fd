//! Why a provider gave no data.

use std::time::Duration;

use crate::data::DataType;

/// Tries of a call that may well succeed in a moment.
const TRIES: u32 = 12;

/// Why a provider gave no data.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProviderError {
    /// It could not be reached.
    #[error("provider unreachable: {0}")]
    Unreachable(String),
    /// The connection broke off, or there was no answer in time.
    #[error("provider answer broken off: {0}")]
    Interrupted(String),
    /// There were too many calls.
    #[error("provider limit reached: {message}")]
    RateLimited {
        /// What it said.
        message: String,
        /// How long it wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// The key is missing, wrong, or not entitled to the data.
    #[error("provider refused the key: {0}")]
    Unauthorized(String),
    /// It answered with an error.
    #[error("provider error {status}: {message}")]
    Failed {
        /// The HTTP status.
        status: u16,
        /// What it said.
        message: String,
    },
    /// Its answer cannot be understood.
    #[error("provider answer not understood: {0}")]
    Malformed(String),
    /// It says that nobody traded in a session that took place.
    #[error("provider has no bars at all of {0}, on which there was trading")]
    Suspicious(jiff::civil::Date),
    /// As many calls were made as may be made in a day.
    #[error("max_calls_per_day: all {most} calls of {day} (UTC) are spent")]
    BudgetSpent {
        /// How many there are.
        most: u32,
        /// The day.
        day: jiff::civil::Date,
    },
    /// Nobody who could be asked has data of this type.
    #[error("no provider serves {0}")]
    Unserved(DataType),
    /// The client could not be set up.
    #[error("provider client: {0}")]
    Setup(String),
}

impl ProviderError {
    /// How many tries of the same call make sense.
    pub(crate) fn tries(&self) -> u32 {
        match self {
            ProviderError::Interrupted(_)
            | ProviderError::RateLimited { .. }
            | ProviderError::Malformed(_) => TRIES,
            // An error with status 200 is one of the provider's own, not about the question.
            ProviderError::Failed { status, .. } if *status == 200 || *status >= 500 => TRIES,
            // It does that now and then.
            ProviderError::Suspicious(_) => 3,
            // It may be starting again; if it is gone, nobody shall wait for long.
            ProviderError::Unreachable(_) => 2,
            ProviderError::Failed { .. }
            | ProviderError::Unauthorized(_)
            | ProviderError::BudgetSpent { .. }
            | ProviderError::Unserved(_)
            | ProviderError::Setup(_) => 1,
        }
    }

    /// Whether other calls would fail as well.
    pub(crate) fn is_hopeless(&self) -> bool {
        matches!(
            self,
            ProviderError::Unauthorized(_)
                | ProviderError::Unreachable(_)
                | ProviderError::BudgetSpent { .. }
                | ProviderError::Unserved(_)
                | ProviderError::Setup(_)
        )
    }

    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            ProviderError::RateLimited { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}
