//! Rows that cannot be, kept apart so that they can be looked at.

use std::time::Duration;

use jiff::civil::Date;
use spence::{Cache, Error, PolicyLayer, Spence};

use crate::data::RefusedRow;
use crate::market::Market;
use crate::symbol::Symbol;

/// The name of the cache of rows that were refused.
pub const QUARANTINE_CACHE: &str = "QUARANTINE";

/// How long they are kept.
const KEPT: Duration = Duration::from_secs(365 * 86_400);

/// The key is a symbol with a day, as in `AAPL 2024-11-29`; the value is the row, in short.
pub(crate) fn cache(spence: &Spence) -> Result<Cache<String, String>, Error> {
    let whole = PolicyLayer::new().ttl(KEPT).jitter(0.0);
    spence.cache(QUARANTINE_CACHE).schema(1).settings(whole).build()
}

/// Of rows within the day, with their frequency and moment.
fn key(symbol: &Symbol, day: Date) -> String {
    format!("{symbol} {day}")
}

impl Market {
    /// Keeps rows that were refused, and says so.
    pub(crate) async fn quarantine(
        &self,
        symbol: &Symbol,
        frequency: &str,
        refused: &[RefusedRow],
    ) {
        if !refused.is_empty() {
            let rows = refused.len();
            tracing::warn!(rows, "rows that cannot be are kept apart: `spence market quality`");
        }
        for RefusedRow { date, time, row } in refused {
            let day = key(symbol, *date);
            let key = time.map_or(day, |time| format!("{symbol} {frequency} {time}"));
            // If it cannot be kept, it has been told all the same.
            drop(self.quarantined.insert(key, row.clone()).await);
        }
    }

    /// The rows of these days that were refused.
    pub(crate) async fn quarantined(&self, symbol: &Symbol, days: &[Date]) -> Vec<RefusedRow> {
        let keys: Vec<_> = days.iter().map(|day| key(symbol, *day)).collect();
        let held = self.quarantined.get_many(&keys).await;
        let rows = days.iter().zip(held).filter_map(|(date, held)| {
            Some(RefusedRow { date: *date, time: None, row: held?.to_string() })
        });
        rows.collect()
    }
}
