//! What can be wrong with a question to a calendar.

use jiff::civil::Date;

/// Why a calendar has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CalendarError {
    /// There is no calendar of that name.
    #[error("calendar `{0}`: expected XNYS, XLON or XBOM")]
    Unknown(String),
    /// The calendar does not know that day.
    #[error("{mic}: {date} is outside of the days it knows, {first} to {last}")]
    OutOfRange {
        /// The exchange.
        mic: &'static str,
        /// The day that was asked for.
        date: Date,
        /// The first day that the calendar knows.
        first: Date,
        /// The last day that the calendar knows.
        last: Date,
    },
    /// The end is before the start.
    #[error("{to} is before {from}")]
    Reversed {
        /// The first day asked for.
        from: Date,
        /// The last day asked for.
        to: Date,
    },
}
