//! What is known of a symbol's bars: for which days the provider was asked, whether what it said is
//! final, and the bars.

use std::hash::Hasher;

use jiff::civil::{Date, date};
use serde::{Deserialize, Serialize};
use spence::{Weigh, allocation};
use twox_hash::XxHash3_64;

use crate::bars::Bar;
use crate::series::days::Days;
use crate::series::known::Known;
use crate::series::pack::{DayBar, pack, unpack};

/// The daily bars of one symbol, unadjusted, as far as they are known.
///
/// A day that is known and has no bar is one on which there was none. Days are final or not: of a
/// session that goes on, or whose figures the exchange may still correct, what is known was so
/// when it was asked for, and is good enough for a while.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Series {
    known: Known,
    years: Vec<Year>,
}

/// The bars of a calendar year, packed. A year without bars is left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Year {
    year: i16,
    packed: Box<[u8]>,
}

/// What came of a question about some days.
#[derive(Debug, Clone, Default)]
pub(crate) struct News {
    /// The days that it answers.
    pub(crate) told: Known,
    /// The bars, in any order; of several of a day the last counts.
    pub(crate) bars: Vec<DayBar>,
    /// Days whose rows cannot be.
    pub(crate) refused: Vec<i32>,
}

impl Series {
    /// This with what came now (Unix time in milliseconds); of a day that both know, what came
    /// counts.
    pub(crate) fn extended(&self, mut news: News, now_ms: u64) -> Self {
        let known = news.told.doubting(&news.refused, &self.known);
        let told = known.days();
        news.bars.retain(|bar| told.have(bar.day));
        // Backwards and by day, so that the last given of a day comes first.
        news.bars.reverse();
        news.bars.sort_by_key(|bar| bar.day);
        news.bars.dedup_by_key(|bar| bar.day);
        let mut years = Vec::with_capacity(self.years.len() + 1);
        let mut rest = news.bars.as_slice();
        for year in &self.years {
            while let Some(new) = rest.first().and_then(year_of).filter(|new| *new < year.year) {
                years.extend(Year::of(new, split_year(&mut rest, new)));
            }
            years.extend(year.with(split_year(&mut rest, year.year), &told));
        }
        while let Some(new) = rest.first().and_then(year_of) {
            years.extend(Year::of(new, split_year(&mut rest, new)));
        }
        Self { known: self.known.with(&known, now_ms), years }
    }

    /// Shows the bars of these days, both included, oldest first.
    pub(crate) fn each(&self, from: i32, to: i32, mut show: impl FnMut(DayBar)) {
        for year in &self.years {
            let (first, next) = (first_day(year.year), first_day(year.year + 1));
            if next > from && first <= to {
                // They are readable: every tier has a checksum over what we have packed.
                let _readable = year.each(|bar| {
                    if (from..=to).contains(&bar.day) {
                        show(bar);
                    }
                });
            }
        }
    }

    /// The days that have bars, newest first; years are unpacked as they are come to.
    pub(crate) fn days_back(&self) -> impl Iterator<Item = i32> {
        self.years.iter().rev().flat_map(|year| {
            let mut days = Vec::with_capacity(260);
            let _readable = year.each(|bar| days.push(bar.day));
            days.into_iter().rev()
        })
    }

    /// A number that is another one, in all likelihood, if there is a difference in the bars of
    /// the years that these days lie in.
    pub(crate) fn fingerprint(&self, from: i32, to: i32) -> u64 {
        let mut hasher = XxHash3_64::with_seed(0);
        for year in &self.years {
            if first_day(year.year + 1) > from && first_day(year.year) <= to {
                hasher.write_i16(year.year);
                hasher.write(&year.packed);
            }
        }
        hasher.finish()
    }

    /// Of which days what is known.
    pub(crate) fn known(&self) -> &Known {
        &self.known
    }
}

impl Year {
    /// These bars of a year, if there are any.
    fn of(year: i16, bars: &[DayBar]) -> Option<Self> {
        let packed = || pack(first_day(year), bars).into();
        (!bars.is_empty()).then(|| Self { year, packed: packed() })
    }

    fn each(&self, show: impl FnMut(DayBar)) -> Option<()> {
        unpack(first_day(self.year), &self.packed, show)
    }

    /// This with `bars` in place of what it has of the days that are `told`.
    fn with(&self, bars: &[DayBar], told: &Days) -> Option<Self> {
        let last = first_day(self.year + 1) - 1;
        if bars.is_empty() && !told.touch(first_day(self.year), last) {
            return Some(self.clone());
        }
        let mut all = Vec::with_capacity(260);
        let _readable = self.each(|bar| all.extend((!told.have(bar.day)).then_some(bar)));
        all.extend_from_slice(bars);
        all.sort_by_key(|bar| bar.day);
        Self::of(self.year, &all)
    }
}

/// Takes the bars of a year from the beginning of `rest`.
fn split_year<'a>(rest: &mut &'a [DayBar], year: i16) -> &'a [DayBar] {
    let next = first_day(year + 1);
    let (of_year, others) = rest.split_at(rest.partition_point(|bar| bar.day < next));
    *rest = others;
    of_year
}

fn year_of(bar: &DayBar) -> Option<i16> {
    date_of(bar.day).map(Date::year)
}

fn first_day(year: i16) -> i32 {
    day_of(Date::new(year, 1, 1).unwrap_or(Date::MAX))
}

const EPOCH: Date = date(1970, 1, 1);

/// A date as days since 1970-01-01.
pub(crate) fn day_of(date: Date) -> i32 {
    EPOCH.until(date).map_or(0, |span| span.get_days())
}

/// The date of a day since 1970-01-01.
pub(crate) fn date_of(day: i32) -> Option<Date> {
    EPOCH.checked_add(jiff::Span::new().try_days(i64::from(day)).ok()?).ok()
}

impl Weigh for Series {
    fn heap_bytes(&self) -> usize {
        let Self { known, years } = self;
        let of_years: usize = years.iter().map(|year| allocation(year.packed.len())).sum();
        of_years + allocation(years.capacity() * size_of::<Year>()) + known.heap_bytes()
    }
}

impl DayBar {
    pub(crate) fn of(bar: &Bar) -> Self {
        let Bar { date, open, high, low, close, volume } = *bar;
        Self { day: day_of(date), values: [open, high, low, close, volume] }
    }

    pub(crate) fn bar(&self) -> Option<Bar> {
        let [open, high, low, close, volume] = self.values;
        Some(Bar { date: date_of(self.day)?, open, high, low, close, volume })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn run(first: i32, last: i32) -> Days {
        let mut days = Days::default();
        days.add(first, last);
        days
    }

    fn settled(settled: Days) -> Known {
        Known { settled, ..Known::default() }
    }

    fn bar(day: i32, close: f64) -> DayBar {
        DayBar { day, values: [close, close, close, close, 1.0] }
    }

    fn closes(series: &Series) -> Vec<(i32, f64)> {
        let mut all = Vec::new();
        series.each(i32::MIN, i32::MAX, |bar| all.push((bar.day, bar.values[3])));
        all
    }

    #[test]
    fn what_comes_later_counts_and_what_was_final_can_be_corrected() {
        let bars = vec![bar(3, 1.0), bar(2, 2.0)];
        let series = Series::default()
            .extended(News { told: settled(run(1, 9)), bars, refused: Vec::new() }, 0);
        assert_eq!(closes(&series), [(2, 2.0), (3, 1.0)]);
        assert!(series.known.is_final(9) && series.known.knows(1, 0) && !series.known.knows(10, 0));

        let (unsettled, bars) = (run(10, 10), vec![bar(10, 5.0)]);
        let told = Known { unsettled, until_ms: 9, ..Known::default() };
        let today = News { told, bars, refused: Vec::new() };
        let series = series.extended(today, 0);
        assert!(
            series.known.knows(10, 8) && !series.known.knows(10, 9) && !series.known.is_final(10)
        );

        let news =
            News { told: settled(run(9, 10)), bars: vec![bar(10, 6.0)], refused: Vec::new() };
        let series = series.extended(news, 0);
        assert_eq!(closes(&series), [(2, 2.0), (3, 1.0), (10, 6.0)]);
        assert!(series.known.is_final(10));

        // Asked again, the provider has no bar of the third day, and another of the second.
        let news = News { told: settled(run(2, 3)), bars: vec![bar(2, 7.0)], refused: Vec::new() };
        assert_eq!(closes(&series.extended(news, 0)), [(2, 7.0), (10, 6.0)]);
    }

    #[test]
    fn what_is_good_no_more_does_not_spoil_what_is_new() {
        let open = |day, until_ms| News {
            told: Known { unsettled: run(day, day), until_ms, ..Known::default() },
            bars: vec![bar(day, 1.0)],
            refused: Vec::new(),
        };
        let series = Series::default().extended(open(1, 100), 0);
        let soon = series.extended(open(2, 300), 50);
        assert!(soon.known.knows(1, 99) && soon.known.knows(2, 99) && !soon.known.knows(2, 100));
        let later = series.extended(open(2, 300), 200);
        assert!(later.known.knows(2, 299) && !later.known.knows(1, 201));
        assert_eq!(closes(&later), [(1, 1.0), (2, 1.0)], "it is still the last that is known");
    }

    #[test]
    fn a_row_that_cannot_be_takes_nothing_final_away() {
        let bars = vec![bar(1, 1.0), bar(2, 2.0)];
        let series = Series::default();
        let series = series.extended(News { told: settled(run(1, 2)), bars, refused: vec![] }, 0);
        let news = News { told: settled(run(1, 4)), bars: vec![bar(1, 1.0)], refused: vec![2, 3] };
        let series = series.extended(news, 0);
        assert_eq!(closes(&series), [(1, 1.0), (2, 2.0)]);
        assert!(series.known.is_final(2) && !series.known.is_final(3) && series.known.is_final(4));
    }

    #[test]
    fn bars_that_nobody_asked_for_are_not_taken() {
        let news = News { told: settled(run(1, 3)), bars: vec![bar(4, 1.0)], refused: Vec::new() };
        assert_eq!(closes(&Series::default().extended(news, 0)), []);
    }

    /// The sample of docs/formats.md: with another layout comes another schema number.
    #[test]
    fn a_series_is_written_as_it_always_was() {
        let told = Known {
            settled: run(15_520, 15_524),
            unsettled: run(15_525, 15_525),
            until_ms: 1_341_442_800_000,
        };
        let news = News {
            told,
            bars: vec![bar(15_523, 583.98), bar(15_524, 584.0), bar(15_525, 592.52)],
            refused: Vec::new(),
        };
        let series = Series::default().extended(news, 0);
        let bytes = postcard::to_stdvec(&series).unwrap();
        let shown: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        insta::assert_snapshot!(shown);
        assert_eq!(postcard::from_bytes::<Series>(&bytes).unwrap(), series);
    }

    #[test]
    fn a_series_is_written_and_read() {
        let news = News {
            told: settled(run(1, 900)),
            bars: vec![bar(3, 1.0), bar(800, 2.0)],
            refused: Vec::new(),
        };
        let series = Series::default().extended(news, 0);
        let bytes = postcard::to_stdvec(&series).unwrap();
        assert_eq!(postcard::from_bytes::<Series>(&bytes).unwrap(), series);
        assert!(bytes.len() < 60, "{}", bytes.len());
    }

    proptest! {
        /// Beside a map of days.
        #[test]
        fn a_series_is_what_was_last_said_of_each_day(
            questions in prop::collection::vec(
                (0i32..1_200, 0i32..500, any::<bool>(), prop::collection::vec(0i32..1_700, 0..40)),
                1..8,
            ),
        ) {
            let (mut series, mut said) = (Series::default(), BTreeMap::new());
            for (n, (from, more, is_final, bars)) in questions.into_iter().enumerate() {
                let days = run(from, from + more);
                let (settled, unsettled) =
                    if is_final { (days, Days::default()) } else { (Days::default(), days) };
                let close = n as f64 + 1.0;
                let bars: Vec<_> = bars.into_iter().map(|day| bar(day, close)).collect();
                (from..=from + more).for_each(|day| {
                    let close = bars.iter().any(|bar| bar.day == day).then_some(close);
                    said.insert(day, (is_final, close));
                });
                let until_ms = 1;
                let told = Known { settled, unsettled, until_ms };
                series = series.extended(News { told, bars, refused: Vec::new() }, 0);
            }
            let expected: Vec<_> =
                said.iter().filter_map(|(day, (_, close))| Some((*day, (*close)?))).collect();
            prop_assert_eq!(closes(&series), expected);
            for day in 0..1_800 {
                let expected = said.get(&day).map(|(is_final, _)| *is_final);
                let got = series.known.knows(day, 0).then(|| series.known.is_final(day));
                prop_assert_eq!(got, expected, "day {}", day);
            }
        }
    }
}
