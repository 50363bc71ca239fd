//! Whoever flies a flight: runs the fill in a task of its own, and lands it however it ends.

use std::error::Error as StdError;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::ban::Verdict;
use crate::cache::Cache;
use crate::caller::Caller;
use crate::clock::{Ticks, ticks_in};
use crate::covers::Covers;
use crate::entry::{Birth, Content, Detail, Entry, Standing};
use crate::envelope::Validator;
use crate::error::{Error, ErrorKind};
use crate::events::Happening;
use crate::fetch::within;
use crate::fill::{self, Body, Fill, FillCx};
use crate::flight::{Admission, Flight, Ticket};
use crate::install::{Landing, Passed, jitter_seed};
use crate::key::Key;
use crate::outcome::{Freshness, Source, StaleReason};
use crate::share::{Permit, Secured, Wanted};
use crate::stats::Count;

/// However it ends, the flight lands and everyone who waits is released.
pub(crate) struct Pilot<K: Key, V: Send + Sync + 'static> {
    cache: Cache<K, V>,
    ticket: Ticket,
    flight: Arc<Flight<K, Landing<K, V>>>,
    text: Arc<str>,
    /// What the origin may call unchanged.
    stale: Option<(Arc<Entry<K, V>>, Source)>,
    /// What another node's value must be for it to do.
    covers: Covers<K, V>,
    landed: bool,
}

impl<K: Key, V: Send + Sync + 'static> Cache<K, V> {
    /// Starts the fill of `flight` in a task of its own.
    pub(crate) fn take_off<F, R, E>(
        &self,
        ticket: &Ticket,
        flight: &Arc<Flight<K, Landing<K, V>>>,
        caller: &Caller<K, V>,
        stale: Option<&(Arc<Entry<K, V>>, Source)>,
        fill: F,
    ) where
        F: FnOnce(FillCx<K, V>) -> R + Send + 'static,
        R: Future<Output = Result<Fill<V>, E>> + Send + 'static,
        E: Into<Box<dyn StdError + Send + Sync>> + 'static,
    {
        let deadline = caller.policy.hard_deadline;
        let pilot = self.pilot(ticket, flight, caller, stale);
        let cx = pilot.context(deadline);
        caller.runs_on.spawn(Box::pin(async move {
            let clock = pilot.cache.engine.clock.clone();
            let since = clock.stopwatch();
            let (pilot, permit) = match pilot.secure(deadline).await {
                Ok(secured) => secured,
                Err(landed) => return landed,
            };
            let namespace = Arc::clone(&pilot.cache.core.namespace);
            namespace.counters.count(Count::OriginCall);
            pilot.tell(Happening::FillStarted);
            let left = deadline.saturating_sub(since.elapsed());
            let took = clock.stopwatch();
            let work = fill::run(async move { fill(cx).await.map_err(Error::origin) });
            let work = pilot.cache.renewing(vec![(&pilot.text, &permit)], work);
            let result = within(&clock, left, work).await;
            if !pilot.land(result, took.elapsed(), permit).await {
                namespace.counters.count(Count::OriginError);
            }
        }));
    }

    pub(crate) fn pilot(
        &self,
        ticket: &Ticket,
        flight: &Arc<Flight<K, Landing<K, V>>>,
        caller: &Caller<K, V>,
        stale: Option<&(Arc<Entry<K, V>>, Source)>,
    ) -> Pilot<K, V> {
        // What has been invalidated since it was found is nothing to compare with.
        let alive = |entry: &Arc<Entry<K, V>>| {
            ticket.admits(entry.head.as_of)
                && !matches!(self.engine.verdict(&**entry), Verdict::Dead { .. })
        };
        let stale = stale.filter(|(entry, _)| alive(entry) && !entry.is_negative()).cloned();
        let (flight, text) = (Arc::clone(flight), Arc::clone(&caller.text));
        let (cache, ticket, covers) = (self.clone(), ticket.share(), caller.covers.clone());
        Pilot { cache, ticket, flight, text, stale, covers, landed: false }
    }
}

impl<K: Key, V: Send + Sync + 'static> Pilot<K, V> {
    pub(crate) fn key(&self) -> &K {
        &self.flight.key
    }

    pub(crate) fn text(&self) -> &Arc<str> {
        &self.text
    }

    pub(crate) fn hash(&self) -> u64 {
        self.ticket.hash
    }

    /// What the fill is given.
    pub(crate) fn context(&self, deadline: Duration) -> FillCx<K, V> {
        let stale = self.stale.as_ref().map(|(entry, source)| {
            let engine = &self.cache.engine;
            // A ban may have expired it since it was found.
            let freshness = match (engine.standing(&**entry), engine.verdict(&**entry)) {
                (Standing::Fresh, Verdict::Alive) => entry.head.freshness(),
                _ => Freshness::Stale(StaleReason::NotRefreshed),
            };
            self.cache.cached(Arc::clone(entry), freshness, *source)
        });
        let detail = self.stale.as_ref().and_then(|(entry, _)| entry.head.detail.as_ref());
        let validator = detail.map_or(Validator::None, |detail| detail.validator.clone());
        FillCx { key: self.flight.key.clone(), stale, validator, deadline }
    }

    /// Secures the fill, so that no other node asks the origin too. If another node has stored a
    /// value meanwhile, or is filling the key for too long, the flight has landed (the `Err`).
    pub(crate) async fn secure(self, deadline: Duration) -> Result<(Self, Permit), ()> {
        let clock = self.cache.engine.clock.clone();
        let secured = {
            let (wanted, as_of) = (self.wanted(), self.flight.as_of);
            // So that there is time to ask the origin after that.
            let most = deadline / 2;
            clock.timeout(deadline, self.cache.secure(&wanted, as_of, &self.covers, most)).await
        };
        match secured {
            Some(secured) => self.take(secured).map_err(drop),
            None => {
                let message = format!("another node has been filling it for {deadline:?}");
                self.give_up(Error::new(ErrorKind::Deadline, message));
                Err(())
            }
        }
    }

    /// Goes on by what came of securing the fill; `Err` if it has landed, or (with the pilot) is to
    /// wait for another node.
    pub(crate) fn take(mut self, secured: Secured<K, V>) -> Result<(Self, Permit), Option<Self>> {
        match secured {
            Secured::Permit(permit, lifted) => {
                if let Some(entry) = lifted {
                    self.stale = Some((entry, Source::Redis));
                }
                Ok((self, permit))
            }
            Secured::Busy { .. } => Err(Some(self)),
            Secured::Found(entry) => {
                self.land_found(entry);
                Err(None)
            }
        }
    }

    /// Secures the fill if no other node is filling the key.
    pub(crate) async fn try_to_secure(&self) -> Secured<K, V> {
        self.cache.try_to_secure(&self.wanted(), self.flight.as_of, &self.covers).await
    }

    fn wanted(&self) -> Wanted<'_, K> {
        Wanted { hash: self.ticket.hash, key: &self.flight.key, text: &self.text }
    }

    /// Another node was faster: what it has stored has been lifted already.
    fn land_found(mut self, entry: Arc<Entry<K, V>>) {
        let mut shard = self.cache.engine.flights.lock(self.ticket.hash);
        let passed = !shard.land(self.ticket.hash, &self.flight);
        drop(shard);
        let passed = passed.then(|| self.passed(false));
        self.landed = true;
        self.flight.publish(Landing::Brought { entry, source: Source::Redis, passed });
    }

    fn give_up(mut self, error: Error) {
        self.fail(error);
        self.landed = true;
    }

    /// Installs what came and releases everyone who waits; whether a value (or "nothing there")
    /// came.
    pub(crate) async fn land(
        mut self,
        result: Result<Fill<V>, Error>,
        took: Duration,
        permit: Permit,
    ) -> bool {
        let counters = &self.cache.core.namespace.counters;
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        counters.add(Count::OriginMicros, micros);
        let outcome = match result.and_then(|fill| self.unpack(fill)) {
            Ok(load) => {
                Ok(self.bring(load, u32::try_from(micros).unwrap_or(u32::MAX), permit).await)
            }
            Err(error) => {
                let message = error.to_string();
                self.fail(error);
                self.cache.give_back(&self.text, permit).await;
                Err(message)
            }
        };
        let well = outcome.is_ok();
        self.cache.tally_fill(&self.text, took, outcome);
        // Last: should a codec panic above, dropping the pilot still lands the flight.
        self.landed = true;
        well
    }

    fn unpack(&self, fill: Fill<V>) -> Result<Load<K, V>, Error> {
        fill.check()?;
        let Fill { body, mut detail, store } = fill;
        let content = match (body, &self.stale) {
            (Body::Value(value), _) => Content::Value(value),
            (Body::Nothing, _) => Content::Nothing,
            (Body::NotModified, Some((stale, _))) => {
                detail = detail.over(stale.head.detail.as_deref());
                Content::of(stale)
            }
            (Body::NotModified, None) => {
                let message = "origin failed: it says \"not modified\", and nothing is held";
                return Err(Error::new(ErrorKind::Origin, message));
            }
        };
        self.cache.apply_call(matches!(content, Content::Nothing), &mut detail);
        let store = store && !self.cache.policy().no_store;
        Ok(Load { content, detail, store })
    }

    /// Installs a value; returns what it weighs.
    async fn bring(&self, load: Load<K, V>, fetch_micros: u32, permit: Permit) -> u32 {
        let (cache, hash) = (&self.cache, self.ticket.hash);
        let Load { content, detail, store } = load;
        let encoded = cache.encode(&self.text, &content, &detail, store, fetch_micros);
        let born = cache.engine.clock.ticks();
        let as_of = self.flight.as_of;
        let seed = jitter_seed(&self.text);
        let birth = Birth { as_of, born, fetch_micros, seed, ..Birth::default() };
        let entry = cache.entry(&self.flight.key, content, birth, detail);
        let passed = match cache.share(hash, &self.text, permit, &encoded).await {
            // The shared tier has something newer: it is not kept here either.
            true => {
                let mut shard = cache.engine.flights.lock(hash);
                shard.land(hash, &self.flight);
                drop(shard);
                Some(self.refused())
            }
            false => {
                let keep = cache.keep(&encoded, store);
                match cache.install(hash, &self.text, &entry, keep, Some(&self.flight)) {
                    Admission::Granted { expired: false } => None,
                    Admission::Granted { expired: true } => Some(self.passed(true)),
                    Admission::Passed { .. } | Admission::Overtaken => Some(self.refused()),
                }
            }
        };
        let weight = entry.head.weight;
        self.flight.publish(Landing::Brought { entry, source: Source::Origin, passed });
        weight
    }

    /// What came is not installed, since something has passed it.
    fn refused(&self) -> Passed {
        self.cache.core.namespace.counters.count(Count::InstallRefused);
        self.tell(Happening::InstallRefused);
        self.passed(false)
    }

    /// To be said after the flight has landed.
    fn passed(&self, kept: bool) -> Passed {
        let (began, landed) = (self.flight.as_of, self.cache.engine.log.next());
        Passed { began, landed, kept, is_last: Arc::default() }
    }

    pub(crate) fn tell(&self, what: Happening) {
        let about = Some((&self.cache.core.namespace.name, Some(&*self.text)));
        self.cache.engine.events.tell(about, what);
    }

    fn fail(&self, error: Error) {
        let (engine, hash) = (&self.cache.engine, self.ticket.hash);
        let policy = self.cache.policy();
        let (first, most) =
            (at_least_a_tick(policy.error_backoff), ticks_in(policy.error_backoff_max));
        // While what is held is fresh the failure is nobody's, and readers after that have a right
        // to a call of their own.
        let left = self.stale.as_ref().map_or(0, |(entry, _)| {
            engine.fresh_until(&**entry).saturating_sub(engine.clock.ticks())
        });
        let most = if left > 0 { most.min(left) } else { most };
        let mut shard = engine.flights.lock(hash);
        // A caller that arrived after an invalidation has a right to a call of its own.
        if shard.land(hash, &self.flight) {
            shard.failures().add(hash, &error, engine.clock.ticks(), first, most);
        }
        drop(shard);
        self.flight.publish(Landing::Failed(error));
    }
}

impl<K: Key, V: Send + Sync + 'static> Drop for Pilot<K, V> {
    fn drop(&mut self) {
        if !self.landed {
            let (kind, message) = match std::thread::panicking() {
                true => (ErrorKind::OriginPanicked, "panicked while its value was taken in"),
                false => (ErrorKind::Closed, "the runtime that the engine was built on has ended"),
            };
            self.cache.core.namespace.counters.count(Count::OriginError);
            self.fail(Error::new(kind, message));
        }
    }
}

/// What a fill has brought, ready to be installed.
struct Load<K: Key, V> {
    content: Content<K, V>,
    detail: Detail,
    store: bool,
}

impl Detail {
    /// This where it says something, `older` where it does not.
    fn over(self, older: Option<&Detail>) -> Detail {
        let Some(older) = older else { return self };
        let untold = |cost| if cost == 0 { older.cost_micro_usd } else { cost };
        Detail {
            own_ttl: self.own_ttl.or(older.own_ttl),
            tags: if self.tags.is_empty() { older.tags.clone() } else { self.tags },
            cost_micro_usd: untold(self.cost_micro_usd),
            validator: match self.validator {
                Validator::None => older.validator.clone(),
                given => given,
            },
        }
    }
}

fn at_least_a_tick(duration: Duration) -> Ticks {
    if duration.is_zero() { 0 } else { ticks_in(duration).max(1) }
}
