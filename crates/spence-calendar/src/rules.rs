//! By which rules holidays are found.

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};

/// Month and day.
pub(crate) fn month_day(day: Date) -> (i8, i8) {
    (day.month(), day.day())
}

/// Whether `day` is the `nth` of its weekday in its month, counted from 1, or the last for -1.
pub(crate) fn is_nth(day: Date, nth: i8, month: i8, weekday: Weekday) -> bool {
    day.month() == month && day.nth_weekday_of_month(nth, weekday).is_ok_and(|nth| nth == day)
}

/// Days from Easter Sunday of the same year to `day`.
pub(crate) fn days_from_easter(day: Date) -> i32 {
    easter(day.year()).map_or(i32::MAX, |easter| days_between(easter, day))
}

pub(crate) fn days_between(from: Date, to: Date) -> i32 {
    from.until(to).map_or(i32::MAX, |span| span.get_days())
}

/// Easter Sunday of the Gregorian calendar, by the algorithm that was published anonymously in
/// Nature in 1876 (J. Meeus, Astronomical Algorithms, chapter 8).
fn easter(year: i16) -> Option<Date> {
    let year_of_cycle = year % 19;
    let (century, year_of_century) = (year / 100, year % 100);
    let moon_shift = (century - (century + 8) / 25 + 1) / 3;
    let epact = (19 * year_of_cycle + century - century / 4 - moon_shift + 15) % 30;
    let (leap_centuries, leap_years) = (century % 4, year_of_century / 4);
    let to_sunday = (32 + 2 * leap_centuries + 2 * leap_years - epact - year_of_century % 4) % 7;
    let late = (year_of_cycle + 11 * epact + 22 * to_sunday) / 451;
    let days = epact + to_sunday - 7 * late;
    Date::new(year, 3, 22).ok()?.checked_add(i32::from(days).days()).ok()
}

/// The day on which a holiday of a fixed date is observed that falls on a weekend: the Friday
/// before a Saturday, the Monday after a Sunday.
pub(crate) fn nearest_weekday(holiday: Date) -> Date {
    let days = match holiday.weekday() {
        Weekday::Saturday => -1,
        Weekday::Sunday => 1,
        _ => 0,
    };
    holiday.checked_add(days.days()).unwrap_or(holiday)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn easter_is_where_it_was() {
        for (month, day, year) in [(4, 15, 1990), (4, 23, 2000), (3, 23, 2008), (4, 24, 2011)] {
            assert_eq!(easter(year), Some(date(year, month, day)));
        }
        assert_eq!(days_from_easter(date(2024, 3, 29)), -2);
        assert_eq!(days_from_easter(date(2024, 4, 1)), 1);
    }
}
