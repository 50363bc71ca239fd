//! When there can be new bars, by the sessions of New York.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use spence_calendar::{CalendarError, ExchangeCalendar, Moment, Session};

use crate::series::{Days, day_of};

/// How long after the close a session's figures may still be corrected: until eight in the evening
/// in New York on a whole day.
const SETTLE: Duration = Duration::from_secs(4 * 3600);

/// The sessions that bars are of.
#[derive(Debug, Clone)]
pub(crate) struct Trading {
    calendar: ExchangeCalendar,
    zone: TimeZone,
}

impl Trading {
    pub(crate) fn in_new_york() -> Result<Self, CalendarError> {
        // Whoever has no zones has none for the calendar either.
        let zone = TimeZone::get("America/New_York").unwrap_or(TimeZone::UTC);
        Ok(Self { calendar: ExchangeCalendar::named("XNYS")?, zone })
    }

    /// The day that it is in New York.
    pub(crate) fn day(&self, now: Timestamp) -> Date {
        now.to_zoned(self.zone.clone()).date()
    }

    /// The first day that bars can be of.
    pub(crate) fn beginning(&self) -> Date {
        self.calendar.span().0
    }

    /// The sessions that have begun by now, of days up to `end`, oldest first.
    pub(crate) fn begun(&self, end: Option<Date>, now: Timestamp) -> &'static [Session] {
        let newest = match self.calendar.at(now) {
            Some(Moment::Open(session)) => session.date(),
            Some(Moment::Closed { last, .. }) => last.date(),
            // Before the first, or after the last that is known.
            None => now.to_zoned(TimeZone::UTC).date().min(self.calendar.span().1),
        };
        let end = end.unwrap_or(newest).min(newest);
        self.calendar.sessions(self.beginning(), end).unwrap_or_default()
    }

    /// Whether the figures of a session can change no more.
    pub(crate) fn is_settled(session: &Session, now: Timestamp) -> bool {
        session.close().checked_add(SETTLE).is_ok_and(|settled| settled <= now)
    }

    /// Whether there is a session on a day.
    pub(crate) fn is_session(&self, day: Date) -> bool {
        self.calendar.sessions(day, day).is_ok_and(|sessions| !sessions.is_empty())
    }

    /// Whether a session goes on.
    pub(crate) fn is_open(&self, now: Timestamp) -> bool {
        matches!(self.calendar.at(now), Some(Moment::Open(_)))
    }

    /// When the next session opens.
    pub(crate) fn next_open(&self, now: Timestamp) -> Option<Timestamp> {
        match self.calendar.at(now)? {
            Moment::Closed { next, .. } => Some(next.open()),
            Moment::Open(session) => match self.calendar.at(session.close())? {
                Moment::Open(next) | Moment::Closed { next, .. } => Some(next.open()),
            },
        }
    }

    /// When the next session is settled, or the one that goes on.
    pub(crate) fn next_settled(&self, now: Timestamp) -> Option<Timestamp> {
        let session = match self.calendar.at(now)? {
            Moment::Open(session) => session,
            Moment::Closed { last, .. } if !Self::is_settled(&last, now) => last,
            Moment::Closed { next, .. } => next,
        };
        session.close().checked_add(SETTLE).ok()
    }

    /// Until when figures that are not settled yet are good enough: for the time that a policy
    /// gives them, but not beyond the close, and not beyond the moment when they are settled.
    pub(crate) fn good_until(&self, now: Timestamp, given: Duration) -> Timestamp {
        let until = now.checked_add(given).unwrap_or(Timestamp::MAX);
        match self.calendar.at(now) {
            Some(Moment::Open(session)) => until.min(session.close()),
            Some(Moment::Closed { last, .. }) if !Self::is_settled(&last, now) => {
                until.min(last.close().checked_add(SETTLE).unwrap_or(until))
            }
            Some(Moment::Closed { .. }) | None => until,
        }
    }

    /// The days from `from` to `to`, apart: those whose sessions are settled, and the others.
    pub(crate) fn apart(&self, from: Date, to: Date, now: Timestamp) -> (Days, Days) {
        let (mut settled, mut unsettled) = (Days::default(), Days::default());
        let sessions = self.calendar.sessions(from, to).unwrap_or_default();
        let open = sessions.iter().rev().take_while(|session| !Self::is_settled(session, now));
        let first_open = open.last().map(|session| day_of(session.date()));
        let (from, to) = (day_of(from), day_of(to));
        match first_open {
            None => settled.add(from, to),
            Some(first) => {
                if from < first {
                    settled.add(from, first - 1);
                }
                unsettled.add(first, to);
            }
        }
        (settled, unsettled)
    }

    /// The day after the session before this one: with these, nothing between is left out.
    pub(crate) fn run_up_to(&self, session: Date) -> Date {
        let before = session
            .yesterday()
            .ok()
            .and_then(|yesterday| self.calendar.last_sessions(1, yesterday).ok()?.first().copied());
        before.and_then(|before| before.date().tomorrow().ok()).unwrap_or(session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn a_session_has_begun_when_it_opens_and_is_settled_four_hours_after_its_close() {
        let trading = Trading::in_new_york().unwrap();
        // The Friday after Thanksgiving, a half day: 14:30 to 18:00 UTC.
        let newest = |now: &str, end: Option<&str>| {
            let begun = trading.begun(end.map(day), at(now));
            begun.last().unwrap().date().to_string()
        };
        assert_eq!(newest("2024-11-29T14:29:59Z", None), "2024-11-27");
        assert_eq!(newest("2024-11-29T14:30:00Z", None), "2024-11-29");
        assert_eq!(newest("2024-12-01T12:00:00Z", None), "2024-11-29");
        assert_eq!(newest("2024-12-01T12:00:00Z", Some("2024-11-28")), "2024-11-27");
        assert_eq!(newest("2024-12-01T12:00:00Z", Some("2030-01-01")), "2024-11-29");

        let apart = |now: &str| {
            let (settled, unsettled) = trading.apart(day("2024-11-25"), day("2024-11-29"), at(now));
            (settled.have(day_of(day("2024-11-29"))), unsettled.have(day_of(day("2024-11-29"))))
        };
        assert_eq!(apart("2024-11-29T21:59:59Z"), (false, true));
        assert_eq!(apart("2024-11-29T22:00:00Z"), (true, false));
        let minutes = |now: &str| {
            let until = trading.good_until(at(now), Duration::from_secs(300));
            until.duration_since(at(now)).as_secs() / 60
        };
        assert_eq!(minutes("2024-11-29T15:00:00Z"), 5);
        assert_eq!(minutes("2024-11-29T17:58:00Z"), 2, "the close itself ends it");
        assert_eq!(minutes("2024-11-29T21:57:00Z"), 3);
        let settled = |now: &str| trading.next_settled(at(now)).unwrap().to_string();
        assert_eq!(settled("2024-11-29T15:00:00Z"), "2024-11-29T22:00:00Z");
        assert_eq!(settled("2024-11-29T21:59:00Z"), "2024-11-29T22:00:00Z");
        assert_eq!(settled("2024-11-29T22:00:00Z"), "2024-12-03T01:00:00Z");
        let next = |now: &str| trading.next_open(at(now)).unwrap().to_string();
        assert_eq!(next("2024-11-29T15:00:00Z"), "2024-12-02T14:30:00Z");
        assert_eq!(next("2024-11-29T14:00:00Z"), "2024-11-29T14:30:00Z");
        assert_eq!(trading.run_up_to(day("2024-12-02")), day("2024-11-30"));
    }
}
