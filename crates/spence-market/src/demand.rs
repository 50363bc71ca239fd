//! What is asked for every day, and is fetched as soon as it is final, before it is asked for.

use std::collections::HashMap;
use std::time::Duration;

use jiff::SignedDuration;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use spence::{Cache, Error, PolicyLayer, Spence, Weigh, allocation};

use crate::gather::{Limits, Window};
use crate::market::Market;
use crate::series::day_of;
use crate::symbol::Symbol;

/// The name of the cache that remembers what is asked for every day.
pub const DEMAND_CACHE: &str = "DEMAND";

/// The most symbols that are remembered.
const MOST: usize = 20_000;
/// How long they are remembered across restarts.
const KEPT: Duration = Duration::from_secs(30 * 86_400);
const KEY: &str = "daily";
/// Sessions that are fetched ahead: the newest, and the one before, if that was missed.
const SESSIONS: usize = 2;
/// After a session is settled; the provider's clock may be another.
const AFTER: SignedDuration = SignedDuration::from_mins(1);
/// The clock may be set meanwhile, and machines sleep.
const NAP: Duration = Duration::from_secs(600);
/// How often it is tried, if not all comes.
const TRIES: usize = 3;

/// On which sessions symbols were asked for.
#[derive(Debug, Default)]
pub(crate) struct Demand(Mutex<HashMap<Symbol, Asked>>);

/// The last session on which something was asked for, and the one before; by day.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Asked {
    last: i32,
    before: i32,
}

/// What is remembered across restarts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Remembered(Vec<(Box<str>, Asked)>);

impl Weigh for Remembered {
    fn heap_bytes(&self) -> usize {
        let names: usize = self.0.iter().map(|(name, _)| allocation(name.len())).sum();
        names + allocation(self.0.capacity() * size_of::<(Box<str>, Asked)>())
    }
}

/// What was fetched ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Refreshed {
    /// Symbols that are asked for every day.
    pub symbols: usize,
    /// Calls that were made for them.
    pub calls: usize,
    /// Whether all has come.
    pub is_whole: bool,
}

impl Demand {
    /// Notes that symbols were asked for while a session was the newest.
    pub(crate) fn note<'a>(&self, symbols: impl IntoIterator<Item = &'a Symbol>, day: i32) {
        let mut all = self.0.lock();
        for symbol in symbols {
            let has_room = all.len() < MOST;
            match all.get_mut(symbol) {
                Some(days) if days.last == day => {}
                Some(days) => *days = Asked { last: day, before: days.last },
                None if has_room => {
                    all.insert(symbol.clone(), Asked { last: day, before: i32::MIN });
                }
                None => {}
            }
        }
    }

    /// The symbols that were asked for on both of two sessions, in alphabetical order; what was
    /// not asked for since the first is forgotten.
    fn daily(&self, before: i32, last: i32) -> Vec<Symbol> {
        let mut all = self.0.lock();
        all.retain(|_, days| days.last >= before);
        let is_daily = |days: &Asked| days.last == last && days.before == before;
        let daily = all.iter().filter(|(_, days)| is_daily(days));
        let mut daily: Vec<_> = daily.map(|(symbol, _)| symbol.clone()).collect();
        daily.sort();
        daily
    }
}

pub(crate) fn cache(spence: &Spence) -> Result<Cache<String, Remembered>, Error> {
    let whole = PolicyLayer::new().ttl(KEPT).jitter(0.0);
    spence.cache(DEMAND_CACHE).schema(1).settings(whole).build()
}

impl Market {
    /// Notes that symbols were asked for.
    pub(crate) fn note_demand<'a>(&self, symbols: impl IntoIterator<Item = &'a Symbol>) {
        if let Some(newest) = self.trading.begun(None, self.now()).last() {
            self.demand.note(symbols, day_of(newest.date()));
        }
    }

    /// Fetches the newest sessions of all symbols that were asked for in both of the last two, with
    /// the fewest calls, within the rate and the day's budget.
    pub async fn refresh_ahead(&self) -> Refreshed {
        let begun = self.trading.begun(None, self.now());
        let [.., before, last] = begun else { return Refreshed::default() };
        let symbols = self.demand.daily(day_of(before.date()), day_of(last.date()));
        let window = Window::last(self, SESSIONS, None);
        let limits = Limits { may_call: true, time_limit: Duration::MAX };
        let gathered = self.gather(&symbols, &window, limits, crate::gather::untold()).await;
        if let Some(error) = &gathered.trouble {
            tracing::warn!("fetching ahead: not all has come");
            tracing::debug!(%error);
        }
        let calls = gathered.progress.calls;
        self.remember().await;
        Refreshed { symbols: symbols.len(), calls, is_whole: gathered.trouble.is_none() }
    }

    /// Fetches ahead what is asked for every day, whenever a session is settled. Never ends.
    pub async fn keep_ahead(&self) {
        let mut due = self.trading.next_settled(self.now());
        let mut has_recalled = false;
        loop {
            let Some(moment) = due.map(|settled| settled + AFTER) else { return };
            let left = Duration::try_from(moment.duration_since(self.now())).unwrap_or_default();
            if !left.is_zero() {
                self.clock.sleep(left.min(NAP)).await;
                continue;
            }
            if !std::mem::replace(&mut has_recalled, true) {
                self.recall().await;
            }
            for _ in 0..TRIES {
                let Refreshed { symbols, calls, is_whole } = self.refresh_ahead().await;
                tracing::info!(symbols, calls, "fetched ahead what is asked for every day");
                if is_whole {
                    break;
                }
                self.clock.sleep(NAP).await;
            }
            due = self.trading.next_settled(self.now());
        }
    }

    async fn remember(&self) {
        let all = self.demand.0.lock().clone();
        let all = all.iter().map(|(symbol, days)| (symbol.as_str().into(), *days)).collect();
        // If it cannot be kept, it takes two days again after a restart.
        drop(self.remembered.insert(KEY.to_owned(), Remembered(all)).await);
    }

    async fn recall(&self) {
        let Some(held) = self.remembered.get(&KEY.to_owned()).await else { return };
        let mut all = self.demand.0.lock();
        for (name, days) in &held.0 {
            let Ok(symbol) = Symbol::new(name) else { continue };
            if !all.contains_key(&symbol) && all.len() >= MOST {
                continue;
            }
            let known = all.entry(symbol).or_insert(*days);
            // It was asked for again before this was read.
            if days.last < known.last {
                known.before = known.before.max(days.last);
            }
        }
    }
}
