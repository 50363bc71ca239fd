//! Counting what was asked of the feed.

use std::sync::atomic::{AtomicU64, Ordering};

/// How often the API was called since the feed started. Questions about these counts are not
/// counted.
#[derive(Debug, Default)]
pub struct Calls {
    answered: AtomicU64,
    limited: AtomicU64,
    refused: AtomicU64,
}

impl Calls {
    /// All calls, whatever became of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.answered() + self.limited() + self.refused()
    }

    /// Calls answered with data, or with the news that there are none.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::SeqCst)
    }

    /// Calls refused with status 429, since there were too many.
    #[must_use]
    pub fn limited(&self) -> u64 {
        self.limited.load(Ordering::SeqCst)
    }

    /// Calls refused for another reason: no key, or a question that makes no sense.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::SeqCst)
    }

    pub(crate) fn count(&self, status: u16) {
        let counter = match status {
            200 => &self.answered,
            429 => &self.limited,
            _ => &self.refused,
        };
        counter.fetch_add(1, Ordering::SeqCst);
    }
}
