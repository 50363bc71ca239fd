//! Files of daily bars: CSV, plain or compressed with gzip.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use csv::{ReaderBuilder, StringRecord};
use flate2::read::MultiGzDecoder;
use jiff::civil::Date;

use crate::date::parse_date;
use crate::file::{InvalidFile, cell, column, line_of};
use crate::ohlcv::{Columns, Ohlcv};

const PRICES: [&str; 5] = ["open", "high", "low", "close", "volume"];
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The bars of one symbol in a file, oldest first.
#[derive(Debug, Clone, Default)]
pub struct SymbolBars {
    symbol: String,
    dates: Vec<Date>,
    columns: Columns,
}

impl SymbolBars {
    /// The symbol; empty in a file without a column of symbols.
    #[must_use]
    pub fn symbol(&self) -> &str {
        &self.symbol
    }

    /// The session of each bar.
    #[must_use]
    pub fn dates(&self) -> &[Date] {
        &self.dates
    }

    /// The bars.
    #[must_use]
    pub fn bars(&self) -> Ohlcv<'_> {
        self.columns.view()
    }
}

/// Reads the bars of a file, which may be compressed with gzip.
///
/// # Errors
/// As for [`read_bars`].
pub fn open_bars(path: &Path) -> Result<Vec<SymbolBars>, InvalidFile> {
    let mut file = BufReader::with_capacity(1 << 16, File::open(path)?);
    match file.fill_buf()?.starts_with(&GZIP) {
        true => read_bars(MultiGzDecoder::new(file)),
        false => read_bars(file),
    }
}

/// Reads bars: CSV in UTF-8 with a header that names the columns `date`, `open`, `high`, `low`,
/// `close` and `volume`, in either case and any order; `symbol` if there are several; others are
/// passed over. The bars of each symbol must be in order, one a day, with prices and volumes of 0
/// or more, and the other prices between low and high. Symbols come in the order of their first
/// bars.
///
/// # Errors
/// [`InvalidFile::Line`] names the first line that is wrong, and what is wrong with it.
pub fn read_bars(source: impl Read) -> Result<Vec<SymbolBars>, InvalidFile> {
    let mut reader = ReaderBuilder::new().flexible(true).from_reader(source);
    let places = Places::of(reader.headers()?)?;
    let (mut all, mut known) = (Vec::<SymbolBars>::new(), HashMap::<String, usize>::new());
    let mut record = StringRecord::new();
    let mut current = None;
    while reader.read_record(&mut record)? {
        let wrong = |what: String| InvalidFile::line(line_of(&record), what);
        let symbol = places.symbol(&record).map_err(wrong)?;
        // Most files have one symbol after the other.
        let place = match current {
            Some((place, ref name)) if name == symbol => place,
            _ => *known.entry(symbol.to_owned()).or_insert_with(|| {
                all.push(SymbolBars { symbol: symbol.to_owned(), ..SymbolBars::default() });
                all.len() - 1
            }),
        };
        if current.as_ref().is_none_or(|(now, _)| *now != place) {
            current = Some((place, symbol.to_owned()));
        }
        let Some(bars) = all.get_mut(place) else { continue };
        let (date, bar) = places.bar(&record).map_err(wrong)?;
        bars.push(date, bar).map_err(wrong)?;
    }
    match all.is_empty() {
        true => Err(InvalidFile::line(2, "there are no bars")),
        false => Ok(all),
    }
}

impl SymbolBars {
    fn push(&mut self, date: Date, bar: [f64; 5]) -> Result<(), String> {
        match self.dates.last() {
            Some(last) if date == *last => return Err(format!("date {date}: comes twice")),
            Some(last) if date < *last => return Err(format!("date {date}: comes after {last}")),
            _ => {}
        }
        self.dates.push(date);
        self.columns.push(bar);
        Ok(())
    }
}

/// Where a file has its columns.
struct Places {
    symbol: Option<usize>,
    date: usize,
    prices: [usize; 5],
}

impl Places {
    fn of(header: &StringRecord) -> Result<Self, InvalidFile> {
        let required = |name: &str| {
            let what = || format!("has no column {name:?}; expected date,{}", PRICES.join(","));
            column(header, name).ok_or_else(|| InvalidFile::line(1, what()))
        };
        let [open, high, low, close, volume] = PRICES;
        Ok(Self {
            symbol: column(header, "symbol"),
            date: required("date")?,
            prices: [
                required(open)?,
                required(high)?,
                required(low)?,
                required(close)?,
                required(volume)?,
            ],
        })
    }

    fn symbol<'a>(&self, record: &'a StringRecord) -> Result<&'a str, String> {
        match self.symbol {
            None => Ok(""),
            Some(place) => match cell(record, place) {
                "" => Err("symbol: is empty".to_owned()),
                symbol if symbol.len() > 20 => Err("symbol: is longer than 20 bytes".to_owned()),
                symbol => Ok(symbol),
            },
        }
    }

    fn bar(&self, record: &StringRecord) -> Result<(Date, [f64; 5]), String> {
        let text = cell(record, self.date);
        let date = parse_date(text)
            .ok_or_else(|| format!("date: {:?} is not a date such as 2012-06-29", brief(text)))?;
        let mut bar = [f64::NAN; 5];
        for ((slot, place), name) in bar.iter_mut().zip(self.prices).zip(PRICES) {
            let text = cell(record, place);
            let number: Option<f64> = text.parse().ok();
            *slot = number
                .filter(|number| number.is_finite() && *number >= 0.0)
                .ok_or_else(|| format!("{name}: {:?} is not a number of 0 or more", brief(text)))?;
        }
        let [open, high, low, close, _] = bar;
        if !(low <= open.min(close) && open.max(close) <= high) {
            return Err(format!(
                "low {low}, high {high}: open {open} and close {close} are not between them"
            ));
        }
        Ok((date, bar))
    }
}

/// What a file says is not repeated at length.
fn brief(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let shown = match read_bars(text.as_bytes()) {
            Ok(all) => {
                let counts = all.iter().map(|bars| format!("{}:{}", bars.symbol, bars.dates.len()));
                counts.collect::<Vec<_>>().join(" ")
            }
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, expected, "{text}");
    }

    const HEAD: &str = "symbol,date,open,high,low,close,volume\n";

    #[test]
    fn bars_are_read_whatever_the_columns_order_and_the_lines_ends() {
        check(
            &format!(
                "{HEAD}A,2012-06-28,1,2,1,2,0\nB,2012-06-28,1,2,1,2,0\nA,2012-06-29,1,2,1,2,5.5\n"
            ),
            "A:2 B:1",
        );
        check(
            "\u{feff}Date,Volume,close,LOW,high,open,adj\r\n2012-06-28,9,2,1,2,1,x\r\n\r\n",
            ":1",
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let row = "A,2012-06-28,1,2,1,2,0\n";
        let wrong = |rows: &str, expected: &str| check(&format!("{HEAD}{rows}"), expected);
        wrong("", "line 2: there are no bars");
        check("", "line 1: has no column \"date\"; expected date,open,high,low,close,volume");
        check(
            "date,open,high,low,volume\n",
            "line 1: has no column \"close\"; expected date,open,high,low,close,volume",
        );
        wrong(&format!("{row}{row}"), "line 3: date 2012-06-28: comes twice");
        wrong(
            &format!("{row}A,2012-06-27,1,2,1,2,0\n"),
            "line 3: date 2012-06-27: comes after 2012-06-28",
        );
        wrong("A,2012-06-28,1,2,-1,2,0\n", "line 2: low: \"-1\" is not a number of 0 or more");
        wrong("A,2012-06-28,1,2,1,2,-5\n", "line 2: volume: \"-5\" is not a number of 0 or more");
        wrong("A,2012-06-28,1,2,1,NaN,0\n", "line 2: close: \"NaN\" is not a number of 0 or more");
        wrong("A,2012-06-28,1,2\n", "line 2: low: \"\" is not a number of 0 or more");
        wrong(
            "A,28.6.2012,1,2,1,2,0\n",
            "line 2: date: \"28.6.2012\" is not a date such as 2012-06-29",
        );
        wrong(
            "A,2012-06-28,1,2,1,3,0\n",
            "line 2: low 1, high 2: open 1 and close 3 are not between them",
        );
        wrong(",2012-06-28,1,2,1,2,0\n", "line 2: symbol: is empty");
    }
}
