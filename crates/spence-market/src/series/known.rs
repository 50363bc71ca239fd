//! Of which days what is known, and for how long.

use serde::{Deserialize, Serialize};
use spence::allocation;

use crate::series::Days;

/// Days that a provider was asked about: those on which what it said is final, and those of which
/// it said what was so then. They have no day in common.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Known {
    pub(crate) settled: Days,
    pub(crate) unsettled: Days,
    /// Until when the unsettled days are good enough, in milliseconds of Unix time.
    pub(crate) until_ms: u64,
}

impl Known {
    /// All days of which something is known.
    pub(crate) fn days(&self) -> Days {
        let mut days = self.settled.clone();
        days.add_all(&self.unsettled);
        days
    }

    /// Whether nothing is known.
    pub(crate) fn is_nothing(&self) -> bool {
        self.settled.is_empty() && self.unsettled.is_empty()
    }

    /// Whether what is known of a day is final.
    pub(crate) fn is_final(&self, day: i32) -> bool {
        self.settled.have(day)
    }

    /// Whether what is known of all days from `first` to `last` is final.
    pub(crate) fn is_final_throughout(&self, first: i32, last: i32) -> bool {
        self.settled.have_all(first, last)
    }

    /// Whether what is known of a day is final, or good enough now (Unix time in milliseconds).
    pub(crate) fn knows(&self, day: i32, now_ms: u64) -> bool {
        self.is_final(day) || (now_ms < self.until_ms && self.unsettled.have(day))
    }

    /// This with what another call said at about the same time.
    pub(crate) fn add(&mut self, told: &Self) {
        if !told.unsettled.is_empty() {
            // The earlier end of what is not settled counts.
            self.until_ms = match self.unsettled.is_empty() {
                true => told.until_ms,
                false => self.until_ms.min(told.until_ms),
            };
        }
        self.settled.add_all(&told.settled);
        self.unsettled.add_all(&told.unsettled);
        self.settled = self.settled.without(&self.unsettled);
    }

    /// What was said, but for days whose rows cannot be: of them nothing is final, and of those
    /// that are final in what is `held` nothing was said.
    pub(crate) fn doubting(&self, refused: &[i32], held: &Self) -> Self {
        let (mut doubted, mut open) = (Days::default(), Days::default());
        for day in refused {
            doubted.add(*day, *day);
            if !held.is_final(*day) {
                open.add(*day, *day);
            }
        }
        let mut unsettled = self.unsettled.without(&doubted);
        unsettled.add_all(&open);
        Self { settled: self.settled.without(&doubted), unsettled, until_ms: self.until_ms }
    }

    /// This with what was said now (Unix time in milliseconds); of a day that both know, that
    /// counts.
    pub(crate) fn with(&self, told: &Self, now_ms: u64) -> Self {
        let mut settled = self.settled.without(&told.unsettled);
        settled.add_all(&told.settled);
        // With several of them the first to end counts, but for those that have come anew.
        // What is good no more says nothing, and does not make what is new no good either.
        let unsettled = if now_ms < self.until_ms { &self.unsettled } else { &Days::default() };
        let mut unsettled = unsettled.without(&told.settled).without(&told.unsettled);
        let until_ms = match (unsettled.is_empty(), told.unsettled.is_empty()) {
            (true, _) => told.until_ms,
            (false, true) => self.until_ms,
            (false, false) => self.until_ms.min(told.until_ms),
        };
        unsettled.add_all(&told.unsettled);
        Self { settled, unsettled, until_ms }
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        allocation(self.settled.heap_bytes()) + allocation(self.unsettled.heap_bytes())
    }
}
