//! The way up: installing what a fill, an `insert` or a lower tier brings.
//!
//! Installing is one critical section under the key's flight-shard mutex: has anything passed the
//! value, do the bans allow it, then memory and the disk's inbox take it. So memory, disk and
//! invalidations agree on the order in which things happened to a key.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use twox_hash::XxHash3_64;

use crate::ban::Verdict;
use crate::cache::Cache;
use crate::codec::mark;
use crate::disk::{Ack, Op};
use crate::entry::{Birth, Content, Detail, Entry, Head, Standing, Stored};
use crate::envelope::{StoredEntry, Validator};
use crate::error::Error;
use crate::fill::{Body, Fill};
use crate::flight::{Admission, Flight, Shard};
use crate::kept::Kept;
use crate::key::Key;
use crate::memory::Displaced;
use crate::memory::weigh::allocation;
use crate::outcome::Source;
use crate::promote::Lift;
use crate::stats::Count;
use crate::sync::Mutex;

/// What makes the jitter of a key its own, in every tier and process.
pub(crate) fn jitter_seed(text: &str) -> u32 {
    XxHash3_64::oneshot(text.as_bytes()) as u32
}

/// What a flight hands to everyone who waited for it.
pub(crate) enum Landing<K: Key, V> {
    Brought {
        entry: Arc<Entry<K, V>>,
        /// The origin, or the shared tier if another node was faster.
        source: Source,
        /// If something had passed the flight: whoever arrived after it began must not take the
        /// value for what the origin says now.
        passed: Option<Passed>,
    },
    Failed(Error),
}

/// How a flight landed that something had passed.
#[derive(Debug, Clone)]
pub(crate) struct Passed {
    /// The position at which it began.
    pub(crate) began: u64,
    /// One from after it landed.
    pub(crate) landed: u64,
    /// Whether its value is kept all the same, as expired.
    pub(crate) kept: bool,
    /// Whether one of those who waited for it has seen to it that nothing older comes after it.
    pub(crate) is_last: Arc<Mutex<bool>>,
}

/// A value as the tiers below memory keep it.
pub(crate) enum Encoded {
    /// No tier below memory keeps it: there is none, or the value is not to be kept.
    Nothing,
    /// It cannot be encoded.
    Failed,
    Stored(Arc<StoredEntry>),
}

/// What the disk is to do with an installed entry.
pub(crate) enum Keep {
    /// Nothing: there is no disk.
    Nothing,
    /// Nothing: the entry came from there.
    Promoted,
    /// Keep it, if there is a disk: the entry came from the shared tier.
    Lifted(Lift, Option<Arc<StoredEntry>>),
    /// Keep it; its `seq` and `as_of` are filled in, so it must not be shared yet.
    Put(Arc<StoredEntry>),
    /// The entry cannot be stored; what is older must not come back.
    Remove,
    /// As for `Remove`, and memory is not to keep it either.
    Forget,
}

impl<K: Key, V: Send + Sync + 'static> Cache<K, V> {
    /// Installs an entry unless something has passed it. A flight lands in the same moment, so
    /// that nobody can join it once its value is out.
    pub(crate) fn install(
        &self,
        hash: u64,
        text: &Arc<str>,
        entry: &Arc<Entry<K, V>>,
        keep: Keep,
        flight: Option<&Arc<Flight<K, Landing<K, V>>>>,
    ) -> Admission {
        let mut displaced = Displaced::default();
        let mut shard = self.engine.flights.lock(hash);
        if let Some(flight) = flight {
            shard.land(hash, flight);
        }
        let (admission, _) =
            self.install_locked(&mut shard, hash, text, entry, keep, &mut displaced);
        drop(shard);
        admission
    }

    /// What is displaced is dropped by the caller, after the lock.
    fn install_locked(
        &self,
        shard: &mut Shard,
        hash: u64,
        text: &Arc<str>,
        entry: &Arc<Entry<K, V>>,
        keep: Keep,
        displaced: &mut Displaced,
    ) -> (Admission, Ack) {
        let (engine, namespace) = (&self.engine, &self.core.namespace);
        let head = &entry.head;
        // Before the bans are asked: one that is added after that changes the world again.
        let world = namespace.world();
        namespace.tags_seen.note(head.tags());
        let mut expired = None;
        match engine.bans.verdict(&namespace.name, || (&**text).into(), head.tags(), head.as_of) {
            Verdict::Dead { since } => {
                let ack = self.bury_older(shard, hash, text, head.as_of, &keep, displaced);
                return (Admission::Passed { at: since }, ack);
            }
            Verdict::Expired { at_ms } => expired = Some(at_ms),
            Verdict::Alive => {}
        }
        match shard.admit(hash, head.as_of) {
            passed @ (Admission::Passed { .. } | Admission::Overtaken) => {
                return (passed, Ack::done());
            }
            Admission::Granted { expired: true } => expired = Some(engine.clock.unix_ms()),
            Admission::Granted { expired: false } => {}
        }
        if self.holds_later(hash, head.as_of, displaced) {
            return (Admission::Overtaken, Ack::done());
        }
        if let Keep::Lifted(lift, _) = &keep
            && ![lift.shown, lift.mark].contains(&shard.shown(hash))
        {
            return (Admission::Overtaken, self.let_stay(shard, hash, text, lift, displaced));
        }
        if let Some(at_ms) = expired {
            head.expire(engine.tick_of(at_ms).unwrap_or(0));
            // What is being fetched since then replaces it, and may have been read before it. What
            // the disk holds is held already.
            let is_held = matches!(keep, Keep::Promoted);
            if !is_held && shard.younger(hash, &(head.as_of..u64::MAX)).is_some() {
                return (Admission::Overtaken, Ack::done());
            }
        }
        engine.examine(head, entry.is_negative(), world);
        let standing = engine.standing(&**entry);
        let lasting = standing != Standing::Gone && !matches!(keep, Keep::Forget);
        if lasting {
            *displaced = namespace.memory.insert(hash, Arc::clone(entry) as Arc<dyn Stored>);
        } else if !matches!(keep, Keep::Promoted) {
            displaced.0.extend(namespace.memory.remove(hash));
        }
        match keep {
            Keep::Promoted => shard.promoted(hash, head.as_of),
            Keep::Lifted(lift, _) if standing == Standing::Fresh => {
                shard.lifted(hash, head.as_of, lift.mark);
            }
            // Whoever has found the same may serve it as stale yet, and is not to look again: that
            // would never end. What is older is refused while this is held.
            Keep::Lifted(..) => {}
            Keep::Nothing | Keep::Put(_) | Keep::Remove | Keep::Forget => {
                shard.installed(hash, head.as_of);
            }
        }
        let ack = match keep {
            Keep::Nothing | Keep::Promoted | Keep::Lifted(_, None) => Ack::done(),
            Keep::Put(mut stored) | Keep::Lifted(_, Some(mut stored)) if lasting => {
                let own = Arc::make_mut(&mut stored);
                own.seq = engine.log.next();
                own.as_of = head.as_of;
                if let Some(at_ms) = expired {
                    own.expire(at_ms);
                }
                engine.disk.accept(Op::Put(stored))
            }
            Keep::Put(_) | Keep::Lifted(..) | Keep::Remove | Keep::Forget => {
                self.remove_from_disk(text)
            }
        };
        (Admission::Granted { expired: expired.is_some() }, ack)
    }

    pub(crate) fn remove_from_disk(&self, text: &Arc<str>) -> Ack {
        let (namespace, key) = (Arc::clone(&self.core.namespace.name), Arc::clone(text));
        let seq = self.engine.log.next();
        self.engine.disk.accept(Op::Remove { namespace, key, seq })
    }

    /// The work of `insert` on this node, but for the wait.
    pub(crate) fn put(&self, key: &K, fill: Fill<V>) -> Result<Put, Error> {
        fill.check()?;
        let hash = self.core.namespace.hasher.hash(key);
        let text = self.text_of(key)?;
        let Fill { body, mut detail, store } = fill;
        let content = match body {
            Body::Value(value) => Content::Value(value),
            Body::Nothing => Content::Nothing,
            Body::NotModified => return Err(Error::invalid("insert: `not_modified` has no value")),
        };
        self.apply_call(matches!(content, Content::Nothing), &mut detail);
        let encoded = self.encode(&text, &content, &detail, store, 0);
        let keep = self.keep(&encoded, store);
        let engine = &self.engine;
        // What is in the shared tier is older, until it is replaced.
        let stamp = self.shared().map_or(0, |shared| shared.overtake_from_now(hash));
        let key = K::Kept::keep(key);
        let weight = self.weight(&key, &content, &detail);
        let seed = jitter_seed(&text);
        let mut displaced = Displaced::default();
        // Declared before the lock, so that it is dropped after it.
        let entry;
        let ack = {
            let mut shard = engine.flights.lock(hash);
            let as_of = engine.log.next();
            shard.doom(hash, as_of);
            let birth = Birth { as_of, born: engine.clock.ticks(), seed, ..Birth::default() };
            let head = Head::new(Arc::clone(&self.core.namespace), &birth, detail, weight);
            entry = Arc::new(Entry { head, key, content });
            self.install_locked(&mut shard, hash, &text, &entry, keep, &mut displaced).1
        };
        drop(displaced);
        self.core.namespace.counters.count(Count::Insert);
        Ok(Put { hash, text, encoded, stamp, ack })
    }

    /// Waits until the other nodes know of what was put in, or will, and until it would survive the
    /// end of the process, or cannot be kept.
    pub(crate) async fn until_kept(&self, put: Put) {
        let put = match self.engine.shared {
            None => put,
            Some(_) => {
                let cache = self.clone();
                let sharing = async move {
                    cache.share_insert(&put).await;
                    put
                };
                self.engine.to_the_end(sharing).await
            }
        };
        if let Err(error) = put.ack.kept(&self.engine.clock).await {
            // The disk counts its failures; a value that it cannot keep is a miss there.
            tracing::debug!(%error, cache = self.name(), "insert: not kept on disk");
        }
    }

    pub(crate) fn entry(
        &self,
        key: &K,
        content: Content<K, V>,
        birth: Birth,
        detail: Detail,
    ) -> Arc<Entry<K, V>> {
        let key = K::Kept::keep(key);
        let weight = self.weight(&key, &content, &detail);
        let head = Head::new(Arc::clone(&self.core.namespace), &birth, detail, weight);
        Arc::new(Entry { head, key, content })
    }

    /// What an entry takes in memory: its block, what its key, value and details hold outside of
    /// it, and its place in the pool.
    fn weight(&self, key: &K::Kept, content: &Content<K, V>, detail: &Detail) -> u32 {
        let block = allocation(16 + size_of::<Entry<K, V>>());
        let value = match content {
            Content::Value(value) => (self.core.weigher)(value),
            // The older entry stays whole, but for its place in the pool.
            Content::Unchanged(older) => older.head.weight as usize,
            Content::Nothing => 0,
        };
        let tags: usize = detail.tags.iter().map(|tag| allocation(tag.len())).sum();
        let validator = match &detail.validator {
            Validator::None => 0,
            Validator::ETag(text) | Validator::LastModified(text) => allocation(text.capacity()),
        };
        let detail = match *detail == Detail::default() {
            true => 0,
            false => {
                let list = detail.tags.len() * size_of::<Box<str>>();
                allocation(size_of::<Detail>()) + allocation(list) + tags + validator
            }
        };
        let weight = block + key.heap_bytes() + value + detail + crate::memory::SLOT_BYTES;
        u32::try_from(weight).unwrap_or(u32::MAX)
    }

    /// A call's own settings for what it fills.
    pub(crate) fn apply_call(&self, negative: bool, detail: &mut Detail) {
        let Some(call) = &self.call else { return };
        let asked = if negative { call.negative_ttl } else { call.ttl.map(|ttl| ttl.during(None)) };
        detail.own_ttl = detail.own_ttl.or(asked);
    }

    /// What the disk is to keep of a value.
    pub(crate) fn keep(&self, encoded: &Encoded, store: bool) -> Keep {
        match encoded {
            _ if !store => Keep::Forget,
            _ if !self.engine.disk.is_present() => Keep::Nothing,
            Encoded::Nothing => Keep::Nothing,
            Encoded::Failed => Keep::Remove,
            Encoded::Stored(stored) => Keep::Put(Arc::clone(stored)),
        }
    }

    /// A value for the tiers below memory.
    pub(crate) fn encode(
        &self,
        text: &Arc<str>,
        content: &Content<K, V>,
        detail: &Detail,
        store: bool,
        fetch_micros: u32,
    ) -> Encoded {
        let is_kept = store && (self.engine.disk.is_present() || self.engine.shared.is_some());
        let Some(codec) = self.core.codec.as_ref().filter(|_| is_kept) else {
            return Encoded::Nothing;
        };
        let payload = match content.value().map(|value| codec.encode(value)) {
            None => Bytes::new(),
            Some(Ok(payload)) => payload,
            Some(Err(error)) => {
                tracing::warn!(%error, cache = self.name(), "encode: the value stays in memory");
                return Encoded::Failed;
            }
        };
        let namespace = &self.core.namespace;
        let millis = |ttl: Duration| u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
        Encoded::Stored(Arc::new(StoredEntry {
            namespace: Arc::clone(&namespace.name),
            fingerprint: namespace.fingerprint,
            key: Arc::clone(text),
            seq: 0,
            epoch: 0,
            as_of: 0,
            born_ms: self.engine.clock.unix_ms(),
            ttl_ms: detail.own_ttl.map(millis),
            expired_at_ms: None,
            negative: matches!(content, Content::Nothing),
            tags: detail.tags.clone(),
            fetch_micros,
            cost_micro_usd: detail.cost_micro_usd,
            validator: detail.validator.clone(),
            codec: mark(&**codec),
            compress: namespace.rules().policy.compress,
            payload,
        }))
    }
}

/// What was put in on this node.
pub(crate) struct Put {
    pub(crate) hash: u64,
    pub(crate) text: Arc<str>,
    pub(crate) encoded: Encoded,
    /// Which call has said that what is in the shared tier is older.
    pub(crate) stamp: u64,
    ack: Ack,
}

impl<K: Key, V> Clone for Landing<K, V> {
    fn clone(&self) -> Self {
        match self {
            Landing::Brought { entry, source, passed } => {
                let (entry, passed) = (Arc::clone(entry), passed.clone());
                Landing::Brought { entry, source: *source, passed }
            }
            Landing::Failed(error) => Landing::Failed(error.clone()),
        }
    }
}
