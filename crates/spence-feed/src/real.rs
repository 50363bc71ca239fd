//! The real histories, read from the files in `data/`.

use std::sync::LazyLock;

use crate::actions::{Dividend, Split};
use crate::bar::Bar;

/// A real history, oldest first, with its splits and dividends.
pub(crate) struct History {
    pub(crate) bars: Vec<Bar>,
    pub(crate) splits: Vec<Split>,
    pub(crate) dividends: Vec<Dividend>,
}

static AAPL: LazyLock<History> = LazyLock::new(|| {
    History::of(include_str!("../data/AAPL.csv"), include_str!("../data/AAPL.actions.csv"))
});

static IBM: LazyLock<History> = LazyLock::new(|| {
    History::of(include_str!("../data/IBM.csv"), include_str!("../data/IBM.actions.csv"))
});

/// The history of a symbol that has a real one.
pub(crate) fn history(symbol: &str) -> Option<&'static History> {
    match symbol {
        "AAPL" => Some(&AAPL),
        "IBM" => Some(&IBM),
        _ => None,
    }
}

impl History {
    fn of(bars: &str, actions: &str) -> Self {
        let (mut splits, mut dividends) = (Vec::new(), Vec::new());
        for line in actions.lines().skip(1) {
            let mut fields = line.split(',');
            let mut field = || fields.next().expect("the files of `data/` are well-formed");
            let (date, kind, number) = (field(), field(), field());
            let date = date.parse().expect("the files of `data/` have dates");
            let number = number.parse().expect("the files of `data/` have numbers");
            match kind {
                "split" => splits.push(Split { date, ratio: number }),
                _ => dividends.push(Dividend { date, cash: number }),
            }
        }
        Self { bars: read(bars), splits, dividends }
    }
}

/// `date,open,high,low,close,volume,adj_close` with a header.
fn read(csv: &str) -> Vec<Bar> {
    let row = |line: &str| {
        let mut fields = line.split(',');
        let date = fields.next()?.parse().ok()?;
        let mut number = || fields.next()?.parse::<f64>().ok();
        Some(Bar {
            date,
            open: number()?,
            high: number()?,
            low: number()?,
            close: number()?,
            volume: number()?,
        })
    };
    csv.lines()
        .skip(1)
        .map(|line| row(line).expect("the files of `data/` are well-formed"))
        .collect()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn the_files_are_read_whole() {
        for (symbol, splits, dividends) in [("AAPL", 2, AAPL_PAID), ("IBM", 0, IBM_PAID)] {
            let history = history(symbol).unwrap();
            let bars = &history.bars;
            assert_eq!(bars.len(), 3270);
            assert_eq!((bars[0].date, bars[3269].date), (date(2000, 3, 1), date(2013, 3, 1)));
            assert!(bars.is_sorted_by(|a, b| a.date < b.date));
            assert_eq!((history.splits.len(), history.dividends.len()), (splits, dividends));
        }
    }

    const AAPL_PAID: usize = 3;
    const IBM_PAID: usize = 52;
}
