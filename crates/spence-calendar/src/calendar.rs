//! The calendar of an exchange: its sessions, and in which of them a moment lies.

use std::fmt;
use std::sync::OnceLock;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use spence::Phase;

use crate::bombay::Bombay;
use crate::error::CalendarError;
use crate::london::London;
use crate::new_york::NewYork;
use crate::session::Session;
use crate::venue::Venue;

static BOOKS: [Book; 3] = [Book::of(&NewYork), Book::of(&London), Book::of(&Bombay)];

/// The sessions of one exchange, worked out for all years when they are first asked for, then
/// looked up.
#[derive(Clone, Copy)]
pub struct ExchangeCalendar {
    book: &'static Book,
}

struct Book {
    venue: &'static dyn Venue,
    sessions: OnceLock<Vec<Session>>,
}

/// Where a moment lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Within a session.
    Open(Session),
    /// Between two.
    Closed {
        /// The session before it.
        last: Session,
        /// The session after it.
        next: Session,
    },
}

impl ExchangeCalendar {
    /// The calendar with this code of ISO 10383, in either case: `XNYS`, `XLON` or `XBOM`.
    ///
    /// # Errors
    /// [`CalendarError::Unknown`].
    pub fn named(mic: &str) -> Result<Self, CalendarError> {
        let known = Self::all().find(|calendar| calendar.mic().eq_ignore_ascii_case(mic));
        known.ok_or_else(|| CalendarError::Unknown(mic.chars().take(20).collect()))
    }

    /// All calendars that there are.
    pub fn all() -> impl Iterator<Item = Self> {
        BOOKS.iter().map(|book| Self { book })
    }

    /// The exchange's code of ISO 10383.
    #[must_use]
    pub fn mic(&self) -> &'static str {
        self.book.venue.mic()
    }

    /// The exchange's time zone, by its name in the IANA database.
    #[must_use]
    pub fn zone(&self) -> &'static str {
        self.book.venue.zone()
    }

    /// The first and the last day that are known.
    #[must_use]
    pub fn span(&self) -> (Date, Date) {
        let (first, last) = self.book.venue.years();
        (Date::constant(first, 1, 1), Date::constant(last, 12, 31))
    }

    /// The sessions of these days, both included, oldest first.
    ///
    /// # Errors
    /// [`CalendarError::Reversed`], [`CalendarError::OutOfRange`].
    pub fn sessions(&self, from: Date, to: Date) -> Result<&'static [Session], CalendarError> {
        if to < from {
            return Err(CalendarError::Reversed { from, to });
        }
        self.check(from)?;
        self.check(to)?;
        let all = self.book.sessions();
        let first = all.partition_point(|session| session.date() < from);
        let end = all.partition_point(|session| session.date() <= to);
        Ok(all.get(first..end).unwrap_or_default())
    }

    /// The session of a day; `None` on a weekend or holiday.
    ///
    /// # Errors
    /// [`CalendarError::OutOfRange`].
    pub fn session(&self, day: Date) -> Result<Option<Session>, CalendarError> {
        Ok(self.sessions(day, day)?.first().copied())
    }

    /// The last `count` sessions up to a day, included, oldest first; fewer at the beginning of
    /// what is known.
    ///
    /// # Errors
    /// [`CalendarError::OutOfRange`].
    pub fn last_sessions(
        &self,
        count: usize,
        to: Date,
    ) -> Result<&'static [Session], CalendarError> {
        let upto = self.sessions(self.span().0, to)?;
        Ok(upto.get(upto.len().saturating_sub(count)..).unwrap_or_default())
    }

    /// Whether the exchange trades at a moment, and the sessions about it; `None` before the first
    /// and after the last session that are known.
    #[must_use]
    pub fn at(&self, moment: Timestamp) -> Option<Moment> {
        let second = u64::try_from(moment.as_second()).ok()?;
        let all = self.book.sessions();
        let after = all.partition_point(|session| session.close_second() <= second);
        let next = *all.get(after)?;
        if next.open_second() <= second {
            return Some(Moment::Open(next));
        }
        Some(Moment::Closed { last: *all.get(after.checked_sub(1)?)?, next })
    }

    fn check(&self, date: Date) -> Result<(), CalendarError> {
        let (first, last) = self.span();
        match (first..=last).contains(&date) {
            true => Ok(()),
            false => Err(CalendarError::OutOfRange { mic: self.mic(), date, first, last }),
        }
    }
}

impl Book {
    const fn of(venue: &'static dyn Venue) -> Self {
        Self { venue, sessions: OnceLock::new() }
    }

    fn sessions(&self) -> &[Session] {
        self.sessions.get_or_init(|| {
            let zone = TimeZone::get(self.venue.zone()).unwrap_or(TimeZone::UTC);
            let (first, last) = self.venue.years();
            let days = Date::constant(first, 1, 1).series(1.day());
            days.take_while(|day| day.year() <= last)
                .filter(|day| !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday))
                .filter_map(|day| session_on(self.venue, day, &zone))
                .collect()
        })
    }
}

fn session_on(venue: &dyn Venue, day: Date, zone: &TimeZone) -> Option<Session> {
    let hours = venue.hours(day)?;
    let at = |time| Some(day.to_datetime(time).to_zoned(zone.clone()).ok()?.timestamp());
    Session::new(day, at(hours.open)?, at(hours.close)?, hours.is_early_close)
}

/// Times to live that follow the sessions of an exchange.
impl spence::Calendar for ExchangeCalendar {
    fn phase(&self, unix_ms: u64) -> Option<Phase> {
        let moment = Timestamp::from_millisecond(i64::try_from(unix_ms).ok()?).ok()?;
        let (open, until) = match self.at(moment)? {
            Moment::Open(session) => (true, session.close_second()),
            Moment::Closed { next, .. } => (false, next.open_second()),
        };
        Some(Phase { open, until_ms: until * 1_000 })
    }
}

impl fmt::Debug for ExchangeCalendar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ExchangeCalendar").field(&self.mic()).finish()
    }
}
