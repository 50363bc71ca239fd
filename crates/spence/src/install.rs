//! The way up: running a fill in its own task, and installing what it brings.
//!
//! Installing is one critical section under the key's flight-shard mutex: has anything passed the
//! value, do the bans allow it, then memory and the disk's inbox take it. So memory, disk and
//! invalidations agree on the order in which things happened to a key.

use std::error::Error as StdError;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::ban::Verdict;
use crate::cache::Cache;
use crate::cached::Cached;
use crate::clock::{Ticks, ticks_in};
use crate::codec::mark;
use crate::disk::{Ack, Op};
use crate::entry::{Birth, Detail, Entry, Head, Standing, Stored};
use crate::envelope::{StoredEntry, Validator};
use crate::error::{Error, ErrorKind};
use crate::fill::{self, Fill, FillCx};
use crate::flight::{Admission, Flight, Shard, Ticket};
use crate::key::Key;
use crate::memory::Displaced;
use crate::memory::weigh::allocation;
use crate::stats::Event;

/// What a flight hands to everyone who waited for it.
pub(crate) enum Landing<K, V> {
    Brought {
        entry: Arc<Entry<K, V>>,
        /// The position of what had passed the flight: whoever arrived after it must not see the
        /// value.
        dead_since: Option<u64>,
    },
    Failed(Error),
}

/// What the disk is to do with an installed entry.
pub(crate) enum Keep {
    /// Nothing: there is no disk.
    Nothing,
    /// Nothing: the entry came from there.
    Promoted,
    /// Keep it; its `seq` and `as_of` are filled in.
    Put(Box<StoredEntry>),
    /// The entry cannot be stored; what is older must not come back.
    Remove,
}

impl<K: Key, V: Send + Sync + 'static> Cache<K, V> {
    /// Starts the fill of `flight` in a task of its own.
    pub(crate) fn take_off<F, R, E>(
        &self,
        ticket: Ticket,
        flight: Arc<Flight<K, Landing<K, V>>>,
        text: Arc<str>,
        stale: Option<Cached<V>>,
        fill: F,
    ) where
        F: FnOnce(FillCx<K, V>) -> R + Send + 'static,
        R: Future<Output = Result<Fill<V>, E>> + Send + 'static,
        E: Into<Box<dyn StdError + Send + Sync>> + 'static,
    {
        let deadline = self.policy().hard_deadline;
        let cx = FillCx { key: flight.key.clone(), stale, deadline };
        let pilot = Pilot { cache: self.clone(), ticket, flight, text, landed: false };
        self.engine.spawner.spawn(Box::pin(async move {
            let clock = pilot.cache.engine.clock.clone();
            pilot.cache.core.namespace.counters.count(Event::OriginCall);
            let took = clock.stopwatch();
            let work = fill::run(async move { fill(cx).await.map_err(Error::origin) });
            let result = clock.timeout(deadline, work).await.unwrap_or_else(|| {
                let message = format!("the origin took longer than {deadline:?}");
                Err(Error::new(ErrorKind::Deadline, message))
            });
            let result = result.and_then(|fill| fill.check().map(|()| fill));
            pilot.land(result, took());
        }));
    }

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
        let mut expired = None;
        match engine.bans.verdict(&namespace.name, text, head.tags(), head.as_of) {
            Verdict::Dead { since } => return (Admission::Passed { at: since }, Ack::done()),
            Verdict::Expired { at_ms } => expired = Some(at_ms),
            Verdict::Alive => {}
        }
        match shard.admit(hash, head.as_of) {
            passed @ Admission::Passed { .. } => return (passed, Ack::done()),
            Admission::Granted { expired: true } => expired = Some(engine.clock.unix_ms()),
            Admission::Granted { expired: false } => {}
        }
        if let Some(at_ms) = expired {
            head.expire(engine.tick_of(at_ms).unwrap_or(0));
        }
        head.examine(&namespace.policy(), entry.value.is_none(), hash, world);
        let lasting = head.standing(engine.clock.ticks()) != Standing::Gone;
        if lasting {
            *displaced = engine.memory.insert(hash, Arc::clone(entry) as Arc<dyn Stored>);
        } else {
            displaced.replaced = engine.memory.remove(hash);
        }
        match keep {
            Keep::Promoted => shard.promoted(hash, head.as_of),
            Keep::Nothing | Keep::Put(_) | Keep::Remove => shard.installed(hash, head.as_of),
        }
        let ack = match keep {
            Keep::Nothing | Keep::Promoted => Ack::done(),
            Keep::Put(mut stored) if lasting => {
                stored.seq = engine.log.next();
                stored.as_of = head.as_of;
                if let Some(at_ms) = expired {
                    stored.expire(at_ms);
                }
                engine.disk.accept(Op::Put(Arc::from(stored)))
            }
            Keep::Put(_) | Keep::Remove => {
                let (namespace, key) = (Arc::clone(&namespace.name), Arc::clone(text));
                engine.disk.accept(Op::Remove { namespace, key, seq: engine.log.next() })
            }
        };
        (Admission::Granted { expired: expired.is_some() }, ack)
    }

    /// The work of `insert`.
    pub(crate) async fn put(&self, hash: u64, key: K, fill: Fill<V>) -> Result<(), Error> {
        fill.check()?;
        let text = self.text_of(&key)?;
        let Fill { value, mut detail } = fill;
        self.apply_call(value.is_none(), &mut detail);
        let keep = self.keep(&text, value.as_ref(), &detail, 0);
        let engine = &self.engine;
        let mut displaced = Displaced::default();
        let ack = {
            let mut shard = engine.flights.lock(hash);
            let as_of = engine.log.next();
            shard.doom(hash, as_of);
            let birth = Birth { as_of, born: engine.clock.ticks(), expired: None, fetch_micros: 0 };
            let entry = self.entry(key, value, birth, detail);
            self.install_locked(&mut shard, hash, &text, &entry, keep, &mut displaced).1
        };
        drop(displaced);
        self.core.namespace.counters.count(Event::Insert);
        if let Err(error) = ack.kept().await {
            // The disk counts its failures; a value that it cannot keep is a miss there.
            tracing::debug!(%error, cache = self.name(), "insert: not kept on disk");
        }
        Ok(())
    }

    pub(crate) fn entry(
        &self,
        key: K,
        value: Option<V>,
        birth: Birth,
        detail: Detail,
    ) -> Arc<Entry<K, V>> {
        let weight = self.weight(&key, value.as_ref(), &detail);
        let head = Head::new(Arc::clone(&self.core.namespace), &birth, detail, weight);
        Arc::new(Entry { head, key, value })
    }

    /// What an entry takes in memory: its block, what its key, value and details hold outside of
    /// it, and its place in the pool.
    fn weight(&self, key: &K, value: Option<&V>, detail: &Detail) -> u32 {
        let block = allocation(16 + size_of::<Entry<K, V>>());
        let value = value.map_or(0, |value| (self.core.weigher)(value));
        let tags: usize = detail.tags.iter().map(|tag| allocation(tag.len())).sum();
        let detail = match *detail == Detail::default() {
            true => 0,
            false => {
                let list = detail.tags.len() * size_of::<Box<str>>();
                allocation(size_of::<Detail>()) + allocation(list) + tags
            }
        };
        let key = allocation(key.heap_bytes());
        let weight = block + key + value + detail + crate::memory::SLOT_BYTES;
        u32::try_from(weight).unwrap_or(u32::MAX)
    }

    /// A call's own settings for what it fills.
    fn apply_call(&self, negative: bool, detail: &mut Detail) {
        let Some(call) = &self.call else { return };
        let asked = if negative { call.negative_ttl } else { call.ttl.map(|ttl| ttl.current()) };
        detail.own_ttl = detail.own_ttl.or(asked);
    }

    /// What the disk is to keep of a value.
    fn keep(&self, text: &Arc<str>, value: Option<&V>, detail: &Detail, fetch_micros: u32) -> Keep {
        let codec = match &self.core.codec {
            Some(codec) if self.engine.disk.is_present() => codec,
            _ => return Keep::Nothing,
        };
        let payload = match value.map(|value| codec.encode(value)) {
            None => Bytes::new(),
            Some(Ok(payload)) => payload,
            Some(Err(error)) => {
                tracing::warn!(%error, cache = self.name(), "encode: the value stays in memory");
                return Keep::Remove;
            }
        };
        let namespace = &self.core.namespace;
        let millis = |ttl: Duration| u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
        Keep::Put(Box::new(StoredEntry {
            namespace: Arc::clone(&namespace.name),
            fingerprint: namespace.fingerprint,
            key: Arc::clone(text),
            seq: 0,
            as_of: 0,
            born_ms: self.engine.clock.unix_ms(),
            ttl_ms: detail.own_ttl.map(millis),
            expired_at_ms: None,
            negative: value.is_none(),
            tags: detail.tags.clone(),
            fetch_micros,
            cost_micro_usd: detail.cost_micro_usd,
            validator: Validator::None,
            codec: mark(&**codec),
            payload,
        }))
    }
}

/// Whoever flies a flight. However it ends, the flight lands and everyone who waits is released.
struct Pilot<K: Key, V: Send + Sync + 'static> {
    cache: Cache<K, V>,
    ticket: Ticket,
    flight: Arc<Flight<K, Landing<K, V>>>,
    text: Arc<str>,
    landed: bool,
}

impl<K: Key, V: Send + Sync + 'static> Pilot<K, V> {
    fn land(mut self, result: Result<Fill<V>, Error>, took: Duration) {
        let counters = &self.cache.core.namespace.counters;
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        counters.add(Event::OriginMicros, micros);
        match result {
            Ok(fill) => self.bring(fill, u32::try_from(micros).unwrap_or(u32::MAX)),
            Err(error) => self.fail(error),
        }
        self.landed = true;
    }

    fn bring(&self, fill: Fill<V>, fetch_micros: u32) {
        let (cache, hash) = (&self.cache, self.ticket.hash);
        let Fill { value, mut detail } = fill;
        cache.apply_call(value.is_none(), &mut detail);
        let keep = cache.keep(&self.text, value.as_ref(), &detail, fetch_micros);
        let born = cache.engine.clock.ticks();
        let birth = Birth { as_of: self.flight.as_of, born, expired: None, fetch_micros };
        let entry = cache.entry(self.flight.key.clone(), value, birth, detail);
        let admission = cache.install(hash, &self.text, &entry, keep, Some(&self.flight));
        let dead_since = match admission {
            Admission::Granted { .. } => None,
            Admission::Passed { at } => {
                cache.core.namespace.counters.count(Event::InstallRefused);
                Some(at)
            }
        };
        self.flight.publish(Landing::Brought { entry, dead_since });
    }

    fn fail(&self, error: Error) {
        let (engine, hash) = (&self.cache.engine, self.ticket.hash);
        self.cache.core.namespace.counters.count(Event::OriginError);
        let policy = self.cache.policy();
        let (first, most) =
            (at_least_a_tick(policy.error_backoff), ticks_in(policy.error_backoff_max));
        let mut shard = engine.flights.lock(hash);
        // A caller that arrived after an invalidation has a right to a call of its own.
        if shard.land(hash, &self.flight) {
            shard.failed(hash, &error, engine.clock.ticks(), first, most);
        }
        drop(shard);
        self.flight.publish(Landing::Failed(error));
    }
}

impl<K: Key, V: Send + Sync + 'static> Drop for Pilot<K, V> {
    fn drop(&mut self) {
        if !self.landed {
            let message = "the task of the fill was dropped before it ended";
            self.fail(Error::new(ErrorKind::OriginPanicked, message));
        }
    }
}

fn at_least_a_tick(duration: Duration) -> Ticks {
    if duration.is_zero() { 0 } else { ticks_in(duration).max(1) }
}

impl<K, V> Clone for Landing<K, V> {
    fn clone(&self) -> Self {
        match self {
            Landing::Brought { entry, dead_since } => {
                Landing::Brought { entry: Arc::clone(entry), dead_since: *dead_since }
            }
            Landing::Failed(error) => Landing::Failed(error.clone()),
        }
    }
}
