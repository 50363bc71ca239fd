//! The sessions of New York, which the feed follows.

use jiff::Timestamp;
use jiff::civil::Date;
use spence_calendar::{ExchangeCalendar, Moment, Session};

/// The calendar of New York.
pub(crate) fn new_york() -> ExchangeCalendar {
    ExchangeCalendar::named("XNYS").expect("there is a calendar of New York")
}

/// The sessions between two days, both included, as far as the calendar knows.
pub(crate) fn between(from: Date, to: Date) -> &'static [Session] {
    let (first, last) = new_york().span();
    new_york().sessions(from.max(first), to.min(last)).unwrap_or_default()
}

/// The first session of a day or after it.
pub(crate) fn from(day: Date) -> Option<Date> {
    let later = day.checked_add(jiff::Span::new().days(10)).ok()?;
    between(day, later).first().map(Session::date)
}

/// What there is of the newest session.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Progress {
    /// It is going on: this part of it has passed.
    Open(f64),
    /// It is over, and the figures may still be corrected.
    Unsettled,
    /// It will not change.
    Settled,
}

/// The newest session that has begun, and what there is of it; none before the first.
pub(crate) fn newest(now: Timestamp, settle: std::time::Duration) -> Option<(Date, Progress)> {
    match new_york().at(now) {
        Some(Moment::Open(session)) => {
            let passed = now.duration_since(session.open()).as_secs_f64();
            let part = passed / (f64::from(session.minutes()) * 60.0);
            Some((session.date(), Progress::Open(part)))
        }
        Some(Moment::Closed { last, .. }) => {
            let over = std::time::Duration::try_from(now.duration_since(last.close()));
            let is_settled = over.is_ok_and(|over| over >= settle);
            let progress = if is_settled { Progress::Settled } else { Progress::Unsettled };
            Some((last.date(), progress))
        }
        None => None,
    }
}
