//! Rows that cannot be: when they are taken for what the provider has, and not for an accident.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use jiff::civil::Date;

use crate::data::RefusedRow;
use crate::error::ProviderError;
use crate::wire::Aggregate;

/// So many times an answer with impossible rows is taken for an accident, and asked for again.
const ACCIDENTS: u32 = 3;

/// How often an answer had rows that cannot be.
#[derive(Debug, Default)]
pub(crate) struct Doubts(AtomicU32);

impl Doubts {
    /// Refuses an answer with impossible rows, until it has come often enough.
    pub(crate) fn settle<'a>(
        &self,
        refused: impl IntoIterator<Item = &'a RefusedRow>,
    ) -> Result<(), ProviderError> {
        let Some(first) = refused.into_iter().next() else {
            self.0.store(0, Ordering::Relaxed);
            return Ok(());
        };
        match self.0.fetch_add(1, Ordering::Relaxed) < ACCIDENTS {
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
                let row = format!("comes twice, and differs: {row:?}");
                self.refused.push(RefusedRow { date, row });
            }
            (Err(_), _) => {
                self.rows.remove(&date);
                self.refused.push(RefusedRow::of(date, row));
            }
        }
    }
}
