//! Tickets and flights: the fence that keeps invalidated values from coming back, and the table
//! by which callers of one key share one fill.
//!
//! Everything that can put a value into a tier holds a *ticket* before it reads any tier. While
//! tickets of a key exist, the key has a slot in the table, and the slot remembers a *floor*: the
//! highest log position at which the key was invalidated (`doomed`), or from which a value was
//! installed. A value may be installed only if its version (`as_of`) is below neither. Invalidating
//! raises the floor and removes the entry under one mutex; installing checks the floor and
//! inserts under the same mutex. Without tickets there is nobody to fence off, so nothing is
//! remembered, and an invalidation of one key never disturbs another.
//!
//! A *flight* is one running fill. Callers that come later join it, unless something that they
//! must see came after it began; then it is *passed*, and they start another. At most two flights
//! of a key run; whoever would start a third waits for one to land.

use std::any::Any;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use tokio::sync::watch;

use crate::clock::Ticks;
use crate::error::Error;
use crate::failures::Failures;
use crate::key::Identity;
use crate::log::Log;
use crate::sync::{Mutex, MutexGuard, Padded};

/// Mutexes that the keys are spread over; a power of two.
const SHARDS: usize = 64;
/// Flights of one key that may run at a time.
const MAX_FLIGHTS: usize = 2;

/// All tickets, flights and recent failures, by key hash.
///
/// Two keys that share a hash share a slot. That fences one of them off more often than needed
/// and never too little; they never share a flight.
#[derive(Default)]
pub(crate) struct FlightTable {
    shards: Box<[Padded<Mutex<Shard>>]>,
}

#[derive(Default)]
pub(crate) struct Shard {
    slots: HashMap<u64, Slot, Identity>,
    failures: Failures,
}

/// What tells one value of a key from another: the checksum of one that came up from the shared
/// tier, the version of any other.
pub(crate) type Mark = u64;

/// A key that somebody is reading or filling.
#[derive(Default)]
struct Slot {
    tickets: u32,
    /// The highest position at which the key was invalidated, or a value put in: no value of a
    /// lower version may be installed.
    doomed: u64,
    /// The highest version of a value that was installed: as for `doomed`.
    floor: u64,
    /// Values of a version below this position install as expired.
    expired: u64,
    /// How often something new was installed since the slot exists.
    installs: u32,
    /// What came into this node's tiers last.
    shown: Mark,
    /// The flight that callers join.
    joinable: Option<Arc<dyn AnyFlight>>,
    /// Flights that something has passed; they land, but nobody joins them any more.
    passed: Vec<Arc<dyn AnyFlight>>,
}

/// A flight without its types.
pub(crate) trait AnyFlight: Any + Send + Sync {
    fn as_of(&self) -> u64;
    fn landing(&self) -> watch::Receiver<bool>;
}

/// One running fill.
pub(crate) struct Flight<K, R> {
    pub(crate) key: K,
    /// The log position at which it began: the version of what it will bring.
    pub(crate) as_of: u64,
    result: Mutex<Option<R>>,
    landed: watch::Sender<bool>,
}

/// The right to put a value of one key into a tier, for as long as nothing has passed it.
pub(crate) struct Ticket {
    table: Arc<FlightTable>,
    pub(crate) hash: u64,
    /// The log position when the ticket was taken.
    pub(crate) as_of: u64,
    installs: u32,
}

/// What a caller without an answer is to do.
pub(crate) enum Boarding<K, R> {
    /// Wait for this flight.
    Join(Arc<Flight<K, R>>),
    /// Start the fill of this flight.
    Lead(Arc<Flight<K, R>>),
    /// Two flights are running that the caller must not join: wait for one to land, then ask
    /// again.
    Full(watch::Receiver<bool>),
    /// Something was installed since the caller looked: look again.
    Changed,
    /// The origin failed a moment ago.
    Failed(Error),
}

/// Why a value may not be installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    Granted {
        /// The value was expired while it was being fetched.
        expired: bool,
    },
    /// The key was invalidated, or a value put in, at this position.
    Passed { at: u64 },
    /// A newer value was installed; nothing was invalidated.
    Overtaken,
}

impl FlightTable {
    pub(crate) fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| Padded::default()).collect() }
    }

    /// The shard of a hash, locked.
    pub(crate) fn lock(&self, hash: u64) -> MutexGuard<'_, Shard> {
        // The middle bits: the pool's shards and tables use the others.
        let shard = (hash >> 32) as usize & (SHARDS - 1);
        let shard = self.shards.get(shard).expect("the mask is one less than the number of shards");
        shard.0.lock()
    }

    /// Takes a ticket; to be done before any tier is read.
    pub(crate) fn ticket(self: &Arc<Self>, hash: u64, log: &Log) -> Ticket {
        let mut shard = self.lock(hash);
        let slot = shard.slots.entry(hash).or_default();
        slot.tickets += 1;
        Ticket { table: Arc::clone(self), hash, as_of: log.current(), installs: slot.installs }
    }

    /// Tickets and flights that exist, for invariant checks.
    pub(crate) fn census(&self) -> (usize, usize) {
        let mut census = (0, 0);
        for shard in &self.shards {
            for slot in shard.0.lock().slots.values() {
                census.0 += slot.tickets as usize;
                census.1 += slot.passed.len() + usize::from(slot.joinable.is_some());
            }
        }
        census
    }
}

impl Ticket {
    /// Decides, under the shard's mutex, what a caller without an answer does. `joinable` says
    /// whether bans allow joining a flight of that version.
    pub(crate) fn board<K, R>(
        &self,
        key: &K,
        now: Ticks,
        log: &Log,
        joinable: impl FnOnce(u64) -> bool,
    ) -> Boarding<K, R>
    where
        K: Eq + Clone + Send + Sync + 'static,
        R: Send + 'static,
    {
        let mut shard = self.table.lock(self.hash);
        if let Some(error) = shard.failures.in_force(self.hash, now) {
            return Boarding::Failed(error.clone());
        }
        let slot = shard.slots.entry(self.hash).or_default();
        if slot.installs != self.installs {
            return Boarding::Changed;
        }
        if let Some(flight) = slot.joinable.clone() {
            if joinable(flight.as_of()) {
                let any: Arc<dyn Any + Send + Sync> = flight;
                return match any.downcast::<Flight<K, R>>() {
                    Ok(flight) if flight.key == *key => Boarding::Join(flight),
                    // Another key of the same hash: this fill is nobody's to join.
                    _ => Boarding::Lead(Arc::new(Flight::new(key.clone(), log.current()))),
                };
            }
            slot.pass();
        }
        if slot.passed.len() >= MAX_FLIGHTS
            && let Some(oldest) = slot.passed.first()
        {
            return Boarding::Full(oldest.landing());
        }
        let flight = Arc::new(Flight::new(key.clone(), log.current()));
        slot.joinable = Some(Arc::clone(&flight) as Arc<dyn AnyFlight>);
        Boarding::Lead(flight)
    }
}

impl Ticket {
    /// A second ticket from the same moment, for the fill that its holder starts.
    pub(crate) fn share(&self) -> Self {
        let mut shard = self.table.lock(self.hash);
        shard.slots.entry(self.hash).or_default().tickets += 1;
        Self { table: Arc::clone(&self.table), ..*self }
    }

    /// Whether nothing has passed a value of this version since the ticket was taken.
    pub(crate) fn admits(&self, as_of: u64) -> bool {
        let shard = self.table.lock(self.hash);
        matches!(shard.admit(self.hash, as_of), Admission::Granted { .. })
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut shard = self.table.lock(self.hash);
        if let Some(slot) = shard.slots.get_mut(&self.hash) {
            slot.tickets -= 1;
            if slot.tickets == 0 {
                debug_assert!(slot.joinable.is_none() && slot.passed.is_empty());
                shard.slots.remove(&self.hash);
            }
        }
    }
}

impl Shard {
    /// Nothing below `position` may be installed under this hash any more, and flights that began
    /// before it are nobody's to join.
    pub(crate) fn doom(&mut self, hash: u64, position: u64) {
        self.failures.forget(hash);
        if let Some(slot) = self.slots.get_mut(&hash) {
            slot.doomed = slot.doomed.max(position);
            slot.passed.extend(slot.joinable.take_if(|flight| flight.as_of() < position));
        }
    }

    /// What is being fetched now installs as expired, and callers after this start afresh.
    pub(crate) fn expire(&mut self, hash: u64, position: u64) {
        self.failures.forget(hash);
        if let Some(slot) = self.slots.get_mut(&hash) {
            slot.expired = slot.expired.max(position);
            slot.pass();
        }
    }

    /// Whether a value of this version may be installed.
    pub(crate) fn admit(&self, hash: u64, as_of: u64) -> Admission {
        match self.slots.get(&hash) {
            Some(slot) if slot.doomed > as_of => Admission::Passed { at: slot.doomed },
            Some(slot) if slot.floor > as_of => Admission::Overtaken,
            Some(slot) => Admission::Granted { expired: slot.expired > as_of },
            None => Admission::Granted { expired: false },
        }
    }

    /// A value of this version was installed: nothing older may follow it, and whoever has looked
    /// before should look again.
    pub(crate) fn installed(&mut self, hash: u64, as_of: u64) {
        self.failures.forget(hash);
        if let Some(slot) = self.slots.get_mut(&hash) {
            slot.floor = slot.floor.max(as_of);
            slot.installs = slot.installs.wrapping_add(1);
            slot.shown = as_of;
        }
    }

    /// A value of this version came up from the disk: nothing older may follow it, but whoever has
    /// looked there before has seen it.
    pub(crate) fn promoted(&mut self, hash: u64, as_of: u64) {
        if let Some(slot) = self.slots.get_mut(&hash) {
            slot.floor = slot.floor.max(as_of);
            slot.shown = as_of;
        }
    }

    /// A value of this version came up from the shared tier: as for `promoted`, unless what is being
    /// fetched is of that version too and replaces it.
    pub(crate) fn lifted(&mut self, hash: u64, as_of: u64, mark: Mark) {
        let Some(slot) = self.slots.get_mut(&hash) else { return };
        slot.shown = mark;
        if slot.joinable.as_ref().is_none_or(|flight| flight.as_of() < as_of) {
            slot.floor = slot.floor.max(as_of);
        }
    }

    /// What came into this node's tiers last, of a key that somebody is reading.
    pub(crate) fn shown(&self, hash: u64) -> Mark {
        self.slots.get(&hash).map_or(0, |slot| slot.shown)
    }

    /// A value is shown that comes into no tier of this node.
    pub(crate) fn show(&mut self, hash: u64, mark: Mark) {
        if let Some(slot) = self.slots.get_mut(&hash) {
            slot.shown = mark;
        }
    }

    /// Whether a flight is under way that nothing has passed.
    pub(crate) fn is_joinable(&self, hash: u64) -> bool {
        self.slots.get(&hash).is_some_and(|slot| slot.joinable.is_some())
    }

    /// A flight has landed; callers after this do not find it. Whether nothing had passed it.
    pub(crate) fn land<K, R>(&mut self, hash: u64, flight: &Arc<Flight<K, R>>) -> bool {
        let Some(slot) = self.slots.get_mut(&hash) else { return false };
        let same =
            |other: &Arc<dyn AnyFlight>| std::ptr::addr_eq(Arc::as_ptr(other), Arc::as_ptr(flight));
        slot.passed.retain(|other| !same(other));
        slot.joinable.take_if(|other| same(other)).is_some()
    }

    /// When a flight lands that began after the first and before the last of these positions, and
    /// whose value may be installed yet, if one is under way.
    pub(crate) fn younger(&self, hash: u64, began: &Range<u64>) -> Option<watch::Receiver<bool>> {
        let slot = self.slots.get(&hash)?;
        let least = slot.doomed.max(slot.floor);
        let mut flights = slot.joinable.iter().chain(&slot.passed);
        let younger = flights.find(|flight| {
            let as_of = flight.as_of();
            as_of > began.start && as_of < began.end && as_of >= least
        });
        younger.map(|flight| flight.landing())
    }

    /// The failed fills of these keys.
    pub(crate) fn failures(&mut self) -> &mut Failures {
        &mut self.failures
    }
}

impl Slot {
    /// The running flight becomes one that nobody joins.
    fn pass(&mut self) {
        self.passed.extend(self.joinable.take());
    }
}

impl<K, R> Flight<K, R> {
    fn new(key: K, as_of: u64) -> Self {
        Self { key, as_of, result: Mutex::new(None), landed: watch::Sender::new(false) }
    }

    /// Hands the result to everyone who waits. The first result counts.
    pub(crate) fn publish(&self, result: R) {
        let mut place = self.result.lock();
        if place.is_none() {
            *place = Some(result);
        }
        drop(place);
        self.landed.send_replace(true);
    }
}

impl<K, R: Clone> Flight<K, R> {
    /// Waits for the result; may be dropped at any time.
    pub(crate) async fn wait(&self) -> R {
        let mut landed = self.landed.subscribe();
        loop {
            // The sender lives in `self`, so the channel cannot be closed.
            let closed = landed.wait_for(|landed| *landed).await.is_err();
            if let Some(result) = self.result.lock().clone() {
                return result;
            }
            debug_assert!(!closed);
        }
    }
}

impl<K: Send + Sync + 'static, R: Send + 'static> AnyFlight for Flight<K, R> {
    fn as_of(&self) -> u64 {
        self.as_of
    }

    fn landing(&self) -> watch::Receiver<bool> {
        self.landed.subscribe()
    }
}
