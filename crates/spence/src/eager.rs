//! Eager refresh: a read of a value that is about to expire may start the next fill, so that
//! nobody waits when it has.
//!
//! By XFetch (A. Vattani, F. Chierichetti, K. Lowenstein: Optimal Probabilistic Cache Stampede
//! Prevention, VLDB 2015): a read refreshes if `now - delta * beta * ln(u) >= expiry`, where
//! `delta` is how long the last fill took and `u` is drawn anew by each read from (0, 1]. So what
//! takes long is refreshed early, what is asked for often is refreshed earlier than what is not,
//! and many nodes do not begin at the same moment.

use std::time::Duration;

use crate::sync::{AtomicU64, Ordering};

/// Values of `-ln(u)` beyond this count as this; they come once in 22,000 draws.
const MOST: f64 = 10.0;
/// The largest `beta`.
pub(crate) const MAX_BETA: f64 = 100.0;

/// How long before its expiry a value can be refreshed at all.
pub(crate) fn window(beta: f64, delta: Duration) -> Duration {
    delta.mul_f64(beta.clamp(0.0, MAX_BETA) * MOST)
}

/// Whether a read refreshes a value that is fresh for `left` more; `u` is in (0, 1].
pub(crate) fn is_due(beta: f64, delta: Duration, left: Duration, u: f64) -> bool {
    left <= delta.mul_f64(beta.clamp(0.0, MAX_BETA) * (-u.ln()).clamp(0.0, MOST))
}

/// Draws numbers that no caller can foresee.
#[derive(Debug)]
pub(crate) struct Dice(AtomicU64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// A number in (0, 1].
    pub(crate) fn draw(&self) -> f64 {
        // SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
        const GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;
        let mut z = self.0.fetch_add(GAMMA, Ordering::Relaxed).wrapping_add(GAMMA);
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        ((z >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(all(test, not(any(feature = "shuttle", feature = "loom"))))]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn reads_refresh_as_often_as_the_formula_says() {
        let dice = Dice::new(7);
        let check = |beta: f64, left: f64| {
            let left = SECOND.mul_f64(left);
            let due = (0..100_000).filter(|_| is_due(beta, SECOND, left, dice.draw())).count();
            // P(-ln(u) * beta * delta >= left) = exp(-left / (beta * delta)).
            let expected = (-left.as_secs_f64() / beta).exp() * 1e5;
            assert!((due as f64 - expected).abs() < 700.0, "{due}, expected about {expected}");
        };
        check(1.0, 0.0);
        check(1.0, 0.1);
        check(1.0, 1.0);
        check(1.0, 3.0);
        check(2.0, 3.0);
    }

    #[test]
    fn nothing_is_due_before_the_window_or_without_beta() {
        let smallest = f64::MIN_POSITIVE;
        assert!(is_due(1.0, SECOND, SECOND * 10, smallest));
        assert!(!is_due(1.0, SECOND, SECOND * 10 + Duration::from_millis(1), smallest));
        assert_eq!(window(1.0, SECOND), SECOND * 10);
        assert!(!is_due(0.0, SECOND, Duration::from_millis(1), smallest));
        assert_eq!(window(0.0, SECOND), Duration::ZERO);
    }
}
