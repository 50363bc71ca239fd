//! An entry in memory: a typed key and value, and a head that the engine reads without the types.
//!
//! The head's deadlines are derived from the policy in force and cached here. They are valid only
//! together with `world`: whoever changes them does so under the key's flight-shard mutex and
//! stores `world` last, so a hit that sees the current world sees deadlines of that world or a
//! later one.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Ticks, duration_of, ticks_in};
use crate::envelope::{StoredEntry, Validator};
use crate::key::Key;
use crate::lifetime::{Life, Rules, seed};
use crate::namespace::Namespace;
use crate::outcome::Freshness;
use crate::stats::Count;
use crate::sync::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// An entry as the pool holds it.
pub(crate) type Slot = Arc<dyn Stored>;

/// What the engine can do with an entry whose types it does not know.
pub(crate) trait Stored: Any + Send + Sync {
    fn head(&self) -> &Head;

    /// The canonical text of the key; made anew at each call.
    fn key_text(&self) -> String;

    /// Whether it says that the origin has nothing.
    fn is_negative(&self) -> bool;
}

/// What a caller's `Cached<V>` can do with an entry whose key type it does not know.
pub(crate) trait Valued<V>: Send + Sync {
    fn head(&self) -> &Head;

    /// `None` for an entry that says "nothing there".
    fn value(&self) -> Option<&V>;
}

/// A key, what is held under it, and the head.
pub(crate) struct Entry<K, V> {
    pub(crate) head: Head,
    pub(crate) key: K,
    pub(crate) content: Content<K, V>,
}

/// What is held under a key.
pub(crate) enum Content<K, V> {
    Value(V),
    /// The value of an older entry, which the origin says is the value still.
    Unchanged(Arc<Entry<K, V>>),
    /// The origin has nothing under the key.
    Nothing,
}

impl<K, V> Entry<K, V> {
    pub(crate) fn value(&self) -> Option<&V> {
        self.content.value()
    }

    pub(crate) fn is_negative(&self) -> bool {
        matches!(self.content, Content::Nothing)
    }
}

impl<K, V> Content<K, V> {
    pub(crate) fn value(&self) -> Option<&V> {
        match self {
            Content::Value(value) => Some(value),
            // One step: see `Content::of`.
            Content::Unchanged(older) => match &older.content {
                Content::Value(value) => Some(value),
                Content::Unchanged(_) | Content::Nothing => None,
            },
            Content::Nothing => None,
        }
    }

    /// The value of `older`, kept alive by the entry that holds it itself.
    pub(crate) fn of(older: &Arc<Entry<K, V>>) -> Self {
        match &older.content {
            Content::Unchanged(oldest) => Content::Unchanged(Arc::clone(oldest)),
            Content::Value(_) | Content::Nothing => Content::Unchanged(Arc::clone(older)),
        }
    }
}

/// What the engine knows about an entry.
#[derive(Debug)]
pub(crate) struct Head {
    /// The world in which the entry was last examined; see [`Namespace::world`].
    world: AtomicU64,
    /// Log position at which the origin was asked: the entry's version. A ban or invalidation at
    /// a higher position kills it.
    pub(crate) as_of: u64,
    pub(crate) namespace: Arc<Namespace>,
    pub(crate) detail: Option<Box<Detail>>,
    /// Fresh before this tick.
    fresh: AtomicU32,
    /// Not to be served at all from this tick on.
    hard: AtomicU32,
    /// The tick at which the entry was expired by hand; [`Ticks::MAX`] when it was not.
    expired: AtomicU32,
    /// The tick at which the origin answered.
    pub(crate) born: Ticks,
    /// Bytes of the memory budget.
    pub(crate) weight: u32,
    /// How long the origin took.
    pub(crate) fetch_micros: u32,
    /// What makes the key's jitter its own.
    seed: u32,
    /// Whether an invalidation of it may have been lost with the power.
    pub(crate) unverified: bool,
    /// Whether the entry is counted in its namespace's holdings.
    resident: AtomicBool,
}

/// What most entries do not have.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Detail {
    pub(crate) own_ttl: Option<Duration>,
    pub(crate) tags: Box<[Box<str>]>,
    pub(crate) cost_micro_usd: u64,
    pub(crate) validator: Validator,
}

/// What an entry's deadlines say at some tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Fresh,
    /// Past its freshness, within the grace that the policy grants.
    Stale,
    Gone,
}

/// How old an entry is, and how it came about.
#[derive(Debug, Default)]
pub(crate) struct Birth {
    pub(crate) as_of: u64,
    pub(crate) born: Ticks,
    pub(crate) expired: Option<Ticks>,
    pub(crate) fetch_micros: u32,
    pub(crate) seed: u32,
    pub(crate) unverified: bool,
}

impl Head {
    pub(crate) fn new(
        namespace: Arc<Namespace>,
        birth: &Birth,
        detail: Detail,
        weight: u32,
    ) -> Self {
        Self {
            world: AtomicU64::new(0),
            as_of: birth.as_of,
            namespace,
            detail: (detail != Detail::default()).then(|| Box::new(detail)),
            fresh: AtomicU32::new(0),
            hard: AtomicU32::new(0),
            expired: AtomicU32::new(birth.expired.unwrap_or(Ticks::MAX)),
            born: birth.born,
            weight,
            fetch_micros: birth.fetch_micros,
            seed: birth.seed,
            unverified: birth.unverified,
            resident: AtomicBool::new(false),
        }
    }

    /// Whether the entry was examined in `world` and is fresh at `now`: all that a hit checks.
    #[inline]
    pub(crate) fn is_hit(&self, world: u64, now: Ticks) -> bool {
        self.world.load(Ordering::Acquire) == world && now < self.fresh.load(Ordering::Relaxed)
    }

    /// Whether the deadlines are those of `world`.
    pub(crate) fn examined_in(&self, world: u64) -> bool {
        self.world.load(Ordering::Acquire) == world
    }

    pub(crate) fn standing(&self, now: Ticks) -> Standing {
        if now < self.fresh.load(Ordering::Relaxed) {
            Standing::Fresh
        } else if now < self.hard.load(Ordering::Relaxed) {
            Standing::Stale
        } else {
            Standing::Gone
        }
    }

    /// For how much longer the entry is fresh, and may be served at all.
    pub(crate) fn left(&self, now: Ticks) -> (Duration, Duration) {
        let until = |end: &AtomicU32| duration_of(end.load(Ordering::Relaxed).saturating_sub(now));
        (until(&self.fresh), until(&self.hard))
    }

    /// How long the entry has been stale.
    pub(crate) fn stale_for(&self, now: Ticks) -> Duration {
        duration_of(now.saturating_sub(self.fresh.load(Ordering::Relaxed)))
    }

    /// What to say of the entry while it is within its time to live.
    #[inline]
    pub(crate) fn freshness(&self) -> Freshness {
        if self.unverified { Freshness::Unverified } else { Freshness::Fresh }
    }

    /// Derives the deadlines from `rules` and marks the entry as examined in `world`; `born_ms` is
    /// when it was born on the wall clock. Only under the key's flight-shard mutex.
    pub(crate) fn examine(&self, rules: &Rules, negative: bool, born_ms: u64, world: u64) {
        let expired = self.expired.load(Ordering::Relaxed);
        let lifetime = rules.lifetime(Life {
            own_ttl: self.own_ttl(),
            negative,
            unverified: self.unverified,
            born_ms,
            expired: (expired != Ticks::MAX)
                .then(|| duration_of(expired.saturating_sub(self.born))),
            seed: seed(self.seed, self.as_of),
        });
        let at = |age| self.born.saturating_add(ticks_in(age));
        self.fresh.store(at(lifetime.fresh), Ordering::Relaxed);
        self.hard.store(at(lifetime.hard), Ordering::Relaxed);
        self.world.store(world, Ordering::Release);
    }

    /// Ends the freshness at `tick` at the latest; takes effect with the next examination.
    /// Only under the key's flight-shard mutex.
    pub(crate) fn expire(&self, tick: Ticks) {
        self.expired.fetch_min(tick, Ordering::Relaxed);
        self.world.store(0, Ordering::Release);
    }

    pub(crate) fn own_ttl(&self) -> Option<Duration> {
        self.detail.as_ref().and_then(|detail| detail.own_ttl)
    }

    pub(crate) fn tags(&self) -> impl Iterator<Item = &str> {
        self.detail.iter().flat_map(|detail| detail.tags.iter().map(|tag| &**tag))
    }

    /// Counts the entry among its namespace's holdings.
    pub(crate) fn enter(&self) {
        if !self.resident.swap(true, Ordering::Relaxed) {
            self.namespace.holdings.enter(self.weight);
        }
    }

    /// Takes the entry out of its namespace's holdings, once.
    pub(crate) fn leave(&self) {
        if self.resident.swap(false, Ordering::Relaxed) {
            self.namespace.holdings.leave(self.weight);
        }
    }

    /// The entry leaves since the pool needed the room.
    pub(crate) fn evict(&self) {
        self.leave();
        self.namespace.counters.count(Count::Eviction);
    }
}

impl<K: Key, V: Send + Sync + 'static> Stored for Entry<K, V> {
    fn head(&self) -> &Head {
        &self.head
    }

    fn key_text(&self) -> String {
        self.key.canonical()
    }

    fn is_negative(&self) -> bool {
        self.is_negative()
    }
}

impl<K: Key, V: Send + Sync + 'static> Valued<V> for Entry<K, V> {
    fn head(&self) -> &Head {
        &self.head
    }

    fn value(&self) -> Option<&V> {
        self.value()
    }
}

/// The entry of `slot`, if it has these types and this key; another key with the same hash is
/// a miss.
#[inline]
pub(crate) fn typed<K: Key, V: Send + Sync + 'static>(
    slot: Slot,
    key: &K,
) -> Option<Arc<Entry<K, V>>> {
    let any: Arc<dyn Any + Send + Sync> = slot;
    any.downcast::<Entry<K, V>>().ok().filter(|entry| entry.key == *key)
}

/// Details that came with a stored entry.
pub(crate) fn detail_of(stored: &StoredEntry) -> Detail {
    Detail {
        own_ttl: stored.ttl_ms.map(Duration::from_millis),
        tags: stored.tags.clone(),
        cost_micro_usd: stored.cost_micro_usd,
        validator: stored.validator.clone(),
    }
}
