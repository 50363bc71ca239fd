//! What scores are made of: features of one symbol's last bars.
//!
//! Definitions: docs/scan.md, columns that begin with `f_`.

use crate::indicators::Indicators;
use crate::indicators::average::WeightedMean;
use crate::indicators::window::{lowest, mean, tail};
use crate::ohlcv::Ohlcv;

/// Bars from which on the MACD is that of averages that begin with a mean.
const MACD_BARS: usize = 26;

/// Features of the last bar; NaN where one is not defined.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Features {
    /// Return over a bar.
    pub ret_1d: f64,
    /// Return over 5 bars.
    pub ret_5d: f64,
    /// Return over 21 bars.
    pub ret_21d: f64,
    /// Sample deviation of 20 returns, times the root of 252.
    pub vol_realized_20: f64,
    /// Average true range (Wilder, 14) as a fraction of the close.
    pub atr_pct_14: f64,
    /// Mean of 20 closes.
    pub sma_20: f64,
    /// Mean of 50 closes.
    pub sma_50: f64,
    /// Mean of 200 closes.
    pub sma_200: f64,
    /// Per cent from the highest of 20 closes, 0 or less.
    pub pct_from_high20: f64,
    /// Per cent from the lowest of 20 closes, 0 or more.
    pub pct_from_low20: f64,
    /// Relative strength index (Wilder, 14).
    pub rsi_14: f64,
    /// Histogram of the MACD; of weighted means of everything if there are at most 25 bars.
    pub macd_hist: f64,
    /// Mean of 20 bars of close times volume.
    pub dollar_vol_20: f64,
    /// Close times volume as a multiple of that mean.
    pub vol_spike_ratio: f64,
    /// Mean over 10 bars of how far, as a fraction, the open was from the close before.
    pub gap_mean_10: f64,
}

impl Features {
    /// `last` are the indicators of the last bar.
    pub(crate) fn of(bars: &Ohlcv<'_>, last: &Indicators) -> Self {
        let (closes, count) = (bars.close, bars.len());
        let close = closes.last().copied().unwrap_or(f64::NAN);
        let turnover = |t: usize| Some(bars.close.get(t)? * bars.volume.get(t)?);
        let turnovers = tail::<20>(count, turnover);
        let dollar_vol_20 = turnovers.map_or(f64::NAN, |values| mean(&values, 20));
        let spike = match turnovers {
            Some([.., today]) if dollar_vol_20 != 0.0 => today / dollar_vol_20,
            _ => f64::NAN,
        };
        let gaps = tail::<10>(count, |t| gap(bars, t));
        Self {
            ret_1d: change(closes, 1),
            ret_5d: change(closes, 5),
            ret_21d: change(closes, 21),
            vol_realized_20: last.vol20_ann,
            atr_pct_14: if close == 0.0 { f64::NAN } else { last.atr14 / close },
            sma_20: last.sma20,
            sma_50: last.sma50,
            sma_200: last.sma200,
            pct_from_high20: last.pct_from_high20,
            pct_from_low20: (close / lowest(closes, 20) - 1.0) * 100.0,
            rsi_14: last.rsi14,
            macd_hist: if count < MACD_BARS { histogram_of_few(closes) } else { last.macd_hist },
            dollar_vol_20,
            vol_spike_ratio: spike,
            gap_mean_10: gaps.map_or(f64::NAN, |gaps| mean(&gaps, 10)),
        }
    }

    /// Whether the mean of 20 closes is above that of 50; not if either is undefined.
    #[must_use]
    pub fn sma_20_above_50(&self) -> bool {
        self.sma_20 > self.sma_50
    }
}

/// The return over some bars: new by old, less one.
fn change(closes: &[f64], bars: usize) -> f64 {
    let last = closes.len().wrapping_sub(1);
    let before = last.checked_sub(bars).and_then(|t| closes.get(t));
    match (closes.get(last), before) {
        (Some(now), Some(before)) => now / before - 1.0,
        _ => f64::NAN,
    }
}

/// How far the open of bar `t` was from the close before it, as a fraction.
pub(crate) fn gap(bars: &Ohlcv<'_>, t: usize) -> Option<f64> {
    let before = bars.close.get(t.checked_sub(1)?)?;
    Some((bars.open.get(t)? - before).abs() / before)
}

/// The MACD's histogram of weighted means, which is defined from the first bar on.
fn histogram_of_few(closes: &[f64]) -> f64 {
    let [mut fast, mut slow, mut signal] = [12, 26, 9].map(WeightedMean::of);
    let mut histogram = f64::NAN;
    for close in closes {
        let macd = fast.push(*close) - slow.push(*close);
        histogram = macd - signal.push(macd);
    }
    histogram
}
