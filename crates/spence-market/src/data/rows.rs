//! What data are made of, by type.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::answer::brief;
use crate::bars::Bar;

/// Rows, oldest first.
#[derive(Debug, Clone, PartialEq)]
pub enum Rows {
    /// Bars by day, unadjusted.
    Bars(Vec<Bar>),
    /// Bars within sessions, unadjusted.
    Intraday(Vec<IntradayBar>),
    /// Splits.
    Splits(Vec<SplitAction>),
    /// Dividends.
    Dividends(Vec<Dividend>),
    /// Figures by day.
    Values(Vec<Observation>),
}

/// What a provider says: rows, and of bars those that cannot be.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// The rows that can be believed.
    pub rows: Rows,
    /// Those that cannot be, again and again: of these days nothing is believed.
    pub refused: Vec<RefusedRow>,
}

impl From<Rows> for Told {
    fn from(rows: Rows) -> Self {
        Self { rows, refused: Vec::new() }
    }
}

/// A row that cannot be, such as a high below the low.
#[derive(Debug, Clone, PartialEq)]
pub struct RefusedRow {
    /// The session that it is about.
    pub date: Date,
    /// The moment that it is about, if it is one within the day.
    pub time: Option<Timestamp>,
    /// The row, in short.
    pub row: String,
}

impl RefusedRow {
    pub(crate) fn of(date: Date, row: &impl std::fmt::Debug) -> Self {
        Self { date, time: None, row: brief(&format!("{row:?}")) }
    }
}

/// What was traded from a moment on, for as long as the frequency says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IntradayBar {
    /// The moment.
    pub start: Timestamp,
    /// Prices and volume; its date is that of the session.
    pub bar: Bar,
}

/// More shares for each share, or fewer: for each `from` there are `to`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SplitAction {
    /// The first day at the new price.
    pub date: Date,
    /// Old shares.
    pub from: f64,
    /// New shares.
    pub to: f64,
}

/// Cash for each share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dividend {
    /// The first day on which who buys does not get it.
    pub date: Date,
    /// In the quote currency, a share of that day.
    pub cash: f64,
}

/// A figure of a day, or of the month or quarter that begins with it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observation {
    /// The day.
    pub date: Date,
    /// The figure; NaN where the provider has none.
    pub value: f64,
}

impl Rows {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Rows::Bars(rows) => rows.len(),
            Rows::Intraday(rows) => rows.len(),
            Rows::Splits(rows) => rows.len(),
            Rows::Dividends(rows) => rows.len(),
            Rows::Values(rows) => rows.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
