//! A second set of figures of one symbol's last bars, with formulas and beginnings of its own.
//!
//! Definitions: docs/scan.md, columns that begin with `b_`.

use super::features::gap;
use crate::indicators::window::{deviation, mean, tail};
use crate::ohlcv::Ohlcv;

/// Factors of the last bar; NaN where one is not defined.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Factors {
    /// Momentum over 5 bars.
    pub mom_5: f64,
    /// Momentum over 21 bars.
    pub mom_21: f64,
    /// Momentum over 63 bars.
    pub mom_63: f64,
    /// The momentum over 5 bars, turned round.
    pub reversal_5: f64,
    /// Slope of the mean of 20 closes over 20 bars, a bar, as a fraction of the last mean.
    pub ma_slope_20: f64,
    /// Mean true range of 14 bars as a fraction of the close.
    pub atr_pct_14: f64,
    /// Sample deviation of the returns within 20 bars, times the root of 252.
    pub vol_realized_20: f64,
    /// Mean of 20 bars of close times volume.
    pub dollar_vol_20: f64,
    /// Mean of the gaps within 10 bars.
    pub gap_stat_10: f64,
}

impl Factors {
    pub(crate) fn of(bars: &Ohlcv<'_>, dollar_vol_20: f64) -> Self {
        let mom_5 = momentum(bars.close, 5);
        Self {
            mom_5,
            mom_21: momentum(bars.close, 21),
            mom_63: momentum(bars.close, 63),
            reversal_5: -mom_5,
            ma_slope_20: slope(bars.close),
            atr_pct_14: range(bars),
            vol_realized_20: volatility(bars.close),
            dollar_vol_20,
            gap_stat_10: gaps(bars),
        }
    }
}

/// New less old, by old; not the same number as new by old, less one.
fn momentum(closes: &[f64], bars: usize) -> f64 {
    let last = closes.len().wrapping_sub(1);
    match (closes.get(last), last.checked_sub(bars).and_then(|t| closes.get(t))) {
        (Some(now), Some(before)) if *before != 0.0 => (now - before) / before,
        _ => f64::NAN,
    }
}

/// The slope of the least-squares line through the last 20 means of 20 closes.
fn slope(closes: &[f64]) -> f64 {
    let means = tail::<20>(closes.len(), |t| {
        let closes = closes.get(..=t)?;
        (closes.len() >= 20).then(|| mean(closes, 20))
    });
    let Some(means) = means else { return f64::NAN };
    let [first, .., last] = means;
    let tolerance = 1e-8 + 1e-5 * first.abs();
    if means.iter().all(|mean| (mean - first).abs() <= tolerance) {
        return 0.0;
    }
    let middle = means.iter().sum::<f64>() / 20.0;
    let positions = (0..20).map(f64::from);
    let sum: f64 = positions.zip(means).map(|(j, mean)| (j - 9.5) * (mean - middle)).sum();
    // The squares of the positions about their mean add up to 665.
    sum / 665.0 / if last == 0.0 { 1e-6 } else { last }
}

/// A plain mean of true ranges, the first bar's own range counted too.
fn range(bars: &Ohlcv<'_>) -> f64 {
    let ranges = tail::<14>(bars.len(), |t| {
        let bar = bars.at(t);
        let before = t.checked_sub(1).and_then(|before| bars.close.get(before));
        Some(before.map_or(bar.high - bar.low, |before| bar.true_range(*before)))
    });
    let last = bars.close.last().copied().unwrap_or(f64::NAN);
    match ranges.map(|ranges| mean(&ranges, 14)) {
        Some(mean) if mean != 0.0 && last != 0.0 => mean / last,
        _ => f64::NAN,
    }
}

/// Of the returns that there are within the last 20 bars: 19 of them if there are 20 bars.
fn volatility(closes: &[f64]) -> f64 {
    if closes.len() < 20 {
        return f64::NAN;
    }
    let mut returns = [f64::NAN; 20];
    let mut count = 0;
    for pair in closes.get(closes.len().saturating_sub(21)..).unwrap_or_default().windows(2) {
        if let ([before, now], Some(slot)) = (pair, returns.get_mut(count)) {
            let change = now / before - 1.0;
            if !change.is_nan() {
                *slot = change;
                count += 1;
            }
        }
    }
    let returns = returns.get(..count).unwrap_or_default();
    match count {
        0 | 1 => f64::NAN,
        _ => deviation(returns, count, count - 1) * f64::sqrt(252.0),
    }
}

/// The mean of the gaps that there are within the last 10 bars; infinite if one is.
fn gaps(bars: &Ohlcv<'_>) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for t in bars.len().saturating_sub(10)..bars.len() {
        let gap = gap(bars, t).unwrap_or(f64::NAN);
        if !gap.is_nan() {
            sum += gap;
            count += 1.0;
        }
    }
    if count == 0.0 { f64::NAN } else { sum / count }
}
