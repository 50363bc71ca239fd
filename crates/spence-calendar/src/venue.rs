//! What distinguishes one exchange from another.

use jiff::civil::{Date, Time};

/// An exchange: where it is, and when it trades.
pub(crate) trait Venue: Sync {
    /// Its code of ISO 10383.
    fn mic(&self) -> &'static str;

    /// Its time zone, by its name in the IANA database.
    fn zone(&self) -> &'static str;

    /// The first and the last year that are known.
    fn years(&self) -> (i16, i16);

    /// When it trades on a day from Monday to Friday of those years; `None` on a holiday.
    fn hours(&self, day: Date) -> Option<Hours>;
}

/// The hours of one session, in local time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hours {
    pub(crate) open: Time,
    pub(crate) close: Time,
    pub(crate) is_early_close: bool,
}
