//! Indicators with Wilder's smoothing over 14 bars: a mean at first, then a fourteenth of the new.
//!
//! Source: J. Welles Wilder, New Concepts in Technical Trading Systems (1978), in the order of
//! operations that TA-Lib has.

use crate::ohlcv::Quote;

const BARS: u32 = 14;
const N: f64 = 14.0;

/// A mean of 14 values that then follows.
#[derive(Debug, Default, Clone)]
struct Smoothed {
    taken: u32,
    value: f64,
}

impl Smoothed {
    fn push(&mut self, value: f64) {
        self.taken += 1;
        match self.taken {
            ..BARS => self.value += value,
            BARS => self.value = (self.value + value) / N,
            _ => self.value = (self.value * (N - 1.0) + value) / N,
        }
    }

    fn is_defined(&self) -> bool {
        self.taken >= BARS
    }
}

/// Relative strength index.
#[derive(Debug, Default, Clone)]
pub(crate) struct Rsi {
    gain: Smoothed,
    loss: Smoothed,
}

impl Rsi {
    /// Takes the change of the close, which the first bar has not.
    pub(crate) fn push(&mut self, change: f64) {
        self.gain.push(change.max(0.0));
        self.loss.push((-change).max(0.0));
    }

    /// 0 to 100; 0 when nothing has changed.
    pub(crate) fn value(&self) -> f64 {
        let (gain, both) = (self.gain.value, self.gain.value + self.loss.value);
        match self.gain.is_defined() {
            false => f64::NAN,
            true if both == 0.0 => 0.0,
            true => 100.0 * (gain / both),
        }
    }
}

/// Average true range.
#[derive(Debug, Default, Clone)]
pub(crate) struct Atr(Smoothed);

impl Atr {
    pub(crate) fn push(&mut self, true_range: f64) {
        self.0.push(true_range);
    }

    pub(crate) fn value(&self) -> f64 {
        if self.0.is_defined() { self.0.value } else { f64::NAN }
    }
}

/// Directional movement: its two indicators, and the index of how far they are apart.
#[derive(Debug, Default, Clone)]
pub(crate) struct Dmi {
    /// Bars taken after the first.
    taken: u32,
    plus: f64,
    minus: f64,
    range: f64,
    index: Smoothed,
}

impl Dmi {
    pub(crate) fn push(&mut self, bar: &Quote, before: &Quote, range: f64) {
        self.taken += 1;
        let kept = if self.taken >= BARS { 1.0 - 1.0 / N } else { 1.0 };
        let (up, down) = (bar.high - before.high, before.low - bar.low);
        // Both are as likely as not, so that branches would be guessed wrong half of the time.
        let is_up = (up > 0.0) & (up > down);
        let is_down = (down > 0.0) & (up < down);
        self.plus = self.plus * kept + if is_up { up } else { 0.0 };
        self.minus = self.minus * kept + if is_down { down } else { 0.0 };
        self.range = self.range * kept + range;
        if self.taken >= BARS {
            self.push_index();
        }
    }

    /// Where prices have not moved the index stays; in the first mean that counts as 0.
    fn push_index(&mut self) {
        // The range, by which both indicators are divided, makes no difference to their ratio.
        let both = self.plus + self.minus;
        if both != 0.0 {
            self.index.push(100.0 * (self.plus - self.minus).abs() / both);
        } else if !self.index.is_defined() {
            self.index.push(0.0);
        }
    }

    pub(crate) fn plus(&self) -> f64 {
        self.indicator(self.plus)
    }

    pub(crate) fn minus(&self) -> f64 {
        self.indicator(self.minus)
    }

    pub(crate) fn index(&self) -> f64 {
        if self.index.is_defined() { self.index.value } else { f64::NAN }
    }

    fn indicator(&self, movement: f64) -> f64 {
        match self.taken >= BARS {
            false => f64::NAN,
            true if self.range == 0.0 => 0.0,
            true => 100.0 * (movement / self.range),
        }
    }
}
