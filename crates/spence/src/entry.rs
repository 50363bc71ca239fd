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
use crate::envelope::StoredEntry;
use crate::key::Key;
use crate::namespace::Namespace;
use crate::policy::{Life, Policy};
use crate::stats::Event;
use crate::sync::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// An entry as the pool holds it.
pub(crate) type Slot = Arc<dyn Stored>;

/// What the engine can do with an entry whose types it does not know.
pub(crate) trait Stored: Any + Send + Sync {
    fn head(&self) -> &Head;

    /// The canonical text of the key; made anew at each call.
    fn key_text(&self) -> String;
}

/// What a caller's `Cached<V>` can do with an entry whose key type it does not know.
pub(crate) trait Valued<V>: Send + Sync {
    fn head(&self) -> &Head;

    /// `None` for an entry that says "nothing there".
    fn value(&self) -> Option<&V>;
}

/// A key, its value and the head.
pub(crate) struct Entry<K, V> {
    pub(crate) head: Head,
    pub(crate) key: K,
    pub(crate) value: Option<V>,
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
    /// Whether the entry is counted in its namespace's holdings.
    resident: AtomicBool,
}

/// What most entries do not have.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Detail {
    pub(crate) own_ttl: Option<Duration>,
    pub(crate) tags: Box<[Box<str>]>,
    pub(crate) cost_micro_usd: u64,
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
#[derive(Debug)]
pub(crate) struct Birth {
    pub(crate) as_of: u64,
    pub(crate) born: Ticks,
    pub(crate) expired: Option<Ticks>,
    pub(crate) fetch_micros: u32,
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

    /// How long the entry has been stale.
    pub(crate) fn stale_for(&self, now: Ticks) -> Duration {
        duration_of(now.saturating_sub(self.fresh.load(Ordering::Relaxed)))
    }

    /// Derives the deadlines from `policy` and marks the entry as examined in `world`.
    /// Only under the key's flight-shard mutex.
    pub(crate) fn examine(&self, policy: &Policy, negative: bool, seed: u64, world: u64) {
        let expired = self.expired.load(Ordering::Relaxed);
        let lifetime = policy.lifetime(Life {
            own_ttl: self.own_ttl(),
            negative,
            expired: (expired != Ticks::MAX)
                .then(|| duration_of(expired.saturating_sub(self.born))),
            seed: seed ^ u64::from(self.born),
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
        self.namespace.counters.count(Event::Eviction);
    }
}

impl<K: Key, V: Send + Sync + 'static> Stored for Entry<K, V> {
    fn head(&self) -> &Head {
        &self.head
    }

    fn key_text(&self) -> String {
        self.key.canonical()
    }
}

impl<K: Key, V: Send + Sync + 'static> Valued<V> for Entry<K, V> {
    fn head(&self) -> &Head {
        &self.head
    }

    fn value(&self) -> Option<&V> {
        self.value.as_ref()
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
    }
}
