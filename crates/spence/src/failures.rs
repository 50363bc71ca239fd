//! Keys whose last fill failed, and for how long the origin is left alone for them.

use std::collections::HashMap;

use crate::clock::Ticks;
use crate::error::Error;
use crate::key::Identity;

/// Failed keys remembered at a time; beyond it failures are not backed off from.
const MAX_FAILURES: usize = 1024;

/// By key hash.
#[derive(Default)]
pub(crate) struct Failures {
    last: HashMap<u64, Failure, Identity>,
}

struct Failure {
    /// The origin is left alone until this tick.
    until: Ticks,
    /// How long that was, for doubling.
    backoff: Ticks,
    error: Error,
}

impl Failures {
    /// Why the origin is left alone now, if it is.
    pub(crate) fn in_force(&self, hash: u64, now: Ticks) -> Option<&Error> {
        self.last.get(&hash).filter(|failure| now < failure.until).map(|failure| &failure.error)
    }

    pub(crate) fn forget(&mut self, hash: u64) {
        self.last.remove(&hash);
    }

    /// Remembers a failed fill: the origin is left alone for `first`, doubled with each failure in
    /// a row up to `most`.
    pub(crate) fn add(&mut self, hash: u64, error: &Error, now: Ticks, first: Ticks, most: Ticks) {
        let backoff = match self.last.get(&hash) {
            // In a row means: not long after the last back-off ended.
            Some(last) if now < last.until.saturating_add(most) => {
                last.backoff.saturating_mul(2).min(most)
            }
            _ => first.min(most),
        };
        if self.last.len() >= MAX_FAILURES {
            self.last.retain(|_, failure| now < failure.until);
        }
        if backoff > 0 && self.last.len() < MAX_FAILURES {
            let until = now.saturating_add(backoff);
            self.last.insert(hash, Failure { until, backoff, error: error.clone() });
        }
    }
}
