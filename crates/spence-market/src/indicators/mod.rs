//! Technical indicators of daily bars, all from one pass.
//!
//! Recursive ones (`wilder.rs`, `average.rs`) take bar after bar; those of a window (`window.rs`)
//! look back over the bars themselves, so no rounding error is carried along.
//!
//! Definitions are TA-Lib's (0.8: exact zeros, no unstable period), except where
//! a column says otherwise. What is not defined yet is NaN.

pub(crate) mod average;
pub(crate) mod wilder;
pub(crate) mod window;

use average::{Ema, Ewm, Macd};
use wilder::{Atr, Dmi, Rsi};
use window::{deviation, highest, mean};

use crate::ohlcv::{Ohlcv, Quote};

macro_rules! indicators {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// The indicators of one bar; NaN where one is not defined yet.
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub struct Indicators {
            $($(#[$doc])* pub $name: f64,)*
        }

        impl Indicators {
            /// Their names, in order.
            pub const NAMES: &[&str] = &[$(stringify!($name)),*];

            /// Their values, in the order of [`Indicators::NAMES`].
            pub fn values(&self) -> impl Iterator<Item = f64> {
                [$(self.$name),*].into_iter()
            }
        }
    };
}

indicators! {
    /// Relative strength index of 14 bars (Wilder), 0 to 100; 0 when no price has changed.
    rsi14,
    /// Moving average convergence/divergence: fast (12) less slow (26) average, both begun at the
    /// 26th bar; shown from the 34th bar on, when its signal is.
    macd,
    /// Average of 9 of `macd`.
    macd_signal,
    /// `macd` less its signal.
    macd_hist,
    /// Average true range of 14 bars (Wilder), in the quote currency.
    atr14,
    /// Average directional index of 14 bars (Wilder), 0 to 100.
    adx14,
    /// Positive directional indicator of 14 bars, 0 to 100.
    plus_di14,
    /// Negative directional indicator of 14 bars, 0 to 100.
    minus_di14,
    /// Mean of the last 20 closes.
    sma20,
    /// Mean of the last 50 closes.
    sma50,
    /// Mean of the last 200 closes.
    sma200,
    /// Exponential average of 12, begun with the mean of the first 12 closes.
    ema12,
    /// Exponential average of 26, begun with the mean of the first 26 closes.
    ema26,
    /// Upper Bollinger band: mean of 20 closes and two deviations (of the population).
    bb_upper,
    /// Middle Bollinger band.
    bb_mid,
    /// Lower Bollinger band.
    bb_lower,
    /// On-balance volume, which begins with the first bar's volume.
    obv,
    /// Realised volatility: sample deviation of the last 20 returns, times the root of 252.
    vol20_ann,
    /// Upper Bollinger band with the deviation of a sample.
    bb_upper_ddof1,
    /// MACD of averages that begin with the first close (pandas `ewm(adjust=False)`).
    macd_ewm,
    /// Per cent from the highest of the last 20 closes, 0 or less.
    pct_from_high20,
}

/// The state of the recursive indicators after some bars.
#[derive(Debug)]
struct Recursive {
    before: Option<Quote>,
    rsi: Rsi,
    atr: Atr,
    dmi: Dmi,
    macd: Macd,
    ema12: Ema,
    ema26: Ema,
    fast: Ewm,
    slow: Ewm,
    obv: f64,
}

impl Recursive {
    fn new() -> Self {
        Self {
            before: None,
            rsi: Rsi::default(),
            atr: Atr::default(),
            dmi: Dmi::default(),
            macd: Macd::default(),
            ema12: Ema::of(12),
            ema26: Ema::of(26),
            fast: Ewm::of(12),
            slow: Ewm::of(26),
            obv: 0.0,
        }
    }

    /// Takes a bar, of which all before have been taken. Inlined, the state stays in registers.
    #[inline(always)]
    fn push(&mut self, bar: Quote) {
        let change = self.before.map(|before| bar.close - before.close);
        if let (Some(before), Some(change)) = (self.before, change) {
            let range = bar.true_range(before.close);
            self.rsi.push(change);
            self.atr.push(range);
            self.dmi.push(&bar, &before, range);
        }
        self.before = Some(bar);
        self.macd.push(bar.close);
        self.ema12.push(bar.close);
        self.ema26.push(bar.close);
        self.fast.push(bar.close);
        self.slow.push(bar.close);
        let is = |that: bool| f64::from(u8::from(that));
        let direction = change.map_or(1.0, |change| is(change > 0.0) - is(change < 0.0));
        self.obv += direction * bar.volume;
    }

    /// The indicators of the last bar of `bars`, all of which have been taken.
    fn indicators(&self, bars: &Ohlcv<'_>) -> Indicators {
        let closes = bars.close;
        let last = closes.last().copied().unwrap_or(f64::NAN);
        let [sma20, sma50, sma200] = [20, 50, 200].map(|bars| mean(closes, bars));
        let [population, sample] = [20, 19].map(|divisor| deviation(closes, 20, divisor));
        let (macd, macd_signal) = self.macd.with_signal();
        Indicators {
            rsi14: self.rsi.value(),
            macd,
            macd_signal,
            macd_hist: macd - macd_signal,
            atr14: self.atr.value(),
            adx14: self.dmi.index(),
            plus_di14: self.dmi.plus(),
            minus_di14: self.dmi.minus(),
            sma20,
            sma50,
            sma200,
            ema12: self.ema12.value(),
            ema26: self.ema26.value(),
            bb_upper: sma20 + 2.0 * population,
            bb_mid: sma20,
            bb_lower: sma20 - 2.0 * population,
            obv: self.obv,
            vol20_ann: realised_volatility(closes),
            bb_upper_ddof1: sma20 + 2.0 * sample,
            macd_ewm: self.fast.value() - self.slow.value(),
            pct_from_high20: (last / highest(closes, 20) - 1.0) * 100.0,
        }
    }
}

/// Sample deviation of the last 20 returns, times the root of 252 sessions: a fraction, not per
/// cent.
pub(crate) fn realised_volatility(closes: &[f64]) -> f64 {
    let returns: Option<[f64; 20]> = window::tail(closes.len(), |t| {
        let before = closes.get(t.checked_sub(1)?)?;
        Some(closes.get(t)? / before - 1.0)
    });
    returns.map_or(f64::NAN, |returns| deviation(&returns, 20, 19) * f64::sqrt(252.0))
}

/// The indicators of each bar, oldest first.
#[must_use]
pub fn indicators(bars: &Ohlcv<'_>) -> Vec<Indicators> {
    let mut state = Recursive::new();
    let all = bars.quotes().enumerate().map(|(t, bar)| {
        state.push(bar);
        state.indicators(&bars.up_to(t))
    });
    all.collect()
}

/// The indicators of the last bar; `None` if there is none.
#[must_use]
pub fn last_indicators(bars: &Ohlcv<'_>) -> Option<Indicators> {
    let mut state = Recursive::new();
    bars.quotes().for_each(|bar| state.push(bar));
    (!bars.is_empty()).then(|| state.indicators(bars))
}
