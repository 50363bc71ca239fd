//! The symbols that a scan is about, and which of them a request means.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use csv::{ReaderBuilder, StringRecord};

use crate::symbol::Symbol;

/// The most symbols that a file may have: ten times those of all American exchanges.
pub const MAX_SYMBOLS: usize = 100_000;

/// A symbol with what it belongs to; empty where the file does not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The symbol.
    pub symbol: Symbol,
    /// Its sector, as the file has it.
    pub sector: String,
    /// Its industry.
    pub industry: String,
}

/// Why a file of symbols cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidUniverse {
    /// It cannot be read at all.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// A line is not what it should be.
    #[error("line {line}: {what}")]
    Line {
        /// The line, counted from 1.
        line: u64,
        /// What is wrong with it.
        what: String,
    },
}

/// Reads the symbols of a file; see [`read_universe`].
///
/// # Errors
/// As for [`read_universe`].
pub fn open_universe(path: &Path) -> Result<Vec<Listing>, InvalidUniverse> {
    read_universe(File::open(path)?)
}

/// Reads symbols: CSV in UTF-8 with a header that names a column `symbol` (or `ticker`), and if
/// there are any `sector` and `industry`; or, without such a header, a symbol on each line. Empty
/// lines are passed over.
///
/// # Errors
/// [`InvalidUniverse::Line`] names the first line that has no symbol, or one that was there
/// before, or one more than [`MAX_SYMBOLS`].
pub fn read_universe(source: impl Read) -> Result<Vec<Listing>, InvalidUniverse> {
    let mut reader = ReaderBuilder::new().flexible(true).has_headers(false).from_reader(source);
    let (mut record, mut places) = (StringRecord::new(), None);
    let (mut all, mut known) = (Vec::new(), HashMap::new());
    while reader.read_record(&mut record).map_err(of_csv)? {
        let line = record.position().map_or(0, csv::Position::line);
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        let Some(places) = &places else {
            let header = Places::of(&record);
            let is_header = header.is_some();
            places = Some(header.unwrap_or_default());
            if is_header {
                continue;
            }
            all.push(listing(&Places::default(), &record, line, &mut known)?);
            continue;
        };
        if all.len() == MAX_SYMBOLS {
            let what = format!("has more symbols than {MAX_SYMBOLS}, the most there may be");
            return Err(InvalidUniverse::Line { line, what });
        }
        all.push(listing(places, &record, line, &mut known)?);
    }
    match all.is_empty() {
        true => Err(InvalidUniverse::Line { line: 1, what: "there are no symbols".to_owned() }),
        false => Ok(all),
    }
}

fn listing(
    places: &Places,
    record: &StringRecord,
    line: u64,
    known: &mut HashMap<Symbol, u64>,
) -> Result<Listing, InvalidUniverse> {
    let wrong = |what| InvalidUniverse::Line { line, what };
    let cell =
        |place: Option<usize>| place.and_then(|place| record.get(place)).unwrap_or_default().trim();
    let symbol = Symbol::new(cell(Some(places.symbol)));
    let symbol = symbol.map_err(|error| wrong(error.to_string()))?;
    if let Some(before) = known.insert(symbol.clone(), line) {
        return Err(wrong(format!("symbol {symbol}: is on line {before} already")));
    }
    Ok(Listing {
        symbol,
        sector: cell(places.sector).to_owned(),
        industry: cell(places.industry).to_owned(),
    })
}

/// Where a file has its columns.
#[derive(Debug, Default)]
struct Places {
    symbol: usize,
    sector: Option<usize>,
    industry: Option<usize>,
}

impl Places {
    fn of(header: &StringRecord) -> Option<Self> {
        let place =
            |name: &str| header.iter().position(|cell| cell.trim().eq_ignore_ascii_case(name));
        let symbol = place("symbol").or_else(|| place("ticker"))?;
        Some(Self { symbol, sector: place("sector"), industry: place("industry") })
    }
}

fn of_csv(error: csv::Error) -> InvalidUniverse {
    let line = error.position().map_or(1, csv::Position::line);
    match error.into_kind() {
        csv::ErrorKind::Io(error) => InvalidUniverse::Io(error),
        _ => InvalidUniverse::Line { line, what: "is not UTF-8".to_owned() },
    }
}

/// Sectors that go by several names, the first of each line being that of the standard (GICS).
const SECTORS: [&[&str]; 7] = [
    &["information technology", "technology"],
    &["health care", "healthcare"],
    &["financials", "financial services", "financial"],
    &["consumer discretionary", "consumer cyclical"],
    &["consumer staples", "consumer defensive"],
    &["materials", "basic materials"],
    &["communication services", "communications", "telecommunication services"],
];

/// Whether two names mean the same sector, whatever their case: `Technology` is `Information
/// Technology`.
#[must_use]
pub fn is_same_sector(one: &str, other: &str) -> bool {
    standard(one) == standard(other)
}

fn standard(sector: &str) -> String {
    let name = sector.trim().to_lowercase();
    let same = SECTORS.iter().find(|names| names.contains(&name.as_str()));
    same.and_then(|names| names.first()).map_or(name, |standard| (*standard).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let shown = match read_universe(text.as_bytes()) {
            Ok(all) => {
                let all = all.iter().map(|one| format!("{}/{}", one.symbol, one.sector));
                all.collect::<Vec<_>>().join(" ")
            }
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn symbols_are_read_from_tables_and_lists() {
        check(
            "\u{feff}Name,Ticker,Sector\r\nApple,aapl,Tech\r\n\r\n,,\nIBM,IBM\n",
            "AAPL/Tech IBM/",
        );
        check("AAPL\n\nIBM\n", "AAPL/ IBM/");
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        check("", "line 1: there are no symbols");
        check("symbol\n", "line 1: there are no symbols");
        check("symbol\nA\n\nB\na\n", "line 5: symbol A: is on line 2 already");
        check("symbol,sector\nA,x\n,y\n", "line 3: symbol \"\": is empty");
        check("symbol\nA B\n", "line 2: symbol \"A B\": contains ' '");
        let many: String = (0..200_000).map(|n| format!("S{n}\n")).collect();
        check(&many, "line 100001: has more symbols than 100000, the most there may be");
    }

    #[test]
    fn sectors_have_several_names() {
        assert!(is_same_sector("Technology", "information technology "));
        assert!(is_same_sector("Energy", "ENERGY"));
        assert!(!is_same_sector("Energy", "Utilities"));
    }
}
