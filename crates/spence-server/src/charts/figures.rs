//! What computing charts has cost, and how often asking for them has failed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the buckets of `calculation_time`, in seconds; one more is above all.
pub(crate) const BOUNDS: [f64; 10] =
    [0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1.0];
/// `error_rate` is told over the last five minutes, in slices of which it is counted.
const SLICES: usize = 60;
const SLICE_MS: u64 = 5_000;

/// Counts since the start, and of the last five minutes.
#[derive(Debug)]
pub(crate) struct Figures {
    buckets: [AtomicU64; BOUNDS.len() + 1],
    nanos: AtomicU64,
    hits: AtomicU64,
    /// Each a [`Slice`], at its number modulo how many there are.
    recent: [AtomicU64; SLICES],
}

impl Default for Figures {
    fn default() -> Self {
        Self {
            buckets: Default::default(),
            nanos: AtomicU64::new(0),
            hits: AtomicU64::new(0),
            recent: [const { AtomicU64::new(0) }; SLICES],
        }
    }
}

/// Five seconds, in a word: counts of 22 bits, at which they stay, under a number of 20 bits, which
/// comes again after two months.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
struct Slice {
    number: u64,
    requests: u64,
    failures: u64,
}

impl Slice {
    const MOST: u64 = (1 << 22) - 1;
    const NUMBERS: u64 = 1 << 20;

    fn unpacked(word: u64) -> Slice {
        let (requests, failures) = (word >> 22 & Self::MOST, word & Self::MOST);
        Slice { number: word >> 44, requests, failures }
    }

    fn packed(self) -> u64 {
        self.number << 44 | self.requests << 22 | self.failures
    }

    /// With one more; anew if another number was counted here.
    fn counting(self, number: u64, failed: bool) -> Slice {
        let of_now =
            if self.number == number { self } else { Slice { number, ..Slice::default() } };
        Slice {
            number,
            requests: Self::MOST.min(of_now.requests + 1),
            failures: Self::MOST.min(of_now.failures + u64::from(failed)),
        }
    }
}

impl Figures {
    /// A chart was computed.
    pub(crate) fn computed(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        let bucket = BOUNDS.iter().position(|bound| seconds <= *bound).unwrap_or(BOUNDS.len());
        if let Some(bucket) = self.buckets.get(bucket) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    /// A chart was held.
    pub(crate) fn hit(&self) {
        self.hits.fetch_add(1, Ordering::Relaxed);
    }

    /// A request was answered.
    pub(crate) fn answered(&self, now_ms: u64, failed: bool) {
        let number = now_ms / SLICE_MS;
        let counted = |word| {
            let number = number % Slice::NUMBERS;
            Some(Slice::unpacked(word).counting(number, failed).packed())
        };
        if let Some(slice) = self.recent.get(number as usize % SLICES) {
            // It never declines.
            slice.fetch_update(Ordering::Relaxed, Ordering::Relaxed, counted).unwrap_or_default();
        }
    }

    /// The share of requests of the last five minutes that failed.
    pub(crate) fn error_rate(&self, now_ms: u64) -> f64 {
        let now = now_ms / SLICE_MS;
        let first = (now + 1).saturating_sub(SLICES as u64);
        let (mut requests, mut failures) = (0, 0);
        for number in first..=now {
            let Some(word) = self.recent.get(number as usize % SLICES) else { continue };
            let slice = Slice::unpacked(word.load(Ordering::Relaxed));
            if slice.number == number % Slice::NUMBERS {
                requests += slice.requests;
                failures += slice.failures;
            }
        }
        if requests == 0 { 0.0 } else { failures as f64 / requests as f64 }
    }

    /// Charts in each bucket.
    pub(crate) fn buckets(&self) -> [u64; BOUNDS.len() + 1] {
        self.buckets.each_ref().map(|bucket| bucket.load(Ordering::Relaxed))
    }

    /// How many charts were computed.
    pub(crate) fn count(&self) -> u64 {
        self.buckets().iter().sum()
    }

    /// How long that took in all.
    pub(crate) fn seconds(&self) -> f64 {
        Duration::from_nanos(self.nanos.load(Ordering::Relaxed)).as_secs_f64()
    }

    /// How many charts were held.
    pub(crate) fn hits(&self) -> u64 {
        self.hits.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_a_share_of_five_minutes_and_then_forgotten() {
        let figures = Figures::default();
        (0..9).for_each(|second| figures.answered(1_000_000 + second * 1_000, second == 3));
        assert!((figures.error_rate(1_010_000) - 1.0 / 9.0).abs() < 1e-9);
        assert_eq!(figures.error_rate(1_400_000), 0.0);
        for slice in 0..200 {
            figures.answered(2_000_000 + slice * SLICE_MS, slice >= 140);
        }
        assert_eq!(figures.error_rate(2_000_000 + 199 * SLICE_MS), 1.0, "older slices are gone");
        assert_eq!(figures.error_rate(2_000_000 + 209 * SLICE_MS), 1.0);
        let full = Slice { number: 3, requests: Slice::MOST, failures: Slice::MOST };
        assert_eq!(Slice::unpacked(full.counting(3, true).packed()), full);
    }

    #[test]
    fn times_fall_into_their_buckets() {
        let figures = Figures::default();
        figures.computed(Duration::from_micros(100));
        figures.computed(Duration::from_micros(101));
        figures.computed(Duration::from_secs(2));
        let buckets = figures.buckets();
        assert_eq!((buckets[0], buckets[1], buckets[BOUNDS.len()]), (1, 1, 1));
        assert_eq!(figures.count(), 3);
    }
}
