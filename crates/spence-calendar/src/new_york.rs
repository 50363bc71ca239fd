//! The New York Stock Exchange.
//!
//! Source: the exchange's rule 7.2 and its published holidays; days of mourning, of the attacks of
//! 2001 and of storms by its announcements.

use jiff::civil::{Date, Time, Weekday, date, time};

use crate::rules::{days_from_easter, is_nth, month_day, nearest_weekday};
use crate::venue::{Hours, Venue};

pub(crate) struct NewYork;

const OPEN: Time = time(9, 30, 0, 0);
const CLOSE: Time = time(16, 0, 0, 0);
/// Half days end at one o'clock since 1993, and ended an hour later before.
const EARLY_CLOSE: Time = time(13, 0, 0, 0);
const EARLY_CLOSE_UNTIL_1992: Time = time(14, 0, 0, 0);

/// On these days it was closed as on no such day of another year.
const CLOSED: [Date; 11] = [
    date(1994, 4, 27), // mourning for Nixon
    date(2001, 9, 11), // attacks
    date(2001, 9, 12),
    date(2001, 9, 13),
    date(2001, 9, 14),
    date(2004, 6, 11),  // mourning for Reagan
    date(2007, 1, 2),   // mourning for Ford
    date(2012, 10, 29), // hurricane Sandy
    date(2012, 10, 30),
    date(2018, 12, 5), // mourning for G. H. W. Bush
    date(2025, 1, 9),  // mourning for Carter
];

/// On these days it closed early as on no such day of another year.
const CLOSED_EARLY: [Date; 3] = [date(1997, 12, 26), date(1999, 12, 31), date(2003, 12, 26)];

impl Venue for NewYork {
    fn mic(&self) -> &'static str {
        "XNYS"
    }

    fn zone(&self) -> &'static str {
        "America/New_York"
    }

    fn years(&self) -> (i16, i16) {
        (1990, 2040)
    }

    fn hours(&self, day: Date) -> Option<Hours> {
        if is_holiday(day) || CLOSED.contains(&day) {
            return None;
        }
        let is_early_close = is_half_day(day) || CLOSED_EARLY.contains(&day);
        let close = match (is_early_close, day.year()) {
            (false, _) => CLOSE,
            (true, ..=1992) => EARLY_CLOSE_UNTIL_1992,
            (true, _) => EARLY_CLOSE,
        };
        Some(Hours { open: OPEN, close, is_early_close })
    }
}

fn is_holiday(day: Date) -> bool {
    let year = day.year();
    let observed = |month, day_of_month| day == nearest_weekday(date(year, month, day_of_month));
    // New Year's Day on a Saturday is not observed: the Friday before is in another year.
    observed(1, 1)
        || is_nth(day, 3, 1, Weekday::Monday) && year >= 1998 // Martin Luther King
        || is_nth(day, 3, 2, Weekday::Monday) // Washington's birthday
        || days_from_easter(day) == -2 // Good Friday
        || is_nth(day, -1, 5, Weekday::Monday) // Memorial Day
        || observed(6, 19) && year >= 2022 // Juneteenth
        || observed(7, 4) // Independence Day
        || is_nth(day, 1, 9, Weekday::Monday) // Labor Day
        || is_nth(day, 4, 11, Weekday::Thursday) // Thanksgiving
        || observed(12, 25) // Christmas
}

fn is_half_day(day: Date) -> bool {
    let (year, weekday) = (day.year(), day.weekday());
    match month_day(day) {
        // The day after Thanksgiving, which is the 22nd to the 28th.
        (11, 23..=29) => weekday == Weekday::Friday && year >= 1992,
        // The day before Independence Day; until 2012, if that was a Thursday, the day after it.
        (7, 3) if year >= 1995 => match weekday {
            Weekday::Monday | Weekday::Tuesday | Weekday::Thursday => true,
            Weekday::Wednesday => year >= 2013,
            _ => false,
        },
        (7, 5) => weekday == Weekday::Friday && (1995..=2012).contains(&year),
        // Christmas Eve; on a Friday it is the holiday itself.
        (12, 24) => true,
        _ => false,
    }
}
