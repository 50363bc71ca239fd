//! Exponential averages, and what is made of two of them.

/// An exponential average that begins with the mean of its first `period` values.
#[derive(Debug, Clone)]
pub(crate) struct Ema {
    period: u32,
    taken: u32,
    value: f64,
}

impl Ema {
    pub(crate) fn of(period: u32) -> Self {
        Self { period, taken: 0, value: 0.0 }
    }

    pub(crate) fn push(&mut self, value: f64) {
        self.taken += 1;
        if self.taken < self.period {
            self.value += value;
        } else if self.taken == self.period {
            self.value = (self.value + value) / f64::from(self.period);
        } else {
            self.value += (value - self.value) * (2.0 / f64::from(self.period + 1));
        }
    }

    pub(crate) fn value(&self) -> f64 {
        if self.taken >= self.period { self.value } else { f64::NAN }
    }
}

/// An exponential average that begins with its first value.
#[derive(Debug, Clone)]
pub(crate) struct Ewm {
    weight: f64,
    value: Option<f64>,
}

impl Ewm {
    pub(crate) fn of(span: u32) -> Self {
        Self { weight: 2.0 / f64::from(span + 1), value: None }
    }

    pub(crate) fn push(&mut self, value: f64) {
        self.value = Some(match self.value {
            None => value,
            Some(before) => (1.0 - self.weight) * before + self.weight * value,
        });
    }

    pub(crate) fn value(&self) -> f64 {
        self.value.unwrap_or(f64::NAN)
    }
}

/// Moving average convergence/divergence of 12, 26 and 9.
///
/// Both averages begin at the 26th close: the fast one with the mean of twelve closes, so it is not
/// [`Ema`] of 12 (TA-Lib).
#[derive(Debug, Clone)]
pub(crate) struct Macd {
    taken: u32,
    fast: Ema,
    slow: Ema,
    signal: Ema,
}

const FAST: u32 = 12;
const SLOW: u32 = 26;
const SIGNAL: u32 = 9;

impl Default for Macd {
    fn default() -> Self {
        Self { taken: 0, fast: Ema::of(FAST), slow: Ema::of(SLOW), signal: Ema::of(SIGNAL) }
    }
}

impl Macd {
    pub(crate) fn push(&mut self, close: f64) {
        self.taken += 1;
        self.slow.push(close);
        if self.taken > SLOW - FAST {
            self.fast.push(close);
        }
        if self.taken >= SLOW {
            self.signal.push(self.fast.value() - self.slow.value());
        }
    }

    /// The difference of the averages, and its own average; both NaN before the 34th close.
    pub(crate) fn with_signal(&self) -> (f64, f64) {
        let signal = self.signal.value();
        match signal.is_nan() {
            true => (f64::NAN, f64::NAN),
            false => (self.fast.value() - self.slow.value(), signal),
        }
    }
}

/// A weighted mean of everything so far, weights falling by `1 - 2/(span + 1)` a step (pandas
/// `ewm(adjust=True)`); a constant stays exactly what it is.
#[derive(Debug, Clone)]
pub(crate) struct WeightedMean {
    falls_by: f64,
    weight: f64,
    value: f64,
}

impl WeightedMean {
    pub(crate) fn of(span: u32) -> Self {
        Self { falls_by: 1.0 - 2.0 / f64::from(span + 1), weight: 0.0, value: 0.0 }
    }

    pub(crate) fn push(&mut self, value: f64) -> f64 {
        self.weight *= self.falls_by;
        if self.weight == 0.0 {
            self.value = value;
        } else if self.value != value {
            self.value = (self.weight * self.value + value) / (self.weight + 1.0);
        }
        self.weight += 1.0;
        self.value
    }
}
