//! A breaker: after some failures in a row a tier is left alone for a while.

use std::time::Duration;

use crate::clock::{Clock, Ticks, ticks_in};
use crate::sync::{AtomicU32, AtomicU64, Ordering};

/// Failures in a row after which it opens.
const FAILURES: u32 = 5;
/// How long it stays open. After that calls are let through again, and the first that fails opens
/// it anew.
const PAUSE: Duration = Duration::from_secs(1);

/// Counts failures in a row. Closed: calls go through. Open: they do not.
pub(crate) struct Breaker {
    clock: Clock,
    failures: AtomicU32,
    open_until: AtomicU32,
    opened: AtomicU64,
}

impl Breaker {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            clock,
            failures: AtomicU32::new(0),
            open_until: AtomicU32::new(0),
            opened: AtomicU64::new(0),
        }
    }

    /// Whether a call may be made.
    pub(crate) fn is_closed(&self) -> bool {
        // The usual case reads one number that nobody writes.
        self.failures.load(Ordering::Relaxed) < FAILURES
            || self.clock.ticks() >= self.open_until.load(Ordering::Relaxed)
    }

    /// A call went well.
    pub(crate) fn succeeded(&self) {
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
    }

    /// A call failed, or took too long.
    pub(crate) fn failed(&self) {
        if self.failures.fetch_add(1, Ordering::Relaxed) + 1 >= FAILURES {
            // Kept from growing without end.
            self.failures.store(FAILURES, Ordering::Relaxed);
            let until: Ticks = self.clock.ticks().saturating_add(ticks_in(PAUSE));
            if self.open_until.swap(until, Ordering::Relaxed) < self.clock.ticks() {
                self.opened.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// How often it has opened.
    pub(crate) fn times_opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }
}

#[cfg(all(test, not(feature = "shuttle")))]
mod tests {
    use super::*;

    #[test]
    fn five_failures_in_a_row_open_it_for_a_second_and_then_one_is_enough() {
        let (clock, hands) = Clock::manual();
        let breaker = Breaker::new(clock);
        (0..4).for_each(|_| breaker.failed());
        breaker.succeeded();
        (0..4).for_each(|_| breaker.failed());
        assert!(breaker.is_closed());
        breaker.failed();
        assert!(!breaker.is_closed());
        hands.advance(PAUSE);
        assert!(breaker.is_closed());
        hands.advance(PAUSE);
        breaker.failed();
        assert!(!breaker.is_closed());
        hands.advance(PAUSE);
        breaker.succeeded();
        (0..4).for_each(|_| breaker.failed());
        assert!(breaker.is_closed());
        assert_eq!(breaker.times_opened(), 2);
    }
}
