//! How many calls a day may be made: a bound that holds across restarts, since what is spent is kept
//! in the cache.

use std::num::NonZeroU32;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use parking_lot::Mutex;
use spence::{Cache, Clock, Error, PolicyLayer, Spence};

use crate::call::now;
use crate::error::ProviderError;

/// The name of the cache that counts calls by day.
pub const CALLS_CACHE: &str = "CALLS";

/// Longer than a day lasts anywhere.
const KEPT: Duration = Duration::from_secs(3 * 86_400);

/// What may be spent in a day, and what was. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    most: NonZeroU32,
    spent: Arc<Mutex<Option<Spent>>>,
    /// Where it is kept, and under whose name.
    ledger: Arc<OnceLock<(Cache<String, u32>, String)>>,
}

#[derive(Debug, Clone, Copy)]
struct Spent {
    day: Date,
    calls: u32,
}

impl Budget {
    pub(crate) fn of(most: NonZeroU32) -> Self {
        Self { most, spent: Arc::default(), ledger: Arc::default() }
    }

    /// Keeps what is spent with `provider` in `spence` from now on.
    pub(crate) fn keep_in(&self, spence: &Spence, provider: &str) -> Result<(), Error> {
        let whole = PolicyLayer::new().ttl(KEPT).jitter(0.0);
        let ledger = spence.cache(CALLS_CACHE).schema(1).settings(whole).build()?;
        self.ledger.get_or_init(|| (ledger, provider.to_owned()));
        Ok(())
    }

    /// Spends a call.
    pub(crate) async fn spend(&self, clock: &Clock) -> Result<(), ProviderError> {
        let day = today(clock);
        let held = self.held(day).await;
        let calls = {
            let mut spent = self.spent.lock();
            let spent = spent.get_or_insert(Spent { day, calls: held });
            if spent.day != day {
                *spent = Spent { day, calls: held };
            }
            if spent.calls >= self.most.get() {
                return Err(ProviderError::BudgetSpent { most: self.most.get(), day });
            }
            spent.calls += 1;
            spent.calls
        };
        if let Some((ledger, provider)) = self.ledger.get() {
            // If it cannot be kept, this process counts all the same.
            drop(ledger.insert(key(provider, day), calls).await);
        }
        Ok(())
    }

    /// How many calls are left today.
    pub(crate) async fn left(&self, clock: &Clock) -> u32 {
        let day = today(clock);
        let held = self.held(day).await;
        let spent = *self.spent.lock();
        let spent = spent.filter(|spent| spent.day == day).map_or(held, |spent| spent.calls);
        self.most.get().saturating_sub(spent)
    }

    /// What was spent by whoever had the cache before; nothing once this process counts itself.
    async fn held(&self, day: Date) -> u32 {
        if self.spent.lock().is_some_and(|spent| spent.day == day) {
            return 0;
        }
        match self.ledger.get() {
            Some((ledger, provider)) => {
                ledger.get(&key(provider, day)).await.map_or(0, |calls| *calls)
            }
            None => 0,
        }
    }
}

/// As in `https://api.massive.com 2026-10-30`.
fn key(provider: &str, day: Date) -> String {
    format!("{provider} {day}")
}

/// Days are those of UTC.
fn today(clock: &Clock) -> Date {
    now(clock).to_zoned(TimeZone::UTC).date()
}
