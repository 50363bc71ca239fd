//! A session: one day of trading.

use jiff::Timestamp;
use jiff::civil::Date;

/// One day of trading, from the opening to the close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    date: Date,
    /// Seconds of Unix time.
    open: u32,
    /// Seconds after the opening.
    length: u16,
    is_early_close: bool,
}

impl Session {
    /// `None` beyond what Unix time in 32 bits can say.
    pub(crate) fn new(
        date: Date,
        open: Timestamp,
        close: Timestamp,
        is_early_close: bool,
    ) -> Option<Self> {
        let length = u16::try_from(close.as_second() - open.as_second()).ok()?;
        Some(Self { date, open: u32::try_from(open.as_second()).ok()?, length, is_early_close })
    }

    /// The day in the exchange's own time zone.
    #[must_use]
    pub fn date(&self) -> Date {
        self.date
    }

    /// The moment of the opening.
    #[must_use]
    pub fn open(&self) -> Timestamp {
        at(u64::from(self.open))
    }

    /// The moment of the close, which no longer belongs to the session.
    #[must_use]
    pub fn close(&self) -> Timestamp {
        at(self.close_second())
    }

    /// Whether it closes earlier than others.
    #[must_use]
    pub fn is_early_close(&self) -> bool {
        self.is_early_close
    }

    /// Minutes from the opening to the close.
    #[must_use]
    pub fn minutes(&self) -> u32 {
        u32::from(self.length) / 60
    }

    pub(crate) fn open_second(&self) -> u64 {
        u64::from(self.open)
    }

    pub(crate) fn close_second(&self) -> u64 {
        u64::from(self.open) + u64::from(self.length)
    }
}

fn at(second: u64) -> Timestamp {
    let second = i64::try_from(second).unwrap_or(i64::MAX);
    Timestamp::from_second(second).unwrap_or(Timestamp::MAX)
}
