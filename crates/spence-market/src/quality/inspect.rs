//! What is odd about bars.

use std::fmt;

use jiff::civil::Date;

use crate::bars::Bar;
use crate::data::{RefusedRow, SplitAction};

/// From one close to the next a price is not expected to change by more than this factor, splits
/// apart. Of real shares such a change is rare, but happens: it is shown, not taken away.
const JUMP: f64 = 1.5;
/// So near to the ratio of a split a jump looks like one.
const NEAR: f64 = 0.1;
/// Ratios in which shares are split, or put together.
const RATIOS: [(u32, u32); 16] = [
    (2, 1),
    (3, 1),
    (4, 1),
    (5, 1),
    (6, 1),
    (7, 1),
    (8, 1),
    (10, 1),
    (20, 1),
    (3, 2),
    (1, 2),
    (1, 3),
    (1, 4),
    (1, 5),
    (1, 8),
    (1, 10),
];

/// Something odd about a day.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The session.
    pub date: Date,
    /// What is odd.
    pub flaw: Flaw,
}

/// What can be odd.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Flaw {
    /// There was a session, with bars before and after it, and there is no bar.
    Missing,
    /// What the provider says again and again cannot be; nothing of it is stored.
    Quarantined {
        /// The row, in short.
        row: String,
    },
    /// Open or close do not lie between low and high.
    Crossed,
    /// The close has changed by this factor since the close before, and no split explains it.
    Jump {
        /// New by old.
        factor: f64,
        /// The split that it looks like, which is not in the log: new shares for old.
        like: Option<(u32, u32)>,
    },
    /// The log has a split on which the price did not change: prices may be adjusted already.
    SplitUnseen {
        /// New shares for an old one.
        shares: f64,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { date, flaw } = self;
        write!(f, "{date} {}: {flaw}", flaw.as_str())
    }
}

impl Flaw {
    /// The word for it: `missing`, `quarantined`, `crossed`, `jump` or `split_unseen`.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Flaw::Missing => "missing",
            Flaw::Quarantined { .. } => "quarantined",
            Flaw::Crossed => "crossed",
            Flaw::Jump { .. } => "jump",
            Flaw::SplitUnseen { .. } => "split_unseen",
        }
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Flaw::Missing => f.write_str("no bar, though there was a session"),
            Flaw::Quarantined { row } => write!(f, "not stored: {row}"),
            Flaw::Crossed => f.write_str("open or close do not lie between low and high"),
            Flaw::Jump { factor, like: None } => {
                write!(f, "the close is {factor:.3} times the close before")
            }
            Flaw::Jump { factor, like: Some((to, from)) } => write!(
                f,
                "the close is {factor:.3} times the close before: like a split {to}:{from} that \
                 the log does not have"
            ),
            Flaw::SplitUnseen { shares } => write!(
                f,
                "the log has {shares} new shares for an old one, and the price shows nothing of it"
            ),
        }
    }
}

/// What is odd about the bars of sessions, in the order of their days.
pub(crate) fn inspect(
    sessions: &[Date],
    bars: &[Bar],
    splits: &[SplitAction],
    quarantined: Vec<RefusedRow>,
) -> Vec<Finding> {
    let has_bar = |day: &Date| bars.binary_search_by_key(day, |bar| bar.date).is_ok();
    let kept_apart =
        |RefusedRow { date, row, .. }| Finding { date, flaw: Flaw::Quarantined { row } };
    // Those that were replaced by a good one since are over.
    let apart = quarantined.into_iter().filter(|row| !has_bar(&row.date));
    let mut findings: Vec<_> = apart.map(kept_apart).collect();
    let traded = bars.first().map(|bar| bar.date).zip(bars.last().map(|bar| bar.date));
    let is_within = |day: &Date| traded.is_some_and(|(first, last)| first < *day && *day < last);
    let is_apart = |day: &Date| findings.iter().any(|finding| finding.date == *day);
    let missing = sessions.iter().filter(|day| is_within(day) && !has_bar(day) && !is_apart(day));
    let missing: Vec<_> = missing.map(|day| Finding { date: *day, flaw: Flaw::Missing }).collect();
    findings.extend(missing);
    let is_crossed = |bar: &&Bar| {
        let inside = |price: f64| (bar.low..=bar.high).contains(&price);
        !(inside(bar.open) && inside(bar.close))
    };
    let crossed = bars.iter().filter(is_crossed);
    findings.extend(crossed.map(|bar| Finding { date: bar.date, flaw: Flaw::Crossed }));
    for (before, bar) in bars.iter().zip(bars.iter().skip(1)) {
        let flaw = jump(before, bar, splits);
        findings.extend(flaw.map(|flaw| Finding { date: bar.date, flaw }));
    }
    findings.sort_by_key(|finding| finding.date);
    findings
}

fn jump(before: &Bar, bar: &Bar, splits: &[SplitAction]) -> Option<Flaw> {
    let between = |split: &&SplitAction| before.date < split.date && split.date <= bar.date;
    let shares: f64 = splits.iter().filter(between).map(|split| split.to / split.from).product();
    let factor = bar.close / before.close;
    let is_jump = |factor: f64| !(1.0 / JUMP..=JUMP).contains(&factor);
    let is_split = is_jump(shares);
    match (is_jump(factor * shares), is_split) {
        (true, true) if !is_jump(factor) => Some(Flaw::SplitUnseen { shares }),
        (true, _) => {
            let is_like = |(to, from): &&(u32, u32)| {
                let expected = f64::from(*from) / f64::from(*to);
                (factor * shares / expected).ln().abs() < NEAR
            };
            Some(Flaw::Jump { factor, like: RATIOS.iter().find(is_like).copied() })
        }
        (false, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn bar(day: i8, close: f64) -> Bar {
        let (low, high) = (close * 0.9, close * 1.1);
        Bar { date: date(2024, 1, day), open: close, high, low, close, volume: 1.0 }
    }

    #[test]
    fn what_is_odd_is_found_and_what_is_not_is_not() {
        let sessions: Vec<_> = (1..=12).map(|day| date(2024, 1, day)).collect();
        let mut bars: Vec<_> =
            [(2, 100.0), (3, 101.0), (5, 99.0), (6, 50.0), (7, 51.0), (8, 17.0), (9, 34.0)]
                .map(|(day, close)| bar(day, close))
                .into();
        bars.push(Bar { open: 60.0, ..bar(10, 33.0) });
        bars.push(bar(11, 34.0));
        let split = |day, to| SplitAction { date: date(2024, 1, day), from: 1.0, to };
        // The first is as it should be, the second is not to be seen.
        let splits = [split(6, 2.0), split(11, 4.0)];
        let refused = |day| RefusedRow::of(date(2024, 1, day), &"o: 0");
        let found = inspect(&sessions, &bars, &splits, vec![refused(4), refused(5)]);
        let shown: Vec<_> =
            found.iter().map(|one| format!("{} {}", one.date.day(), one.flaw.as_str())).collect();
        assert_eq!(shown, ["4 quarantined", "8 jump", "9 jump", "10 crossed", "11 split_unseen"]);
        assert_eq!(found[1].flaw, Flaw::Jump { factor: 17.0 / 51.0, like: Some((3, 1)) });
        assert_eq!(found[2].flaw, Flaw::Jump { factor: 2.0, like: Some((1, 2)) });
        let found = inspect(&sessions, &bars[..3], &[], Vec::new());
        assert_eq!(found, [Finding { date: date(2024, 1, 4), flaw: Flaw::Missing }]);
    }
}
