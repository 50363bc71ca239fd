//! The symbols that a scan is about, and which of them a request means.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use csv::{ReaderBuilder, StringRecord};

use crate::file::{InvalidFile, cell, column, line_of};
use crate::symbol::Symbol;

/// The most symbols that a file may have: ten times those of all American exchanges.
pub const MAX_SYMBOLS: usize = 100_000;

/// A symbol with its sector, which is empty where the file does not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The symbol.
    pub symbol: Symbol,
    /// Its sector, as the file has it.
    pub sector: String,
}

/// Reads the symbols of a file; see [`read_universe`].
///
/// # Errors
/// As for [`read_universe`].
pub fn open_universe(path: &Path) -> Result<Vec<Listing>, InvalidFile> {
    read_universe(File::open(path)?)
}

/// Reads symbols: CSV in UTF-8 with a header that names a column `symbol` (or `ticker`), and if
/// there are any `sector` and `industry`; or, without such a header, a symbol on each line. Empty
/// lines are passed over.
///
/// # Errors
/// [`InvalidFile::Line`] names the first line that has no symbol, or one that was there
/// before, or one more than [`MAX_SYMBOLS`].
pub fn read_universe(source: impl Read) -> Result<Vec<Listing>, InvalidFile> {
    let mut reader = ReaderBuilder::new().flexible(true).has_headers(false).from_reader(source);
    let (mut record, mut places) = (StringRecord::new(), None);
    let (mut all, mut known) = (Vec::new(), HashMap::new());
    while reader.read_record(&mut record)? {
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        if places.is_none()
            && let Some(header) = Places::of(&record)
        {
            places = Some(header);
            continue;
        }
        if places.is_none() && record.len() > 1 {
            let what = "has several columns, and none is called symbol or ticker";
            return Err(InvalidFile::line(line_of(&record), what));
        }
        if all.len() == MAX_SYMBOLS {
            let what = format!("has more symbols than {MAX_SYMBOLS}, the most there may be");
            return Err(InvalidFile::line(line_of(&record), what));
        }
        all.push(places.get_or_insert_default().listing(&record, &mut known)?);
    }
    match all.is_empty() {
        true => Err(InvalidFile::line(1, "there are no symbols")),
        false => Ok(all),
    }
}

/// Where a file has its columns.
#[derive(Debug, Default)]
struct Places {
    symbol: usize,
    sector: Option<usize>,
}

impl Places {
    fn of(header: &StringRecord) -> Option<Self> {
        let symbol = column(header, "symbol").or_else(|| column(header, "ticker"))?;
        Some(Self { symbol, sector: column(header, "sector") })
    }

    /// `known` are the symbols that there were before, with their lines.
    fn listing(
        &self,
        record: &StringRecord,
        known: &mut HashMap<Symbol, u64>,
    ) -> Result<Listing, InvalidFile> {
        let line = line_of(record);
        let symbol = Symbol::new(cell(record, self.symbol));
        let symbol = symbol.map_err(|error| InvalidFile::line(line, error.to_string()))?;
        if let Some(before) = known.insert(symbol.clone(), line) {
            let what = format!("symbol {symbol}: is on line {before} already");
            return Err(InvalidFile::line(line, what));
        }
        let sector = self.sector.map_or("", |place| cell(record, place)).to_owned();
        Ok(Listing { symbol, sector })
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
        check(
            "name,sector\nA,x\n",
            "line 1: has several columns, and none is called symbol or ticker",
        );
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
