//! What files of bars and of symbols have in common: CSV with a header, and lines that can be wrong.

use std::io;

use csv::StringRecord;

/// Why a file of bars or of symbols cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidFile {
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

impl InvalidFile {
    pub(crate) fn line(line: u64, what: impl Into<String>) -> Self {
        Self::Line { line, what: what.into() }
    }
}

impl From<csv::Error> for InvalidFile {
    fn from(error: csv::Error) -> Self {
        let line = error.position().map_or(1, csv::Position::line);
        match error.into_kind() {
            csv::ErrorKind::Io(error) => Self::Io(error),
            // Lines may have any number of cells, so nothing else is left.
            _ => Self::line(line, "is not UTF-8"),
        }
    }
}

/// Where a header has a column, whatever its case.
pub(crate) fn column(header: &StringRecord, name: &str) -> Option<usize> {
    header.iter().position(|cell| cell.trim().eq_ignore_ascii_case(name))
}

/// A cell without the spaces about it; empty if there is none.
pub(crate) fn cell(record: &StringRecord, place: usize) -> &str {
    record.get(place).unwrap_or_default().trim()
}

/// The line on which a record begins.
pub(crate) fn line_of(record: &StringRecord) -> u64 {
    record.position().map_or(0, csv::Position::line)
}
