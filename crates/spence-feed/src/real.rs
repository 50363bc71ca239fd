//! The real histories, read from the files in `data/`.

use std::sync::LazyLock;

use jiff::civil::Date;

use crate::bar::Bar;

/// A real history, oldest first, with its splits.
pub(crate) struct History {
    pub(crate) bars: Vec<Bar>,
    splits: Vec<(Date, f64)>,
}

static AAPL: LazyLock<History> = LazyLock::new(|| History {
    bars: read(include_str!("../data/AAPL.csv")),
    splits: vec![(date(2000, 6, 21), 2.0), (date(2005, 2, 28), 2.0)],
});

static IBM: LazyLock<History> =
    LazyLock::new(|| History { bars: read(include_str!("../data/IBM.csv")), splits: vec![] });

/// The history of a symbol that has a real one.
pub(crate) fn history(symbol: &str) -> Option<&'static History> {
    match symbol {
        "AAPL" => Some(&AAPL),
        "IBM" => Some(&IBM),
        _ => None,
    }
}

impl History {
    /// A bar as it looks after all splits that came later.
    pub(crate) fn adjusted(&self, bar: &Bar) -> Bar {
        let later = self.splits.iter().filter(|(date, _)| bar.date < *date);
        let ratio: f64 = later.map(|(_, ratio)| ratio).product();
        Bar {
            open: bar.open / ratio,
            high: bar.high / ratio,
            low: bar.low / ratio,
            close: bar.close / ratio,
            volume: bar.volume * ratio,
            ..*bar
        }
    }
}

fn date(year: i16, month: i8, day: i8) -> Date {
    jiff::civil::date(year, month, day)
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
    use super::*;

    #[test]
    fn the_files_are_read_whole() {
        for symbol in ["AAPL", "IBM"] {
            let bars = &history(symbol).unwrap().bars;
            assert_eq!(bars.len(), 3270);
            assert_eq!((bars[0].date, bars[3269].date), (date(2000, 3, 1), date(2013, 3, 1)));
            assert!(bars.is_sorted_by(|a, b| a.date < b.date));
        }
    }

    #[test]
    fn a_split_divides_what_was_before_it() {
        let history = history("AAPL").unwrap();
        let on = |date| history.bars.iter().find(|bar| bar.date == date).unwrap();
        let before = on(date(2005, 2, 25));
        assert_eq!(history.adjusted(before).close, before.close / 2.0);
        let first = on(date(2000, 3, 1));
        assert_eq!(history.adjusted(first).close, first.close / 4.0);
        let after = on(date(2005, 2, 28));
        assert_eq!(history.adjusted(after), *after);
    }
}
