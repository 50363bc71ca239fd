//! Measured staleness: now and then a hit in memory is compared with what the shared tier has.
//!
//! Off the hit path, and once in a tick of the clock at most (64 a second); it changes nothing, it
//! only counts.

use crate::clock::Ticks;
use crate::sync::{AtomicU32, AtomicU64, Ordering};

/// What was compared, and what came of it.
#[derive(Debug, Default)]
pub(crate) struct Shadow {
    next: AtomicU32,
    checked: AtomicU64,
    differed: AtomicU64,
}

impl Shadow {
    /// Whether a hit may be compared now; if so, the next may not before another tick.
    pub(crate) fn may_compare(&self, now: Ticks) -> bool {
        let next = self.next.load(Ordering::Relaxed);
        let (after, set, get) = (now.saturating_add(1), Ordering::Relaxed, Ordering::Relaxed);
        now >= next && self.next.compare_exchange(next, after, set, get).is_ok()
    }

    /// The tier had a value to compare with; `differs` if that is another, and so much newer that
    /// this node should have known.
    pub(crate) fn compared(&self, differs: bool) {
        self.checked.fetch_add(1, Ordering::Relaxed);
        self.differed.fetch_add(u64::from(differs), Ordering::Relaxed);
    }

    pub(crate) fn checked(&self) -> u64 {
        self.checked.load(Ordering::Relaxed)
    }

    pub(crate) fn differed(&self) -> u64 {
        self.differed.load(Ordering::Relaxed)
    }
}

/// Of so many hits one is compared, less one: a mask for a count of hits. All ones for none.
pub(crate) fn mask_of(fraction: f64) -> u64 {
    if fraction <= 0.0 {
        return u64::MAX;
    }
    // At most 2^32: whoever asks for less gets that.
    let every = (1.0 / fraction).clamp(1.0, 4_294_967_296.0) as u64;
    every.next_power_of_two() - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_hit_is_compared_in_a_tick() {
        let shadow = Shadow::default();
        let compared =
            |ticks: &[Ticks]| ticks.iter().map(|tick| shadow.may_compare(*tick)).collect();
        let answers: Vec<bool> = compared(&[7, 7, 7, 8, 7, 8, 20]);
        assert_eq!(answers, [true, false, false, true, false, false, true]);
    }

    #[test]
    fn a_fraction_is_a_mask_of_the_next_power_of_two() {
        assert_eq!(mask_of(0.001), 1023);
        assert_eq!((mask_of(1.0), mask_of(0.5), mask_of(0.0)), (0, 1, u64::MAX));
        assert_eq!(mask_of(1e-300), (1 << 32) - 1);
    }
}
