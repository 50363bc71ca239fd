//! The London Stock Exchange.
//!
//! Source: the bank holidays of England and Wales (Banking and Financial Dealings Act 1971, and the
//! proclamations that moved or added some), and the exchange's notices on early closes.

use jiff::civil::{Date, Time, Weekday, date, time};

use crate::rules::{days_from_easter, is_nth, month_day};
use crate::venue::{Hours, Venue};

pub(crate) struct London;

const OPEN: Time = time(8, 0, 0, 0);
const CLOSE: Time = time(16, 30, 0, 0);
const EARLY_CLOSE: Time = time(12, 30, 0, 0);

/// Bank holidays that were added once.
const ADDED: [Date; 7] = [
    date(1999, 12, 31), // millennium
    date(2002, 6, 3),   // golden jubilee
    date(2011, 4, 29),  // royal wedding
    date(2012, 6, 5),   // diamond jubilee
    date(2022, 6, 3),   // platinum jubilee
    date(2022, 9, 19),  // state funeral
    date(2023, 5, 8),   // coronation
];

/// Years in which the bank holiday at the beginning of May was on the 8th, VE Day.
const EARLY_MAY_ON_THE_8TH: [i16; 2] = [1995, 2020];

impl Venue for London {
    fn mic(&self) -> &'static str {
        "XLON"
    }

    fn zone(&self) -> &'static str {
        "Europe/London"
    }

    fn years(&self) -> (i16, i16) {
        (1990, 2040)
    }

    fn hours(&self, day: Date) -> Option<Hours> {
        if is_holiday(day) {
            return None;
        }
        let is_early_close = is_half_day(day);
        let close = if is_early_close { EARLY_CLOSE } else { CLOSE };
        Some(Hours { open: OPEN, close, is_early_close })
    }
}

fn is_holiday(day: Date) -> bool {
    let weekday = day.weekday();
    let is_substitute = weekday == Weekday::Monday;
    let by_date = match month_day(day) {
        // A holiday on a weekend is made up for on the next working day.
        (1, 1) => true,
        (1, 2 | 3) => is_substitute,
        (12, 25 | 26) => true,
        // Christmas Day, or Boxing Day after it, on a weekend.
        (12, 27 | 28) => matches!(weekday, Weekday::Monday | Weekday::Tuesday),
        _ => false,
    };
    by_date
        || matches!(days_from_easter(day), -2 | 1)
        || is_early_may(day)
        || day == spring(day.year())
        || is_nth(day, -1, 8, Weekday::Monday)
        || ADDED.contains(&day)
}

fn is_early_may(day: Date) -> bool {
    match EARLY_MAY_ON_THE_8TH.contains(&day.year()) {
        true => month_day(day) == (5, 8),
        false => is_nth(day, 1, 5, Weekday::Monday),
    }
}

/// The last Monday of May, moved to June in the years of jubilees.
fn spring(year: i16) -> Date {
    match year {
        2002 => date(2002, 6, 4),
        2012 => date(2012, 6, 4),
        2022 => date(2022, 6, 2),
        _ => {
            let may = date(year, 5, 1);
            may.nth_weekday_of_month(-1, Weekday::Monday).unwrap_or(may)
        }
    }
}

/// The last working days before Christmas and before New Year's Day.
fn is_half_day(day: Date) -> bool {
    let is_friday = day.weekday() == Weekday::Friday;
    match month_day(day) {
        (12, 24 | 31) => true,
        (12, 22 | 23 | 29 | 30) => is_friday,
        _ => false,
    }
}
