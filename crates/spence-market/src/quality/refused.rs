//! Rows that cannot be: when they are taken for what the provider has, and not for an accident.

use std::collections::BTreeMap;

use jiff::civil::Date;
use parking_lot::Mutex;

use crate::data::RefusedRow;
use crate::error::ProviderError;
use crate::series::day_of;
use crate::wire::Aggregate;

/// So many times an answer with impossible rows is taken for an accident, and asked for again.
const ACCIDENTS: u32 = 3;

/// What the rows that could not be in the last answer were about (their days, or in an answer about
/// all symbols their places), and how often it was the same.
#[derive(Debug, Default)]
pub(crate) struct Doubts(Mutex<(Vec<i64>, u32)>);

/// Rows with the days that they are about.
pub(crate) fn by_day(refused: &[RefusedRow]) -> impl Iterator<Item = (i64, &RefusedRow)> {
    refused.iter().map(|row| (i64::from(day_of(row.date)), row))
}

impl Doubts {
    /// Refuses an answer with impossible rows, until the same have come often enough.
    pub(crate) fn settle<'a>(
        &self,
        refused: impl IntoIterator<Item = (i64, &'a RefusedRow)>,
    ) -> Result<(), ProviderError> {
        let (about, rows): (Vec<i64>, Vec<&RefusedRow>) = refused.into_iter().unzip();
        let Some(first) = rows.first() else { return Ok(()) };
        let mut doubts = self.0.lock();
        let times = if doubts.0 == about { doubts.1 + 1 } else { 1 };
        let is_accident = times <= ACCIDENTS;
        // The next page is another answer.
        *doubts = if is_accident { (about, times) } else { (Vec::new(), 0) };
        match is_accident {
            true => Err(ProviderError::Malformed(format!("row {}", first.row))),
            false => Ok(()),
        }
    }
}

/// Daily bars of one symbol on one page.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// Open, high, low, close and volume of days.
    pub(crate) rows: BTreeMap<Date, [f64; 5]>,
    pub(crate) refused: Vec<RefusedRow>,
}

impl Page {
    /// Adds a row; one that comes twice is one, and if it says two things it is none.
    pub(crate) fn add(
        &mut self,
        date: Date,
        values: Result<[f64; 5], ProviderError>,
        row: &Aggregate,
    ) {
        let is_refused = self.refused.iter().any(|refused| refused.date == date);
        match (values, self.rows.get(&date)) {
            _ if is_refused => {}
            (Ok(values), None) => drop(self.rows.insert(date, values)),
            (Ok(values), Some(known)) if *known == values => {}
            (Ok(_), Some(_)) => {
                self.rows.remove(&date);
                let refused = RefusedRow::of(date, row);
                let row = format!("comes twice, and differs: {}", refused.row);
                self.refused.push(RefusedRow { row, ..refused });
            }
            (Err(_), _) => {
                self.rows.remove(&date);
                self.refused.push(RefusedRow::of(date, row));
            }
        }
    }
}
