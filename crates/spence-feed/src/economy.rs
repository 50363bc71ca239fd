//! Figures about the economy, as they were known on a day: published some time after the month or
//! day that they are about, and revised a month later.

use std::sync::LazyLock;

use jiff::civil::{Date, Weekday, date};
use jiff::{Span, ToSpan};

use crate::noise::Noise;
use crate::sessions;

/// A figure; nothing for a day on which there was none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Figure {
    pub(crate) date: Date,
    pub(crate) value: Option<f64>,
}

/// How often there is a figure.
#[derive(Clone, Copy)]
enum Kind {
    /// An index on the first of each month: its level in 1990.
    Index(f64),
    /// A rate in per cent on each weekday; none on holidays.
    Rate,
    /// A rate in per cent on all days.
    DailyRate,
}

/// The series that there are, and since when.
const SERIES: [(&str, Kind, Date); 17] = [
    ("CPIAUCSL", Kind::Index(127.5), date(1990, 1, 1)),
    ("CPILFESL", Kind::Index(132.1), date(1957, 1, 1)),
    ("PCEPI", Kind::Index(62.5), date(1990, 1, 1)),
    ("PCEPILFE", Kind::Index(64.1), date(1990, 1, 1)),
    ("DTB3", Kind::Rate, date(1990, 1, 2)),
    ("DTB6", Kind::Rate, date(1990, 1, 2)),
    ("DTB1YR", Kind::Rate, date(1990, 1, 2)),
    ("DGS3MO", Kind::Rate, date(1990, 1, 2)),
    ("DGS6MO", Kind::Rate, date(1990, 1, 2)),
    ("DGS1", Kind::Rate, date(1990, 1, 2)),
    ("DGS2", Kind::Rate, date(1990, 1, 2)),
    ("DGS5", Kind::Rate, date(1990, 1, 2)),
    ("DGS10", Kind::Rate, date(1990, 1, 2)),
    ("DGS20", Kind::Rate, date(1990, 1, 2)),
    ("DGS30", Kind::Rate, date(1990, 1, 2)),
    ("DFF", Kind::DailyRate, date(1990, 1, 1)),
    ("SOFR", Kind::Rate, date(2018, 4, 3)),
];

/// The day of the next month on which an index is published, and on that of the month after it is
/// revised.
const PUBLISHED: i8 = 13;
const REVISION: u64 = 0;
/// By up to which part the first figure differs from the last.
const REVISED_BY: f64 = 0.000_5;
/// What prices rise by in a month.
const MONTHLY: f64 = 0.002_1;

static CPILFESL: LazyLock<Vec<Figure>> = LazyLock::new(|| {
    let row = |line: &str| {
        let (date, value) = line.split_once(',')?;
        Some(Figure { date: date.parse().ok()?, value: Some(value.parse().ok()?) })
    };
    let lines = include_str!("../data/CPILFESL.csv").lines().skip(1);
    lines.map(|line| row(line).expect("the files of `data/` are well-formed")).collect()
});

/// The figures of a series that were known on a day, oldest first; nothing if there is no such
/// series.
pub(crate) fn figures(seed: u64, series: &str, known_on: Date) -> Option<Vec<Figure>> {
    let (_, kind, first) = SERIES.iter().find(|(name, ..)| *name == series)?;
    let noise = Noise::of(seed, series);
    Some(match kind {
        Kind::Index(_) if series == "CPILFESL" => {
            let is_known = |figure: &&Figure| published(figure.date, 1) <= known_on;
            CPILFESL.iter().filter(is_known).copied().collect()
        }
        Kind::Index(level) => index(&noise, *level, *first, known_on),
        Kind::Rate | Kind::DailyRate => rate(&noise, *kind, *first, known_on),
    })
}

fn index(noise: &Noise, level: f64, first: Date, known_on: Date) -> Vec<Figure> {
    let months = first.series(1.month()).zip(0_i64..);
    let known = months.take_while(|(month, _)| published(*month, 1) <= known_on);
    known
        .map(|(month, number)| {
            let last = level * (MONTHLY * number as f64 + noise.walk(number, 0.001)).exp();
            let value = match known_on < published(month, 2) {
                true => last * (1.0 + REVISED_BY * noise.signed(number, REVISION)),
                false => last,
            };
            Figure { date: month, value: Some((value * 1e3).round() / 1e3) }
        })
        .collect()
}

/// When the figure of a month is published: so many months later.
fn published(month: Date, later: i64) -> Date {
    let later = month.checked_add(Span::new().months(later)).unwrap_or(Date::MAX);
    later.with().day(PUBLISHED).build().unwrap_or(Date::MAX)
}

/// Published on the day after.
fn rate(noise: &Noise, kind: Kind, first: Date, known_on: Date) -> Vec<Figure> {
    let last = known_on.yesterday().unwrap_or(known_on);
    let sessions = sessions::between(first, last);
    let mut sessions = sessions.iter().map(spence_calendar::Session::date).peekable();
    let days = first.series(1.day()).take_while(|day| *day <= last);
    let mut figures = Vec::new();
    for (day, number) in days.zip(0_i64..) {
        let is_session = sessions.next_if_eq(&day).is_some();
        let is_weekend = matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
        let value = (3.5 * noise.walk(number, 0.01).exp() * 100.0).round() / 100.0;
        match kind {
            Kind::DailyRate => figures.push(Figure { date: day, value: Some(value) }),
            _ if is_weekend => {}
            _ => figures.push(Figure { date: day, value: is_session.then_some(value) }),
        }
    }
    figures
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_published_later_and_revised_once() {
        let of_june = |known_on| {
            let figures = figures(1, "CPIAUCSL", known_on).unwrap();
            figures.iter().find(|figure| figure.date == date(2024, 6, 1)).copied()
        };
        assert_eq!(of_june(date(2024, 7, 12)), None);
        let first = of_june(date(2024, 7, 13)).unwrap().value.unwrap();
        let last = of_june(date(2024, 8, 13)).unwrap().value.unwrap();
        assert_ne!(first, last);
        assert!((first / last - 1.0).abs() < 2.0 * REVISED_BY);
        assert_eq!(of_june(date(2026, 1, 1)).unwrap().value, Some(last));
    }

    #[test]
    fn rates_have_weekdays_and_holidays_without_a_figure() {
        let figures = figures(1, "DGS10", date(2024, 7, 9)).unwrap();
        let of = |day| figures.iter().find(|figure| figure.date == day).map(|one| one.value);
        assert_eq!(of(date(2024, 7, 4)), Some(None));
        assert!(of(date(2024, 7, 5)).unwrap().is_some());
        assert_eq!(of(date(2024, 7, 6)), None);
        assert_eq!(figures.last().unwrap().date, date(2024, 7, 8));
        let fine = |value: f64| (0.1..40.0).contains(&value);
        assert!(figures.iter().all(|figure| figure.value.is_none_or(fine)));
        assert_eq!(super::figures(1, "NOSUCH", date(2024, 7, 9)), None);
    }

    #[test]
    fn the_real_index_is_the_file() {
        let figures = figures(1, "CPILFESL", date(2026, 1, 1)).unwrap();
        assert_eq!(figures.len(), 743);
        assert_eq!(figures[0], Figure { date: date(1957, 1, 1), value: Some(28.5) });
        assert_eq!(figures[742], Figure { date: date(2018, 11, 1), value: Some(259.481) });
    }
}
