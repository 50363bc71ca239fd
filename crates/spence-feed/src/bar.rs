//! One day's prices.

use jiff::civil::Date;

use crate::sessions::Progress;

/// One session of one symbol. Prices in US dollars, to the cent; volume in shares.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bar {
    /// The session.
    pub date: Date,
    /// First price.
    pub open: f64,
    /// Highest price.
    pub high: f64,
    /// Lowest price.
    pub low: f64,
    /// Last price.
    pub close: f64,
    /// Shares traded.
    pub volume: f64,
}

/// The part of a session's volume that is known before its last corrections.
const UNSETTLED: f64 = 0.99;

impl Bar {
    pub(crate) fn to_the_cent(price: f64) -> f64 {
        ((price * 100.0).round() / 100.0).max(0.01)
    }

    /// As it is after a split by `ratio`, to the cent.
    pub(crate) fn divided(self, ratio: f64) -> Self {
        Self { volume: self.volume * ratio, ..self.map(|price| Self::to_the_cent(price / ratio)) }
    }

    /// As it looked before a split by `ratio`, which came later: not rounded.
    pub(crate) fn adjusted(self, ratio: f64) -> Self {
        Self { volume: self.volume * ratio, ..self.map(|price| price / ratio) }
    }

    /// What is known of it so far.
    pub(crate) fn so_far(self, progress: Progress) -> Self {
        let part = match progress {
            Progress::Settled => return self,
            Progress::Unsettled => {
                return Self { volume: (self.volume * UNSETTLED).round(), ..self };
            }
            Progress::Open(part) => part,
        };
        let along = |price: f64| Self::to_the_cent(self.open + (price - self.open) * part);
        Self {
            high: along(self.high),
            low: along(self.low),
            close: along(self.close),
            volume: (self.volume * UNSETTLED * part).round(),
            ..self
        }
    }

    fn map(self, change: impl Fn(f64) -> f64) -> Self {
        Self {
            open: change(self.open),
            high: change(self.high),
            low: change(self.low),
            close: change(self.close),
            ..self
        }
    }
}
