//! Measured staleness: now and then a hit in memory is compared with what the shared tier has.
//!
//! Off the hit path and one at a time; it changes nothing, it only counts.

use crate::sync::{AtomicBool, AtomicU64, Ordering};

/// What was compared, and what came of it.
#[derive(Debug, Default)]
pub(crate) struct Shadow {
    running: AtomicBool,
    checked: AtomicU64,
    differed: AtomicU64,
}

/// Leave to compare one hit.
pub(crate) struct Turn<'a>(&'a Shadow);

impl Shadow {
    /// `None` if another comparison is running.
    pub(crate) fn turn(&self) -> Option<Turn<'_>> {
        (!self.running.swap(true, Ordering::Relaxed)).then_some(Turn(self))
    }

    pub(crate) fn checked(&self) -> u64 {
        self.checked.load(Ordering::Relaxed)
    }

    pub(crate) fn differed(&self) -> u64 {
        self.differed.load(Ordering::Relaxed)
    }
}

impl Turn<'_> {
    /// The tier had a value to compare with; `differs` if that is another, and so much newer that
    /// this node should have known.
    pub(crate) fn compared(&self, differs: bool) {
        self.0.checked.fetch_add(1, Ordering::Relaxed);
        self.0.differed.fetch_add(u64::from(differs), Ordering::Relaxed);
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.running.store(false, Ordering::Relaxed);
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
    fn a_fraction_is_a_mask_of_the_next_power_of_two() {
        assert_eq!(mask_of(0.001), 1023);
        assert_eq!((mask_of(1.0), mask_of(0.5), mask_of(0.0)), (0, 1, u64::MAX));
        assert_eq!(mask_of(1e-300), (1 << 32) - 1);
    }
}
