//! The engine: the tiers, the fence and the namespaces, shared by all caches of a node.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use crate::ban::{Bans, Verdict};
use crate::clock::{Clock, START, Ticks, duration_of, ticks_in};
use crate::disk::{DiskStore, Judge};
use crate::eager::{self, Dice};
use crate::entry::{Head, Standing, Stored};
use crate::envelope::StoredEntry;
use crate::events::Events;
use crate::flight::FlightTable;
use crate::lifetime::Life;
use crate::log::Log;
use crate::memory::Pools;
use crate::namespace::Registry;
use crate::outcome::Freshness;
use crate::redis::Shared;
use crate::spawn::Spawner;
use crate::stats::{CacheStats, RedisStats, Snapshot};
use crate::sweep::Sweeps;
use crate::sync::{AtomicU64, Ordering};
use crate::tally::Misses;
use crate::to_the_end::ToTheEnd;

/// An entry born further in the future than this is from a clock that cannot be believed.
const MAX_SKEW: Duration = Duration::from_secs(1);

/// What every cache of a node shares.
pub(crate) struct Engine {
    pub(crate) clock: Clock,
    pub(crate) spawner: Arc<dyn Spawner>,
    pub(crate) log: Log,
    pub(crate) bans: Arc<Bans>,
    pub(crate) flights: Arc<FlightTable>,
    pub(crate) memory: Pools,
    pub(crate) disk: Box<dyn DiskStore>,
    pub(crate) shared: Option<Arc<Shared>>,
    /// Of what is older than this position, an invalidation by another node may have been missed.
    unverified_below: AtomicU64,
    pub(crate) registry: Arc<Registry>,
    pub(crate) events: Events,
    pub(crate) misses: Misses,
    /// Wide invalidations and expiries made.
    pub(crate) bans_made: AtomicU64,
    pub(crate) sweeps: Sweeps,
    /// For eager refreshes.
    dice: Dice,
}

/// What an engine keeps values in, from the top.
pub(crate) struct Tiers {
    pub(crate) memory: Pools,
    pub(crate) disk: Box<dyn DiskStore>,
    pub(crate) shared: Option<Arc<Shared>>,
}

/// Judges what the disk holds by the policies in force, once these have been so for a while: what
/// a mistaken policy calls gone must still be there when it is put right (contract C15).
pub(crate) struct ByPolicy {
    pub(crate) registry: Arc<Registry>,
    pub(crate) clock: Clock,
}

/// How long policies are in force before anything is deleted on their account.
const SETTLED_AFTER_MS: u64 = 600_000;

impl Judge for ByPolicy {
    fn settled_at_ms(&self) -> u64 {
        self.registry.swapped_at_ms().saturating_add(SETTLED_AFTER_MS)
    }

    fn gone_at_ms(&self, entry: &StoredEntry) -> u64 {
        // A calendar is foreign code; what it panics over is kept.
        let judged = std::panic::catch_unwind(AssertUnwindSafe(|| self.judge(entry)));
        judged.unwrap_or(u64::MAX)
    }
}

impl ByPolicy {
    fn judge(&self, entry: &StoredEntry) -> u64 {
        // A cache that has yet to be built may have settings of its own.
        let Some(namespace) = self.registry.get(&entry.namespace) else { return u64::MAX };
        if self.clock.unix_ms() < self.settled_at_ms() {
            return u64::MAX;
        }
        let rules = namespace.rules();
        let lifetime = rules.lifetime(Life::of_stored(entry, false));
        let hard = u64::try_from(lifetime.hard.as_millis()).unwrap_or(u64::MAX);
        entry.born_ms.saturating_add(hard)
    }
}

impl Engine {
    pub(crate) fn new(
        clock: Clock,
        spawner: Arc<dyn Spawner>,
        last_position: u64,
        bans: Arc<Bans>,
        tiers: Tiers,
        registry: Arc<Registry>,
    ) -> Self {
        let Tiers { memory, disk, shared } = tiers;
        Self {
            events: Events::new(clock.clone()),
            misses: Misses::new(),
            clock,
            spawner,
            log: Log::after(last_position),
            bans,
            flights: Arc::new(FlightTable::new()),
            memory,
            disk,
            unverified_below: AtomicU64::new(0),
            shared,
            registry,
            bans_made: AtomicU64::new(0),
            dice: Dice::new(crate::key::random_seed()),
            sweeps: Sweeps::default(),
        }
    }

    /// The tick of a moment on the wall clock, at the latest now. `None` if the moment is so far
    /// in the future that the clock that wrote it cannot be believed.
    pub(crate) fn tick_of(&self, unix_ms: u64) -> Option<Ticks> {
        let (now, now_ms) = (self.clock.ticks(), self.clock.unix_ms());
        let ahead = Duration::from_millis(unix_ms.saturating_sub(now_ms));
        let age = Duration::from_millis(now_ms.saturating_sub(unix_ms));
        // Rounded up, by a tick and by what the coarse clock may be behind: an entry is rather too
        // old than too young.
        let ticks = ticks_in(age.saturating_add(Duration::from_millis(15 + 10)));
        (ahead <= MAX_SKEW).then(|| now.saturating_sub(ticks))
    }

    /// The moment of a tick on the wall clock.
    pub(crate) fn ms_of(&self, tick: Ticks) -> u64 {
        let age = duration_of(self.clock.ticks().saturating_sub(tick));
        self.clock.unix_ms().saturating_sub(u64::try_from(age.as_millis()).unwrap_or(u64::MAX))
    }

    /// Derives an entry's deadlines from the policy in force and marks it as examined in `world`.
    /// Only under the key's flight-shard mutex.
    pub(crate) fn examine(&self, head: &Head, negative: bool, world: u64) {
        let born_ms = self.ms_of(head.born);
        if self.is_doubtful(head.as_of) {
            head.doubt();
        }
        head.examine(&head.namespace.rules(), negative, born_ms, world);
    }

    /// Does some work to its end: if whoever waits for it goes away, in a task of its own.
    pub(crate) fn to_the_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> ToTheEnd<T> {
        ToTheEnd::new(&self.spawner, work)
    }

    /// Of what is older than this position, an invalidation by another node may have been missed.
    pub(crate) fn doubtful_below(&self) -> u64 {
        self.unverified_below.load(Ordering::SeqCst)
    }

    /// An earlier process has missed other nodes' invalidations of what is older than this.
    pub(crate) fn doubt_below(&self, position: u64) {
        self.unverified_below.fetch_max(position, Ordering::SeqCst);
    }

    /// Whether an invalidation by another node may have been missed of an entry of this version.
    pub(crate) fn is_doubtful(&self, as_of: u64) -> bool {
        as_of < self.unverified_below.load(Ordering::SeqCst)
    }

    /// Other nodes' invalidations have been missed: nobody knows what they were about.
    pub(crate) fn doubt_all(&self) {
        self.unverified_below.store(self.log.next(), Ordering::SeqCst);
        self.registry.all().iter().for_each(|namespace| namespace.next_world());
    }

    /// What to say now of an entry that is within its time to live.
    pub(crate) fn freshness_of(&self, head: &Head) -> Freshness {
        match head.namespace.is_verified(self.clock.ticks()) {
            true => head.freshness(),
            false => Freshness::Unverified,
        }
    }

    /// The tick until which an entry is fresh.
    pub(crate) fn fresh_until(&self, entry: &dyn Stored) -> Ticks {
        let head = entry.head();
        let (rules, world) = (head.namespace.rules(), head.namespace.world());
        let beta = rules.policy.eager_refresh;
        let is_examined = head.examined_in(world);
        if is_examined && beta <= 0.0 {
            return head.hit_until();
        }
        let lifetime = head.lifetime(&rules, entry.is_negative(), self.ms_of(head.born));
        let fresh = head.at(lifetime.fresh).min(head.gone_at());
        if !is_examined {
            return fresh;
        }
        // What was derived at the examination: a wall clock that jumps makes nothing fresh again.
        let window = ticks_in(eager::window(beta, head.fetch_time()));
        fresh.min(head.hit_until().saturating_add(window).saturating_add(1))
    }

    /// What the deadlines of an examined entry say now.
    pub(crate) fn standing(&self, entry: &dyn Stored) -> Standing {
        let (head, now) = (entry.head(), self.clock.ticks());
        if now < head.hit_until() || now < self.fresh_until(entry) {
            Standing::Fresh
        } else if now < head.gone_at() {
            Standing::Stale
        } else {
            Standing::Gone
        }
    }

    /// How long an entry has been stale.
    pub(crate) fn stale_for(&self, entry: &dyn Stored) -> Duration {
        duration_of(self.clock.ticks().saturating_sub(self.fresh_until(entry)))
    }

    /// Whether this read of a fresh entry refreshes it.
    pub(crate) fn is_due_early(&self, entry: &dyn Stored) -> bool {
        let (head, now) = (entry.head(), self.clock.ticks());
        if now < head.hit_until() || entry.is_negative() {
            return false;
        }
        let beta = head.namespace.rules().policy.eager_refresh;
        let left = duration_of(self.fresh_until(entry).saturating_sub(now));
        beta > 0.0 && eager::is_due(beta, head.fetch_time(), left, self.dice.draw())
    }

    /// What the bans say about an entry in memory.
    pub(crate) fn verdict(&self, entry: &dyn Stored) -> Verdict {
        let head = entry.head();
        if self.bans.newest() <= head.as_of {
            return Verdict::Alive;
        }
        let key = || entry.key_text().into();
        self.bans.verdict(&head.namespace.name, key, head.tags(), head.as_of)
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let mut total = CacheStats::default();
        let mut caches = Vec::new();
        for namespace in self.registry.all() {
            let disk_bytes = self.disk.bytes_of(&namespace.name);
            let stats =
                CacheStats::new(namespace.counters.counts(), &namespace.holdings, disk_bytes);
            total.add(&stats);
            caches.push((namespace.name.to_string(), stats));
        }
        for name in self.disk.namespaces() {
            if self.registry.get(&name).is_none() {
                let disk_bytes = self.disk.bytes_of(&name);
                caches.push((name.to_string(), CacheStats { disk_bytes, ..CacheStats::default() }));
            }
        }
        caches.sort_by(|a, b| a.0.cmp(&b.0));
        total.disk_bytes = self.disk.bytes();
        Snapshot {
            caches,
            total,
            memory_budget: self.memory.budget(),
            disk_budget: self.disk.budget(),
            disk_errors: self.disk.errors(),
            disk_breaker_opened: self.disk.breaker_opened(),
            disk_entries: self.disk.entries(),
            redis: self.shared.as_ref().map(|shared| RedisStats {
                verified: self.registry.is_verified(self.clock.ticks()),
                ..shared.stats()
            }),
            bans: self.bans_made.load(Ordering::Relaxed),
            bans_in_force: self.bans.len() as u64,
        }
    }

    /// Checks what must hold whenever nothing is going on; for tests.
    pub(crate) fn check_invariants(&self) -> Result<(), String> {
        self.await_sweep();
        let mut weight = 0;
        let mut dead = 0;
        self.memory.visit(&mut |_, _, slot| {
            weight += u64::from(slot.head().weight);
            let examined = slot.head().examined_in(slot.head().namespace.world());
            let banned = matches!(self.verdict(&**slot), Verdict::Dead { .. });
            dead += usize::from(examined && banned);
        });
        let held: u64 = self.registry.all().iter().map(|n| n.holdings.bytes()).sum();
        let (tickets, flights) = self.flights.census();
        let over = self.memory.all().into_iter().find(|pool| pool.weight() > pool.budget());
        let over = over.map(|pool| format!("a pool holds {} of {}", pool.weight(), pool.budget()));
        let checks = [
            (over.is_none(), over.unwrap_or_default()),
            (weight == held, format!("entries weigh {weight}, the caches hold {held}")),
            (
                weight <= self.memory.budget(),
                format!("memory holds {weight} of {}", self.memory.budget()),
            ),
            (dead == 0, format!("{dead} entries count as examined and are dead under a ban")),
            (flights == 0 || tickets > 0, format!("{flights} flights without a ticket")),
            (
                self.disk.bytes() <= self.disk.budget(),
                format!("disk holds {} of {}", self.disk.bytes(), self.disk.budget()),
            ),
            (self.clock.ticks() >= START, "the clock went back".to_owned()),
        ];
        checks.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, what)| Err(what))
    }
}
