//! The walk down the tiers: memory, disk, the shared tier. The way back up is in `promote.rs`.
//!
//! This is the only file that knows the order of the tiers. A hit in memory is decided by one
//! check and touches nothing below. Everything else takes a ticket first (see `flight.rs`), so
//! that whatever it finds can be refused if an invalidation passes it on the way.

use std::sync::Arc;

use futures_util::stream::{self, StreamExt};

use crate::ban::Verdict;
use crate::cache::Cache;
use crate::cached::Cached;
use crate::clock::Ticks;
use crate::disk::Found as OnDisk;
use crate::entry::{Entry, Standing, Stored, is_of, typed};
use crate::error::{Error, ErrorKind};
use crate::flight::Ticket;
use crate::key::{Key, check_text, shared_text};
use crate::outcome::{Freshness, MissCause, Source, StaleReason};
use crate::promote::Found;
use crate::share::Wanted;
use crate::stats::Count;

/// What the tiers hold under a key.
pub(crate) enum Held<K: Key, V> {
    /// A fresh value, or a fresh "nothing there".
    Fresh(Arc<Entry<K, V>>, Source),
    /// A value past its freshness, within the grace of its policy.
    Stale(Arc<Entry<K, V>>, Source),
    Nothing(MissCause),
}

/// Lookups on disk that one batch has under way at a time.
const LOOKUPS: usize = 32;
/// Keys that one call asks the shared tier for.
const SHARED_LOOKUPS: usize = 256;

/// A key that is looked for, by the holder of a ticket.
pub(crate) struct Looking<'a, K> {
    pub(crate) ticket: Ticket,
    pub(crate) key: &'a K,
    pub(crate) text: Arc<str>,
}

impl<K: Key, V> Held<K, V> {
    /// The better of this, which is not good enough, and what a lower tier has.
    pub(crate) fn or(self, below: Option<Self>) -> Self {
        match (self, below) {
            (above, None) => above,
            (_, Some(below @ Held::Fresh(..))) => below,
            (Held::Nothing(MissCause::Absent), Some(below)) => below,
            // What is believed of the shared tier is no older.
            (Held::Nothing(_) | Held::Stale(..), Some(below @ Held::Stale(..))) => below,
            (above, Some(_)) => above,
        }
    }
}

impl<K: Key, V: Send + Sync + 'static> Cache<K, V> {
    /// The hit path: memory, one check, one count. The outer `None` is anything else.
    #[inline]
    pub(crate) fn memory_hit(&self, hash: u64, key: &K) -> Option<Option<Cached<V>>> {
        self.memory_hit_if(hash, key, |_| true)
    }

    /// The hit path, where only some entries are enough.
    #[inline]
    pub(crate) fn memory_hit_if(
        &self,
        hash: u64,
        key: &K,
        is_enough: impl Fn(&Entry<K, V>) -> bool,
    ) -> Option<Option<Cached<V>>> {
        let namespace = &*self.core.namespace;
        let slot = namespace.memory.get(hash, &|stored| is_of::<K, V>(stored, key))?;
        let entry = typed::<K, V>(slot)?;
        let now = self.engine.clock.ticks();
        if !entry.head.is_hit(namespace.world(), now) || !is_enough(&entry) {
            return None;
        }
        if !namespace.is_verified(now) {
            return self.unverified_hit(key, entry, now);
        }
        self.tally_memory_hit(key, &entry);
        if entry.is_negative() {
            namespace.counters.count(Count::NegativeHit);
            return Some(None);
        }
        let freshness = entry.head.freshness();
        Some(Some(Cached::new(entry, freshness, Source::Memory, now)))
    }

    /// A hit on a node that may have missed what others have invalidated.
    #[cold]
    fn unverified_hit(
        &self,
        key: &K,
        entry: Arc<Entry<K, V>>,
        now: Ticks,
    ) -> Option<Option<Cached<V>>> {
        if self.core.namespace.rules().policy.verified_only {
            return None;
        }
        self.tally_memory_hit(key, &entry);
        self.core.namespace.counters.count(Count::UnverifiedHit);
        if entry.is_negative() {
            self.core.namespace.counters.count(Count::NegativeHit);
            return Some(None);
        }
        Some(Some(Cached::new(entry, Freshness::Unverified, Source::Memory, now)))
    }

    #[cold]
    pub(crate) fn peek_cold(&self, hash: u64, key: &K) -> Option<Cached<V>> {
        match self.in_memory(hash, key) {
            // It looks into memory only, so it does no more than count why not.
            Held::Nothing(cause) => {
                self.core.namespace.counters.miss(cause);
                None
            }
            held => self.serve_held(&key.canonical(), held),
        }
    }

    #[cold]
    pub(crate) async fn get_cold(&self, hash: u64, key: &K) -> Option<Cached<V>> {
        let Ok(text) = self.text_of(key) else {
            self.tally_miss("", MissCause::Absent);
            return None;
        };
        let ticket = self.engine.flights.ticket(hash, &self.engine.log);
        let held = self.walk(&ticket, key, &text).await;
        self.serve_held(&text, held)
    }

    /// Counts and hands out what is held, without asking the origin.
    pub(crate) fn serve_held(&self, text: &str, held: Held<K, V>) -> Option<Cached<V>> {
        match held {
            Held::Fresh(entry, source) => self.serve_fresh(text, entry, source),
            Held::Stale(entry, source) if self.accepts(&entry) => {
                self.tally_stale(text);
                let freshness = Freshness::Stale(StaleReason::NotRefreshed);
                Some(self.cached(entry, freshness, source))
            }
            Held::Stale(..) => {
                self.tally_miss(text, MissCause::Expired);
                None
            }
            Held::Nothing(cause) => {
                self.tally_miss(text, cause);
                None
            }
        }
    }

    /// Whether the settings of this handle's calls accept a stale entry.
    fn accepts(&self, entry: &Entry<K, V>) -> bool {
        self.call.is_none() || self.engine.stale_for(entry) < self.policy().grace()
    }

    pub(crate) fn serve_fresh(
        &self,
        text: &str,
        entry: Arc<Entry<K, V>>,
        source: Source,
    ) -> Option<Cached<V>> {
        let freshness = self.engine.freshness_of(&entry.head);
        self.tally_hit(text, &entry, source);
        if freshness == Freshness::Unverified {
            self.core.namespace.counters.count(Count::UnverifiedHit);
        }
        if entry.is_negative() {
            self.core.namespace.counters.count(Count::NegativeHit);
            return None;
        }
        Some(self.cached(entry, freshness, source))
    }

    /// Looks into the tiers in their order; what is found below memory is promoted.
    pub(crate) async fn walk(&self, ticket: &Ticket, key: &K, text: &Arc<str>) -> Held<K, V> {
        let above = self.walk_node(ticket, key, text).await;
        if self.is_enough(ticket.hash, &above) {
            return above;
        }
        let below = self.look_for(&Wanted { hash: ticket.hash, key, text }).await;
        above.or(Some(below))
    }

    /// [`Cache::walk`] for many keys: the shared tier is asked for all that it is needed for at
    /// once.
    pub(crate) async fn walk_many(&self, looking: &[Looking<'_, K>]) -> Vec<Held<K, V>> {
        let mut walked: Vec<_> = match self.is_on_disk() {
            true => {
                let walk =
                    looking.iter().map(|one| self.walk_node(&one.ticket, one.key, &one.text));
                let walks: Vec<_> = walk.collect();
                stream::iter(walks).buffered(LOOKUPS).collect().await
            }
            // Nothing has to be waited for.
            false => looking.iter().map(|one| self.in_memory(one.ticket.hash, one.key)).collect(),
        };
        let needed = walked.iter_mut().zip(looking);
        let needed = needed.filter(|(held, one)| !self.is_enough(one.ticket.hash, held));
        let mut needed: Vec<_> = needed.collect();
        for chunk in needed.chunks_mut(SHARED_LOOKUPS) {
            let wanted: Vec<_> = chunk
                .iter()
                .map(|(_, looking)| Wanted {
                    hash: looking.ticket.hash,
                    key: looking.key,
                    text: &looking.text,
                })
                .collect();
            let below = self.look_for_all(&wanted).await;
            for ((held, _), below) in chunk.iter_mut().zip(below) {
                let above = std::mem::replace(*held, Held::Nothing(MissCause::Absent));
                **held = above.or(Some(below));
            }
        }
        walked
    }

    /// Whether there is no sense in asking the shared tier too.
    fn is_enough(&self, hash: u64, held: &Held<K, V>) -> bool {
        match held {
            _ if self.shared().is_none() => true,
            Held::Fresh(entry, _) => entry.head.freshness() == Freshness::Fresh,
            // Who is fetching it asks there first; and what is lifted would pass what is fetched.
            Held::Stale(..) => self.engine.flights.lock(hash).is_joinable(hash),
            Held::Nothing(_) => false,
        }
    }

    /// Whether values of this cache can be on disk.
    fn is_on_disk(&self) -> bool {
        self.core.codec.is_some() && self.engine.disk.is_present()
    }

    /// Looks into the tiers of this node.
    pub(crate) async fn walk_node(&self, ticket: &Ticket, key: &K, text: &Arc<str>) -> Held<K, V> {
        let above = match self.in_memory(ticket.hash, key) {
            Held::Nothing(cause) => cause,
            held => return held,
        };
        if !self.is_on_disk() {
            return Held::Nothing(above);
        }
        let asked = self.stopwatch_for_log();
        match self.engine.disk.get(&self.core.namespace.name, text).found().await {
            OnDisk::Entry(stored) => {
                let held = match self.promote(ticket.hash, key, Found::OnDisk(*stored)) {
                    Ok(Held::Fresh(..)) if self.is_too_doubtful() => {
                        Held::Nothing(MissCause::Expired)
                    }
                    Ok(held) => held,
                    Err(cause) => Held::Nothing(cause),
                };
                if let (Held::Fresh(entry, _), Some(asked)) = (&held, asked) {
                    self.log_disk_hit(text, entry, asked.elapsed());
                }
                held
            }
            OnDisk::Nothing => Held::Nothing(above),
            OnDisk::Failed => Held::Nothing(MissCause::Failed),
        }
    }

    /// Whether this node may be behind the others, and the policy serves nothing then that it holds.
    fn is_too_doubtful(&self) -> bool {
        let namespace = &self.core.namespace;
        !namespace.is_verified(self.engine.clock.ticks()) && namespace.rules().policy.verified_only
    }

    /// What memory holds, examined again if the world has changed since it was.
    pub(crate) fn in_memory(&self, hash: u64, key: &K) -> Held<K, V> {
        let slot = self.core.namespace.memory.get(hash, &|stored| is_of::<K, V>(stored, key));
        let Some(entry) = slot.and_then(typed::<K, V>) else {
            return Held::Nothing(MissCause::Absent);
        };
        if !entry.head.examined_in(self.core.namespace.world()) && !self.examine(hash, &entry) {
            return Held::Nothing(MissCause::Banned);
        }
        match self.engine.standing(&*entry) {
            Standing::Fresh if self.is_too_doubtful() => Held::Nothing(MissCause::Expired),
            Standing::Fresh => Held::Fresh(entry, Source::Memory),
            Standing::Stale => Held::Stale(entry, Source::Memory),
            // It stays until the pool needs the room: another policy may bring it back (C15).
            Standing::Gone => Held::Nothing(MissCause::Expired),
        }
    }

    /// Judges an entry anew by the bans and the policy in force; `false` if it is dead.
    fn examine(&self, hash: u64, entry: &Arc<Entry<K, V>>) -> bool {
        let (engine, namespace) = (&self.engine, &self.core.namespace);
        let slot: Arc<dyn Stored> = Arc::clone(entry) as _;
        let _shard = engine.flights.lock(hash);
        // Before the bans are asked: one that is added after that changes the world again.
        let world = namespace.world();
        match engine.verdict(&**entry) {
            Verdict::Dead { .. } => {
                // The caller still holds the entry, so nothing is dropped under the lock.
                drop(namespace.memory.remove_exactly(hash, &slot));
                return false;
            }
            Verdict::Expired { at_ms } => entry.head.expire(engine.tick_of(at_ms).unwrap_or(0)),
            Verdict::Alive => {}
        }
        engine.examine(&entry.head, entry.is_negative(), world);
        true
    }

    pub(crate) fn cached(
        &self,
        entry: Arc<Entry<K, V>>,
        freshness: Freshness,
        source: Source,
    ) -> Cached<V> {
        let now = self.engine.clock.ticks();
        let is_doubtful =
            freshness.is_stale() && self.engine.freshness_of(&entry.head) == Freshness::Unverified;
        let cached = Cached::new(entry, freshness, source, now);
        if is_doubtful { cached.unverified() } else { cached }
    }

    pub(crate) fn nothing_there(&self) -> Error {
        let name = &self.core.namespace.name;
        Error::new(ErrorKind::NotFound, format!("{name}: the origin has nothing under this key"))
    }

    /// The canonical text of a key, within the limits.
    pub(crate) fn text_of(&self, key: &K) -> Result<Arc<str>, Error> {
        let text = shared_text(key);
        check_text(&text)?;
        Ok(text)
    }
}
