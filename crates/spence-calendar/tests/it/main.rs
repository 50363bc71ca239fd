//! The calendars, compared with what exchange_calendars says, and asked from outside.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use spence::{Cache, Calendar, Clock, Error, Fill, Phase, PolicyLayer, Spence, Ttl};
use spence_calendar::{CalendarError, ExchangeCalendar, Moment};

/// Holidays from Monday to Friday and early closes of each year, as exchange_calendars 4.13.2 has
/// them; `cargo xtask calendars` compares with the package itself.
const TRUTH: &str = include_str!("exchange_calendars.txt");

/// A year of a calendar in the words of [`TRUTH`].
fn year(calendar: ExchangeCalendar, year: i16) -> String {
    let zone = TimeZone::get(calendar.zone()).unwrap();
    let (mut closed, mut early) = (String::new(), String::new());
    for day in date(year, 1, 1).series(jiff::Span::new().days(1)).take_while(|d| d.year() == year) {
        match calendar.session(day).unwrap() {
            None if day.weekday().to_monday_one_offset() <= 5 => {
                closed += &day.strftime(" %m-%d").to_string();
            }
            Some(session) if session.is_early_close() => {
                let close = session.close().to_zoned(zone.clone());
                early += &close.strftime(" %m-%d@%H:%M").to_string();
            }
            _ => {}
        }
    }
    format!("{} {year} closed{closed} early{early}", calendar.mic())
}

#[test]
fn every_holiday_and_half_day_is_where_exchange_calendars_has_it() {
    let mut compared = 0;
    for line in TRUTH.lines() {
        let (mic, rest) = line.split_once(' ').unwrap();
        let known = rest.split_once(' ').unwrap().0.parse().unwrap();
        assert_eq!(year(ExchangeCalendar::named(mic).unwrap(), known), line);
        compared += 1;
    }
    assert_eq!(compared, 51 + 51 + 30);
}

#[test]
fn whole_days_have_the_usual_hours() {
    for calendar in ExchangeCalendar::all() {
        let zone = TimeZone::get(calendar.zone()).unwrap();
        let (first, last) = calendar.span();
        let mut hours = BTreeMap::<String, u32>::new();
        for session in calendar.sessions(first, last).unwrap() {
            let local = |at: Timestamp| at.to_zoned(zone.clone());
            assert_eq!(local(session.open()).date(), session.date());
            let (open, close) = (local(session.open()).time(), local(session.close()).time());
            *hours.entry(format!("{open} {close} {}", session.minutes())).or_default() += 1;
        }
        let hours: Vec<_> = hours.iter().map(|(hours, days)| format!("{hours}: {days}")).collect();
        let expected: &[_] = match calendar.mic() {
            "XNYS" => &[
                "09:30:00 13:00:00 210: 104",
                "09:30:00 14:00:00 270: 4",
                "09:30:00 16:00:00 390: 12725",
            ],
            "XLON" => &["08:00:00 12:30:00 270: 101", "08:00:00 16:30:00 510: 12790"],
            _ => &["09:15:00 15:30:00 375: 7417"],
        };
        assert_eq!(hours, expected);
    }
}

#[test]
fn clocks_that_are_put_forward_move_the_opening() {
    let new_york = ExchangeCalendar::named("xnys").unwrap();
    let opens = |from: Date, to: Date| {
        let sessions = new_york.sessions(from, to).unwrap();
        sessions.iter().map(|session| session.open().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(
        opens(date(2024, 3, 8), date(2024, 3, 11)),
        ["2024-03-08T14:30:00Z", "2024-03-11T13:30:00Z"]
    );
    assert_eq!(
        opens(date(2024, 11, 1), date(2024, 11, 4)),
        ["2024-11-01T13:30:00Z", "2024-11-04T14:30:00Z"]
    );
}

#[test]
fn a_moment_is_within_a_session_or_between_two() {
    let new_york = ExchangeCalendar::named("XNYS").unwrap();
    let at = |text: &str| new_york.at(text.parse().unwrap());
    let on = |day| new_york.session(day).unwrap().unwrap();
    let (wednesday, friday) = (on(date(2024, 11, 27)), on(date(2024, 11, 29)));
    assert_eq!(at("2024-11-27T20:59:59Z"), Some(Moment::Open(wednesday)));
    let thanksgiving = Some(Moment::Closed { last: wednesday, next: friday });
    assert_eq!(at("2024-11-27T21:00:00Z"), thanksgiving, "the close is no longer in it");
    assert_eq!(at("2024-11-29T14:29:59Z"), thanksgiving);
    assert_eq!(at("2024-11-29T14:30:00Z"), Some(Moment::Open(friday)));
    assert_eq!(at("1989-12-29T15:00:00Z"), None);
    assert_eq!(at("2041-01-02T15:00:00Z"), None);

    let until = |text: &str| {
        let moment: Timestamp = text.parse().unwrap();
        let phase = new_york.phase(moment.as_millisecond().unsigned_abs());
        phase.map(|Phase { open, until_ms }| {
            (open, Timestamp::from_millisecond(until_ms.cast_signed()).unwrap().to_string())
        })
    };
    assert_eq!(until("2024-11-29T15:00:00Z"), Some((true, "2024-11-29T18:00:00Z".to_owned())));
    assert_eq!(until("2024-11-29T18:00:00Z"), Some((false, "2024-12-02T14:30:00Z".to_owned())));
    assert_eq!(until("2040-12-31T22:00:00Z"), None, "nobody knows the next");
}

#[test]
fn the_last_sessions_up_to_a_day() {
    let london = ExchangeCalendar::named("XLON").unwrap();
    let last = |count, to| {
        let sessions = london.last_sessions(count, to).unwrap();
        sessions.iter().map(|session| session.date().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(last(3, date(2022, 6, 4)), ["2022-05-30", "2022-05-31", "2022-06-01"]);
    assert_eq!(last(9, date(1990, 1, 3)), ["1990-01-02", "1990-01-03"]);
    assert!(last(0, date(2022, 6, 4)).is_empty());
}

#[test]
fn what_a_calendar_does_not_know_it_says() {
    let wrong = |error: CalendarError| error.to_string();
    assert_eq!(
        wrong(ExchangeCalendar::named("NYSE").unwrap_err()),
        "calendar `NYSE`: expected XNYS, XLON or XBOM"
    );
    let bombay = ExchangeCalendar::named("XBOM").unwrap();
    assert_eq!(
        wrong(bombay.session(date(2027, 1, 1)).unwrap_err()),
        "XBOM: 2027-01-01 is outside of the days it knows, 1997-01-01 to 2026-12-31"
    );
    let reversed = bombay.sessions(date(2026, 1, 2), date(2026, 1, 1)).unwrap_err();
    assert_eq!(wrong(reversed), "2026-01-01 is before 2026-01-02");
}

#[tokio::test]
async fn the_close_of_a_half_day_ends_the_freshness() {
    const MINUTE: Duration = Duration::from_secs(60);
    let (clock, hands) = Clock::manual();
    let start: Timestamp = "2024-11-29T17:58:00Z".parse().unwrap();
    hands.step_wall_clock(start.as_millisecond() - clock.unix_ms().cast_signed());
    let new_york = ExchangeCalendar::named("XNYS").unwrap();
    let ttl = Ttl::BySession { open: MINUTE * 5, closed: MINUTE * 60 * 24 };
    let policy = PolicyLayer::new().ttl(ttl).jitter(0.0).calendar(Some("XNYS".into()));
    let spence = Spence::builder().clock(clock).calendar("XNYS", new_york).policy("bars", policy);
    let spence = spence.build().await.unwrap();
    let bars: Cache<String, u64> = spence.cache("bars").build().unwrap();
    let fetched_at = async || {
        let clock = spence.clock().clone();
        let fill = async move |_| Ok::<_, Error>(Fill::new(clock.unix_ms()));
        let hit = bars.get_or_fetch(&"AAPL".to_owned(), fill).await.unwrap();
        let ms = hit.cast_signed();
        Timestamp::from_millisecond(ms).unwrap().strftime("%m-%d %H:%M").to_string()
    };
    let mut seen = Vec::new();
    for minutes in [0, 1, 1, 60 * 23, 60, 60 * 24, 60 * 20 + 30, 4, 1] {
        hands.advance(MINUTE * minutes);
        seen.push(fetched_at().await);
    }
    let expected = [
        "11-29 17:58", // half an hour into the afternoon of the day after Thanksgiving
        "11-29 17:58",
        "11-29 18:00", // the close at one o'clock
        "11-29 18:00",
        "11-30 18:00", // 24 hours later, on Saturday
        "12-01 18:00",
        "12-02 14:30", // Monday's opening
        "12-02 14:30",
        "12-02 14:35",
    ];
    assert_eq!(seen, expected);
    spence.close().await;
}
