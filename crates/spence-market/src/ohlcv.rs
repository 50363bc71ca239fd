//! Bars as columns, which is how they are computed with.

/// Daily bars of one symbol, oldest first: five columns of the same length, prices in the quote
/// currency, volume in units.
#[derive(Debug, Clone, Copy)]
pub struct Ohlcv<'a> {
    pub(crate) open: &'a [f64],
    pub(crate) high: &'a [f64],
    pub(crate) low: &'a [f64],
    pub(crate) close: &'a [f64],
    pub(crate) volume: &'a [f64],
}

/// One of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quote {
    pub(crate) open: f64,
    pub(crate) high: f64,
    pub(crate) low: f64,
    pub(crate) close: f64,
    pub(crate) volume: f64,
}

impl Quote {
    /// How far prices have gone, from the close before.
    pub(crate) fn true_range(&self, close_before: f64) -> f64 {
        let range = self.high - self.low;
        range.max((self.high - close_before).abs()).max((self.low - close_before).abs())
    }
}

/// Bars as columns that own their values.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Columns {
    open: Vec<f64>,
    high: Vec<f64>,
    low: Vec<f64>,
    close: Vec<f64>,
    volume: Vec<f64>,
}

impl Columns {
    /// Adds a bar: open, high, low, close, volume.
    pub fn push(&mut self, [open, high, low, close, volume]: [f64; 5]) {
        self.open.push(open);
        self.high.push(high);
        self.low.push(low);
        self.close.push(close);
        self.volume.push(volume);
    }

    /// All of them.
    #[must_use]
    pub fn view(&self) -> Ohlcv<'_> {
        let Self { open, high, low, close, volume } = self;
        Ohlcv { open, high, low, close, volume }
    }
}

impl<'a> Ohlcv<'a> {
    /// How many bars there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.close.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.close.is_empty()
    }

    /// The last `count` of them, or all if there are fewer.
    #[must_use]
    pub fn last(&self, count: usize) -> Self {
        let first = self.len().saturating_sub(count);
        self.map(|column| column.get(first..).unwrap_or_default())
    }

    /// Those up to position `t`, included.
    pub(crate) fn up_to(&self, t: usize) -> Self {
        self.map(|column| column.get(..=t).unwrap_or(column))
    }

    /// The bar at a position; NaN where there is none.
    pub(crate) fn at(&self, t: usize) -> Quote {
        let at = |column: &[f64]| column.get(t).copied().unwrap_or(f64::NAN);
        Quote {
            open: at(self.open),
            high: at(self.high),
            low: at(self.low),
            close: at(self.close),
            volume: at(self.volume),
        }
    }

    /// All of them, oldest first.
    pub(crate) fn quotes(&self) -> impl Iterator<Item = Quote> {
        let prices = self.open.iter().zip(self.high).zip(self.low).zip(self.close);
        prices.zip(self.volume).map(|((((open, high), low), close), volume)| Quote {
            open: *open,
            high: *high,
            low: *low,
            close: *close,
            volume: *volume,
        })
    }

    fn map(&self, cut: impl Fn(&'a [f64]) -> &'a [f64]) -> Self {
        let Self { open, high, low, close, volume } = *self;
        Self {
            open: cut(open),
            high: cut(high),
            low: cut(low),
            close: cut(close),
            volume: cut(volume),
        }
    }
}
