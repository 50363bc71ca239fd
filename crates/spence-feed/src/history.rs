//! Which symbols exist, and their daily bars, splits and dividends.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use crate::actions::{Dividend, Split};
use crate::bar::Bar;
use crate::intraday::{self, Trades};
use crate::sessions::{self, Progress};
use crate::{real, synthetic};

/// All symbols and their histories up to a last session.
#[derive(Debug, Clone, Copy)]
pub struct Universe {
    seed: u64,
    last: Date,
    progress: Progress,
}

impl Universe {
    /// Synthetic histories follow from `seed` and end with the last session not after `last`.
    #[must_use]
    pub fn new(seed: u64, last: Date) -> Self {
        Self::up_to(seed, last, Progress::Settled)
    }

    /// As [`Universe::new`], with as much of the last session as there is.
    pub(crate) fn up_to(seed: u64, last: Date, progress: Progress) -> Self {
        Self { seed, last, progress }
    }

    /// The bars of the sessions from `from` to `to`, both included, oldest first; unadjusted, or
    /// adjusted for later splits. Empty if there are none, or no such symbol.
    #[must_use]
    pub fn bars(&self, symbol: &str, from: Date, to: Date, adjusted: bool) -> Vec<Bar> {
        let mut bars = match real::history(symbol) {
            Some(history) => {
                let from = history.bars.partition_point(|bar| bar.date < from);
                let to = history.bars.partition_point(|bar| bar.date <= to);
                history.bars.get(from..to).unwrap_or_default().to_vec()
            }
            None if exists(symbol) => synthetic::bars(self.seed, symbol, from, to.min(self.last)),
            None => return Vec::new(),
        };
        if let Some(newest) = bars.last_mut()
            && newest.date == self.last
        {
            *newest = newest.so_far(self.progress);
        }
        if adjusted {
            let splits = self.splits(symbol);
            for bar in &mut bars {
                *bar = bar.adjusted(later(&splits, bar.date));
            }
        }
        bars
    }

    /// What was traded from `from` to `to` by so many minutes, as far as it has happened; oldest
    /// first, unadjusted.
    pub(crate) fn trades(
        &self,
        symbol: &str,
        (from, to): (Date, Date),
        minutes: i64,
        now: Timestamp,
    ) -> Vec<Trades> {
        let settled = Self { progress: Progress::Settled, ..*self };
        let bars = settled.bars(symbol, from, to, false);
        let of_session = |bar: &Bar| {
            let session = sessions::between(bar.date, bar.date).first()?;
            let mut trades = intraday::minutes(self.seed, symbol, session, bar);
            trades.retain(|one| one.start + SignedDuration::from_mins(1) <= now);
            // Sessions of New York open half past an hour.
            let hour = session.open() - SignedDuration::from_mins(30);
            Some(intraday::by(minutes, hour, &trades))
        };
        bars.iter().filter_map(of_session).flatten().collect()
    }

    /// How many shares there are now for each one on a day.
    pub(crate) fn later_splits(&self, symbol: &str, day: Date) -> f64 {
        later(&self.splits(symbol), day)
    }

    /// The splits of a symbol up to the last session, oldest first.
    #[must_use]
    pub fn splits(&self, symbol: &str) -> Vec<Split> {
        let splits = match real::history(symbol) {
            Some(history) => history.splits.clone(),
            None if exists(symbol) => synthetic::split(self.seed, symbol).into_iter().collect(),
            None => Vec::new(),
        };
        splits.into_iter().filter(|split| split.date <= self.last).collect()
    }

    /// The dividends of a symbol that went ex from `from` to `to`, or to the last session, oldest
    /// first.
    #[must_use]
    pub fn dividends(&self, symbol: &str, from: Date, to: Date) -> Vec<Dividend> {
        let to = to.min(self.last);
        match real::history(symbol) {
            Some(history) => {
                let paid = history.dividends.iter();
                paid.filter(|one| (from..=to).contains(&one.date)).copied().collect()
            }
            None if exists(symbol) => synthetic::dividends(self.seed, symbol, from, to),
            None => Vec::new(),
        }
    }

    /// The symbols that are listed, in alphabetical order: AAPL, IBM, and made-up ones of four
    /// letters. Others exist too, but only for who asks for them by name.
    #[must_use]
    pub fn listed(count: usize) -> Vec<String> {
        // Every number below 26^4 comes once, since that has no divisor in common with the step.
        const STEP: usize = 7_919;
        const LETTERS: usize = 26;
        const ALL: usize = LETTERS.pow(4);
        let name = |number: usize| {
            let mut rest = number * STEP % ALL;
            let letters = (0..4).map(|_| {
                let letter = b'A' + (rest % LETTERS) as u8;
                rest /= LETTERS;
                char::from(letter)
            });
            letters.collect::<String>()
        };
        let real = ["AAPL", "IBM"].map(str::to_owned).into_iter();
        let made_up = (1..ALL).map(name);
        let made_up = made_up.filter(|name| exists(name) && real::history(name).is_none());
        let mut listed: Vec<_> = real.chain(made_up).take(count).collect();
        listed.sort();
        listed
    }
}

fn later(splits: &[Split], day: Date) -> f64 {
    splits.iter().filter(|split| day < split.date).map(|split| split.ratio).product()
}

fn exists(symbol: &str) -> bool {
    let (name, class) = symbol.split_once(['.', '-']).unwrap_or((symbol, "A"));
    let upper = |text: &str| text.chars().all(|c| c.is_ascii_uppercase());
    (1..=5).contains(&name.len())
        && upper(name)
        && class.len() == 1
        && upper(class)
        && !name.starts_with("ZZ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_look_like_tickers() {
        for known in ["A", "MSFT", "GOOGL", "BRK.B", "BF-A"] {
            assert!(exists(known), "{known}");
        }
        for unknown in ["", "aapl", "NOSUCH", "ZZ", "ZZTOP", "A1", "BRK.BB", ".B", "Ä"] {
            assert!(!exists(unknown), "{unknown}");
        }
    }

    #[test]
    fn as_many_symbols_are_listed_as_asked_for_each_once() {
        let mut listed = Universe::listed(5_000);
        listed.dedup();
        assert_eq!(listed.len(), 5_000);
        assert!(listed.is_sorted() && listed.iter().all(|symbol| exists(symbol)));
        assert!(listed.contains(&"AAPL".to_owned()) && listed.contains(&"IBM".to_owned()));
    }

    #[test]
    fn a_split_divides_what_was_before_it() {
        let date = jiff::civil::date;
        let universe = Universe::new(1, date(2026, 10, 30));
        let bar = |symbol: &str, day, adjusted| universe.bars(symbol, day, day, adjusted)[0];
        let before = bar("AAPL", date(2005, 2, 25), false);
        assert_eq!(bar("AAPL", date(2005, 2, 25), true).close, before.close / 2.0);
        let first = bar("AAPL", date(2000, 3, 1), false);
        assert_eq!(bar("AAPL", date(2000, 3, 1), true).close, first.close / 4.0);
        let after = bar("AAPL", date(2005, 2, 28), false);
        assert_eq!(bar("AAPL", date(2005, 2, 28), true), after);

        let listed = Universe::listed(500);
        let split = listed.iter().filter(|symbol| !universe.splits(symbol).is_empty());
        let split: Vec<_> = split.filter(|symbol| *symbol != "AAPL").collect();
        assert!((10..50).contains(&split.len()), "{}", split.len());
        let symbol = split[0];
        let day = universe.splits(symbol)[0].date;
        let before = sessions::between(date(2005, 1, 1), day);
        let before = before[before.len() - 2].date();
        let moved = bar(symbol, day, false).close / bar(symbol, before, false).close;
        assert!((0.35..0.65).contains(&moved), "{moved}");
        let moved = bar(symbol, day, true).close / bar(symbol, before, true).close;
        assert!((0.7..1.3).contains(&moved), "{moved}");
    }

    #[test]
    fn a_session_that_goes_on_is_not_yet_what_it_will_be() {
        let day = jiff::civil::date(2024, 11, 29);
        let bar = |progress| Universe::up_to(1, day, progress).bars("MSFT", day, day, false)[0];
        let last = bar(Progress::Settled);
        let half = bar(Progress::Open(0.5));
        assert_eq!(half.open, last.open);
        assert!(half.volume < last.volume && half.high <= last.high && half.low >= last.low);
        assert!(half.low <= half.close && half.close <= half.high);
        assert!(bar(Progress::Unsettled).volume < last.volume);
        let two = Universe::up_to(1, day, Progress::Open(0.5));
        let yesterday = jiff::civil::date(2024, 11, 27);
        let settled = Universe::new(1, day).bars("MSFT", yesterday, yesterday, false);
        assert_eq!(two.bars("MSFT", yesterday, yesterday, false), settled);
    }
}
