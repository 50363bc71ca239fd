//! Rows that cannot be, kept apart so that they can be looked at.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use spence::{Cache, Error, PolicyLayer, Spence, Weigh, allocation};

use crate::data::RefusedRow;
use crate::market::Market;
use crate::series::{date_of, day_of};
use crate::symbol::Symbol;

/// The name of the cache of rows that were refused.
pub const QUARANTINE_CACHE: &str = "QUARANTINE";

/// How long they are kept.
const KEPT: Duration = Duration::from_secs(365 * 86_400);
/// The most that are kept of a symbol: the newest.
const MOST: usize = 1_000;

/// The rows of a symbol that were refused, in short, with their days since 1970-01-01.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Quarantined(Vec<(i32, Box<str>)>);

impl Weigh for Quarantined {
    fn heap_bytes(&self) -> usize {
        let rows: usize = self.0.iter().map(|(_, row)| allocation(row.len())).sum();
        rows + allocation(self.0.capacity() * size_of::<(i32, Box<str>)>())
    }
}

/// The key is a symbol; of rows within the day, with the frequency: `AAPL`, `AAPL 5m`.
pub(crate) fn cache(spence: &Spence) -> Result<Cache<String, Quarantined>, Error> {
    let whole = PolicyLayer::new().ttl(KEPT).jitter(0.0);
    spence.cache(QUARANTINE_CACHE).schema(1).settings(whole).build()
}

impl Market {
    /// Keeps rows that were refused, and says so.
    pub(crate) async fn quarantine(
        &self,
        symbol: &Symbol,
        frequency: &str,
        refused: &[RefusedRow],
    ) {
        if refused.is_empty() {
            return;
        }
        let rows = refused.len();
        tracing::warn!(rows, "rows that cannot be are kept apart: `spence market quality`");
        let key = format!("{symbol} {frequency}").trim_end().to_owned();
        let held = self.quarantined.get(&key).await;
        let mut all = held.map(|held| (*held).clone()).unwrap_or_default();
        for RefusedRow { date, time, row } in refused {
            let day = day_of(*date);
            let row = time.map_or_else(|| row.clone(), |time| format!("{time}: {row}"));
            all.0.retain(|(known, text)| *known != day || (time.is_some() && **text != *row));
            all.0.push((day, row.into()));
        }
        all.0.sort_by_key(|(day, _)| *day);
        all.0.drain(..all.0.len().saturating_sub(MOST));
        // If it cannot be kept, it has been told all the same.
        drop(self.quarantined.insert(key, all).await);
    }

    /// The daily rows of a symbol that were refused, of days from one to another.
    pub(crate) async fn quarantined(&self, symbol: &Symbol, from: i32, to: i32) -> Vec<RefusedRow> {
        let Some(held) = self.quarantined.get(&symbol.to_string()).await else { return Vec::new() };
        let those = held.0.iter().filter(|(day, _)| (from..=to).contains(day));
        those
            .filter_map(|(day, row)| {
                Some(RefusedRow { date: date_of(*day)?, time: None, row: row.to_string() })
            })
            .collect()
    }
}
