//! Our own rules: those of technic where they are sound, mirrored where they only looked upwards.

use super::compat::volume;
use super::{Factors, Features, Risk, Rules, SubScores, ULTRA_RISKY};

pub(super) struct Corrected;

impl Rules for Corrected {
    fn sub_scores(&self, features: &Features, factors: &Factors) -> SubScores {
        let Features { rsi_14: rsi, macd_hist, pct_from_high20, pct_from_low20, .. } = *features;
        let is = i32::from;
        let trend = side(features.sma_20, features.sma_50)
            + side(features.sma_50, features.sma_200)
            + side(factors.ma_slope_20, 0.0);
        let momentum = is(rsi > 55.0) + is(rsi > 65.0) - is(rsi < 45.0) - is(rsi < 35.0)
            + side(macd_hist, 0.0)
            + is(pct_from_high20 > -3.0)
            - is(pct_from_low20 < 3.0);
        let momentum = momentum.clamp(-3, 3);
        // Turnover and calm say how much a direction can be trusted, not which it is.
        let direction = (trend + momentum).signum();
        let calm = is(features.atr_pct_14 < 0.01) - is(features.atr_pct_14 > 0.03);
        SubScores {
            trend,
            momentum,
            volume: direction * volume(features.vol_spike_ratio),
            volatility: direction * calm,
            oscillator: is((55.0..=65.0).contains(&rsi)) - is((35.0..=45.0).contains(&rsi))
                + is(rsi < 30.0)
                - is(rsi > 70.0),
            breakout: is(pct_from_high20 > -1.0) + is(features.ret_5d > 0.02)
                - is(pct_from_low20 < 1.0)
                - is(features.ret_5d < -0.02),
        }
    }

    fn risk(&self, range: f64) -> Risk {
        // NaN stays NaN, as it does for the rating.
        let score = if range.is_nan() { f64::NAN } else { (range * 50.0).clamp(0.0, 1.0) };
        let calm = 1.0 - score;
        Risk { score, calm, is_ultra: calm < ULTRA_RISKY }
    }
}

/// 1 above, -1 below, 0 if equal or undefined.
fn side(value: f64, of: f64) -> i32 {
    i32::from(value > of) - i32::from(value < of)
}
