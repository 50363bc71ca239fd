//! What computing charts has cost, and how often asking for them has failed.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

/// Upper bounds of the buckets of `calculation_time`, in seconds; one more is above all.
pub(crate) const BOUNDS: [f64; 10] =
    [0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1.0];
/// Over which time `error_rate` is told.
const WINDOW_MS: u64 = 300_000;
/// In slices of which it is counted.
const SLICE_MS: u64 = 5_000;

/// Counts since the start, and of the last five minutes.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    buckets: [AtomicU64; BOUNDS.len() + 1],
    nanos: AtomicU64,
    hits: AtomicU64,
    recent: Mutex<VecDeque<Slice>>,
}

#[derive(Debug)]
struct Slice {
    number: u64,
    requests: u64,
    failures: u64,
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
        let mut recent = self.recent.lock();
        if recent.back().is_none_or(|slice| slice.number != number) {
            recent.push_back(Slice { number, requests: 0, failures: 0 });
            while recent.len() as u64 > WINDOW_MS / SLICE_MS {
                recent.pop_front();
            }
        }
        if let Some(slice) = recent.back_mut() {
            slice.requests += 1;
            slice.failures += u64::from(failed);
        }
    }

    /// The share of requests of the last five minutes that failed.
    pub(crate) fn error_rate(&self, now_ms: u64) -> f64 {
        let oldest = now_ms.saturating_sub(WINDOW_MS) / SLICE_MS;
        let recent = self.recent.lock();
        let counted = recent.iter().filter(|slice| slice.number > oldest);
        let (requests, failures) = counted.fold((0, 0), |(requests, failures), slice| {
            (requests + slice.requests, failures + slice.failures)
        });
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
            figures.answered(2_000_000 + slice * SLICE_MS, true);
        }
        assert!(figures.recent.lock().len() <= 60);
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
