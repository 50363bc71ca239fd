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
use crate::key::{Canonical, Kept, Key};
use crate::lifetime::{Life, Lifetime, Rules, seed};
use crate::namespace::Namespace;
use crate::outcome::Freshness;
use crate::stats::Count;
use crate::sync::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};

/// Uses that are counted; more make no difference to how long an entry stays.
const MOST_USES: u8 = 3;

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

/// A key, what is held under it, and the head. In this order, so that what a hit reads lies on as
/// few cache lines as can be.
#[repr(C)]
pub(crate) struct Entry<K: Key, V> {
    pub(crate) head: Head,
    pub(crate) key: K::Kept,
    pub(crate) content: Content<K, V>,
}

/// What is held under a key.
pub(crate) enum Content<K: Key, V> {
    Value(V),
    /// The value of an older entry, which the origin says is the value still.
    Unchanged(Arc<Entry<K, V>>),
    /// The origin has nothing under the key.
    Nothing,
}

impl<K: Key, V> Entry<K, V> {
    pub(crate) fn value(&self) -> Option<&V> {
        self.content.value()
    }

    pub(crate) fn is_negative(&self) -> bool {
        matches!(self.content, Content::Nothing)
    }
}

impl<K: Key, V> Content<K, V> {
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

/// What the engine knows about an entry; what a hit reads comes first.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Head {
    /// The world in which the entry was last examined; see [`Namespace::world`].
    world: AtomicU64,
    /// A hit before this tick: fresh, and not yet to be refreshed.
    hit_until: AtomicU32,
    /// How long the origin took.
    pub(crate) fetch_micros: u32,
    /// The tick at which the origin answered.
    pub(crate) born: Ticks,
    /// Whether an invalidation of it may have been lost, with the power or on the way here.
    unverified: AtomicBool,
    /// How often it was used since its place in the pool last came up, up to [`MOST_USES`].
    uses: AtomicU8,
    /// Whether its place is in the pool's main queue.
    in_main: AtomicBool,
    /// Whether the entry is counted in its namespace's holdings.
    resident: AtomicBool,
    /// Log position at which the origin was asked: the entry's version. A ban or invalidation at
    /// a higher position kills it.
    pub(crate) as_of: u64,
    pub(crate) namespace: Arc<Namespace>,
    pub(crate) detail: Option<Box<Detail>>,
    /// Not to be served at all from this tick on.
    hard: AtomicU32,
    /// The tick at which the entry was expired by hand; [`Ticks::MAX`] when it was not.
    expired: AtomicU32,
    /// Bytes of the memory budget.
    pub(crate) weight: u32,
    /// What makes the key's jitter its own.
    seed: u32,
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
            hit_until: AtomicU32::new(0),
            hard: AtomicU32::new(0),
            expired: AtomicU32::new(birth.expired.unwrap_or(Ticks::MAX)),
            born: birth.born,
            weight,
            fetch_micros: birth.fetch_micros,
            seed: birth.seed,
            unverified: AtomicBool::new(birth.unverified),
            uses: AtomicU8::new(0),
            in_main: AtomicBool::new(false),
            resident: AtomicBool::new(false),
        }
    }

    /// Whether the entry was examined in `world` and is fresh at `now`: all that a hit checks.
    #[inline]
    pub(crate) fn is_hit(&self, world: u64, now: Ticks) -> bool {
        self.world.load(Ordering::Acquire) == world && now < self.hit_until()
    }

    /// Whether the deadlines are those of `world`.
    pub(crate) fn examined_in(&self, world: u64) -> bool {
        self.world.load(Ordering::Acquire) == world
    }

    #[inline]
    pub(crate) fn hit_until(&self) -> Ticks {
        self.hit_until.load(Ordering::Relaxed)
    }

    /// Not to be served at all from this tick on.
    pub(crate) fn gone_at(&self) -> Ticks {
        self.hard.load(Ordering::Relaxed)
    }

    /// What to say of the entry while it is within its time to live.
    #[inline]
    pub(crate) fn freshness(&self) -> Freshness {
        match self.is_unverified() {
            true => Freshness::Unverified,
            false => Freshness::Fresh,
        }
    }

    /// Whether an invalidation of it may have been lost.
    #[inline]
    pub(crate) fn is_unverified(&self) -> bool {
        self.unverified.load(Ordering::Relaxed)
    }

    /// An invalidation of it may have been lost. Only under the key's flight-shard mutex, before it
    /// is examined.
    pub(crate) fn doubt(&self) {
        self.unverified.store(true, Ordering::Relaxed);
    }

    /// Derives the deadlines from `rules` and marks the entry as examined in `world`; `born_ms` is
    /// when it was born on the wall clock. Only under the key's flight-shard mutex.
    pub(crate) fn examine(&self, rules: &Rules, negative: bool, born_ms: u64, world: u64) {
        let Lifetime { fresh, hard, early } = self.lifetime(rules, negative, born_ms);
        self.hit_until.store(self.at(fresh.saturating_sub(early)), Ordering::Relaxed);
        self.hard.store(self.at(hard), Ordering::Relaxed);
        self.world.store(world, Ordering::Release);
    }

    pub(crate) fn lifetime(&self, rules: &Rules, negative: bool, born_ms: u64) -> Lifetime {
        let expired = self.expired.load(Ordering::Relaxed);
        rules.lifetime(Life {
            own_ttl: self.own_ttl(),
            negative,
            unverified: self.is_unverified(),
            fetch: self.fetch_time(),
            born_ms,
            expired: (expired != Ticks::MAX)
                .then(|| duration_of(expired.saturating_sub(self.born))),
            seed: seed(self.seed, self.as_of),
        })
    }

    /// The tick at which the entry has this age.
    pub(crate) fn at(&self, age: Duration) -> Ticks {
        self.born.saturating_add(ticks_in(age))
    }

    /// How long the origin took.
    pub(crate) fn fetch_time(&self) -> Duration {
        Duration::from_micros(u64::from(self.fetch_micros))
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

    /// Notes a use. Two at once may count as one.
    #[inline]
    pub(crate) fn note_use(&self) {
        let uses = self.uses.load(Ordering::Relaxed);
        if uses < MOST_USES {
            self.uses.store(uses + 1, Ordering::Relaxed);
        }
    }

    pub(crate) fn was_used(&self) -> bool {
        self.uses.load(Ordering::Relaxed) > 0
    }

    /// Takes one use away, or all of them.
    pub(crate) fn wear(&self, all: bool) {
        let left = if all { 0 } else { self.uses.load(Ordering::Relaxed).saturating_sub(1) };
        self.uses.store(left, Ordering::Relaxed);
    }

    /// It takes the place of `older`, which counts as a use.
    pub(crate) fn take_over_from(&self, older: &Self) {
        self.uses.store(older.uses.load(Ordering::Relaxed), Ordering::Relaxed);
        self.note_use();
        self.move_to(older.in_main());
    }

    /// Whether its place is in the pool's main queue.
    pub(crate) fn in_main(&self) -> bool {
        self.in_main.load(Ordering::Relaxed)
    }

    pub(crate) fn move_to(&self, main: bool) {
        self.in_main.store(main, Ordering::Relaxed);
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
        Canonical::of::<K>(&self.key)
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

/// Whether an entry has these types and this key; another key with the same hash is a miss.
#[inline]
pub(crate) fn is_of<K: Key, V: Send + Sync + 'static>(stored: &dyn Stored, key: &K) -> bool {
    let any: &dyn Any = stored;
    any.downcast_ref::<Entry<K, V>>().is_some_and(|entry| entry.key.is(key))
}

/// The entry of a slot that has these types.
#[inline]
pub(crate) fn typed<K: Key, V: Send + Sync + 'static>(slot: Slot) -> Option<Arc<Entry<K, V>>> {
    let any: Arc<dyn Any + Send + Sync> = slot;
    any.downcast().ok()
}

/// Takes the details that came with a stored entry.
pub(crate) fn detail_of(stored: &mut StoredEntry) -> Detail {
    Detail {
        own_ttl: stored.ttl_ms.map(Duration::from_millis),
        tags: std::mem::take(&mut stored.tags),
        cost_micro_usd: stored.cost_micro_usd,
        validator: std::mem::take(&mut stored.validator),
    }
}
