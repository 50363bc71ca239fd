//! The walk down the tiers and the way back up: memory, disk, origin; then install and promote.
//!
//! This is the only file that knows the order of the tiers. A hit in memory is decided by one
//! check and touches nothing below. Everything else takes a ticket first (see `flight.rs`), so
//! that whatever it finds can be refused if an invalidation passes it on the way.

use std::sync::Arc;

use crate::ban::Verdict;
use crate::cache::Cache;
use crate::cached::Cached;
use crate::codec::mark;
use crate::disk::Found;
use crate::entry::{Birth, Content, Entry, Standing, Stored, detail_of, is_of, typed};
use crate::envelope::StoredEntry;
use crate::error::{Error, ErrorKind};
use crate::flight::{Admission, Ticket};
use crate::install::{Keep, jitter_seed};
use crate::key::{Key, check_text, shared_text};
use crate::outcome::{Freshness, MissCause, Source, StaleReason};
use crate::stats::Count;

/// What the tiers hold under a key.
pub(crate) enum Held<K: Key, V> {
    /// A fresh value, or a fresh "nothing there".
    Fresh(Arc<Entry<K, V>>, Source),
    /// A value past its freshness, within the grace of its policy.
    Stale(Arc<Entry<K, V>>, Source),
    Nothing(MissCause),
}

impl<K: Key, V: Send + Sync + 'static> Cache<K, V> {
    /// The hit path: memory, one check, one count. The outer `None` is anything else.
    #[inline]
    pub(crate) fn memory_hit(&self, hash: u64, key: &K) -> Option<Option<Cached<V>>> {
        let namespace = &*self.core.namespace;
        let slot = namespace.memory.get(hash, &|stored| is_of::<K, V>(stored, key))?;
        let entry = typed::<K, V>(slot)?;
        let now = self.engine.clock.ticks();
        if !entry.head.is_hit(namespace.world(), now) {
            return None;
        }
        self.tally_memory_hit(key, &entry);
        if entry.is_negative() {
            namespace.counters.count(Count::NegativeHit);
            return Some(None);
        }
        let freshness = entry.head.freshness();
        Some(Some(Cached::new(entry, freshness, Source::Memory, now)))
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
    fn serve_held(&self, text: &str, held: Held<K, V>) -> Option<Cached<V>> {
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
        self.tally_hit(text, &entry, source);
        if entry.is_negative() {
            self.core.namespace.counters.count(Count::NegativeHit);
            return None;
        }
        let freshness = entry.head.freshness();
        Some(self.cached(entry, freshness, source))
    }

    /// Looks into the tiers in their order; what is found below memory is promoted.
    pub(crate) async fn walk(&self, ticket: &Ticket, key: &K, text: &Arc<str>) -> Held<K, V> {
        let above = match self.in_memory(ticket.hash, key) {
            Held::Nothing(cause) => cause,
            held => return held,
        };
        if self.core.codec.is_none() || !self.engine.disk.is_present() {
            return Held::Nothing(above);
        }
        let asked = self.stopwatch_for_log();
        match self.engine.disk.get(&self.core.namespace.name, text).found().await {
            Found::Entry(stored) => {
                let held = self.promote(ticket, key, stored).unwrap_or_else(Held::Nothing);
                if let (Held::Fresh(entry, _), Some(asked)) = (&held, asked) {
                    self.log_disk_hit(text, entry, asked.elapsed());
                }
                held
            }
            Found::Nothing => Held::Nothing(above),
            Found::Failed => Held::Nothing(MissCause::Failed),
        }
    }

    /// What memory holds, examined again if the world has changed since it was.
    fn in_memory(&self, hash: u64, key: &K) -> Held<K, V> {
        let slot = self.core.namespace.memory.get(hash, &|stored| is_of::<K, V>(stored, key));
        let Some(entry) = slot.and_then(typed::<K, V>) else {
            return Held::Nothing(MissCause::Absent);
        };
        if !entry.head.examined_in(self.core.namespace.world()) && !self.examine(hash, &entry) {
            return Held::Nothing(MissCause::Banned);
        }
        match self.engine.standing(&*entry) {
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

    /// Brings what the disk holds into memory, unless something has passed it.
    fn promote(
        &self,
        ticket: &Ticket,
        key: &K,
        mut stored: Box<StoredEntry>,
    ) -> Result<Held<K, V>, MissCause> {
        let (engine, namespace) = (&self.engine, &self.core.namespace);
        let codec = self.core.codec.as_deref().ok_or(MissCause::Schema)?;
        if stored.fingerprint != namespace.fingerprint || stored.codec != mark(codec) {
            return Err(MissCause::Schema);
        }
        let content = match stored.negative {
            true => Content::Nothing,
            false => {
                let payload = std::mem::take(&mut stored.payload);
                Content::Value(codec.decode(payload).ok_or(MissCause::Schema)?)
            }
        };
        let now = engine.clock.ticks();
        // Born in the future: nobody can say how old it is, so it is not fresh.
        let (born, unbelievable) =
            engine.tick_of(stored.born_ms).map_or((now, true), |born| (born, false));
        let expired_at = stored.expired_at_ms.map(|at| engine.tick_of(at).unwrap_or(now));
        let birth = Birth {
            as_of: stored.as_of,
            born,
            expired: if unbelievable { Some(born) } else { expired_at },
            fetch_micros: stored.fetch_micros,
            seed: jitter_seed(&stored.key),
            unverified: stored.seq <= engine.disk.unverified_until(),
        };
        let entry = self.entry(key, content, birth, detail_of(&mut stored));
        match self.install(ticket.hash, &stored.key, &entry, Keep::Promoted, None) {
            Admission::Passed { .. } => Err(MissCause::Banned),
            Admission::Granted { .. } => match engine.standing(&*entry) {
                Standing::Fresh => Ok(Held::Fresh(entry, Source::Disk)),
                Standing::Stale => Ok(Held::Stale(entry, Source::Disk)),
                Standing::Gone => Err(MissCause::Expired),
            },
        }
    }

    pub(crate) fn cached(
        &self,
        entry: Arc<Entry<K, V>>,
        freshness: Freshness,
        source: Source,
    ) -> Cached<V> {
        Cached::new(entry, freshness, source, self.engine.clock.ticks())
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
