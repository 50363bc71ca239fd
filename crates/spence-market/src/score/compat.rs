//! What the Python scanner technic (commit 43c5f7c) computes with TA-Lib and without fundamentals.
//!
//! Its defects are kept: the first comparison of the trend counts twice, nothing is ever negative
//! in it, so shorts cannot be reached, and `RiskScore` is high for what is calm.

use super::{Factors, Features, Risk, Rules, SubScores, ULTRA_RISKY};

pub(super) struct Compat;

impl Rules for Compat {
    fn sub_scores(&self, features: &Features, _: &Factors) -> SubScores {
        let Features { rsi_14: rsi, macd_hist, pct_from_high20, vol_spike_ratio, .. } = *features;
        let is = i32::from;
        let above = features.sma_20_above_50();
        let momentum = is(rsi > 55.0) + is(rsi > 65.0) - is(rsi < 45.0) - is(rsi < 40.0)
            + is(macd_hist > 0.0)
            + is(pct_from_high20 > -3.0);
        SubScores {
            trend: is(above) + is(features.sma_50 > features.sma_200) + is(above),
            momentum: momentum.clamp(-3, 3),
            volume: volume(vol_spike_ratio),
            volatility: is(features.atr_pct_14 < 0.01) - is(features.atr_pct_14 > 0.03),
            oscillator: is((55.0..=65.0).contains(&rsi)) - is(rsi > 70.0) - is(rsi < 40.0),
            breakout: is(pct_from_high20 > -1.0) + is(features.ret_5d > 0.02),
        }
    }

    fn risk(&self, range: f64) -> Risk {
        let score = 1.0 - range * 50.0;
        // Without bars enough for a range there is no rating: NaN stays NaN.
        let calm = if score.is_nan() { f64::NAN } else { score.clamp(0.0, 1.0) };
        Risk { score, calm, is_ultra: score < ULTRA_RISKY }
    }
}

/// Turnover beside its mean: twice as loud counts two, a quiet day one less.
pub(super) fn volume(ratio: f64) -> i32 {
    match ratio {
        ratio if ratio > 1.5 => 2,
        ratio if ratio > 1.2 => 1,
        ratio if ratio < 0.7 => -1,
        _ => 0,
    }
}
