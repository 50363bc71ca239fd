//! The pool on quick_cache: S3-FIFO-like eviction, sharded locks, a hit takes a shared lock and
//! bumps a counter. Why this crate: docs/decisions/0001-memory-pool.md.

use std::sync::Arc;

use quick_cache::unsync::Cache;
use quick_cache::{Lifecycle, OptionsBuilder, Weighter};

use super::{Displaced, MemoryStore, STEP_PART, Settings};
use crate::entry::Slot;
use crate::key::Identity;
use crate::sync::{AtomicU64, Mutex, Ordering, Padded, RwLock};

/// Shards beyond this only shrink the largest value that the pool takes.
const MAX_SHARDS: usize = 16;
/// What the pool reckons an entry to weigh when it sizes its history of evicted keys.
const TYPICAL_WEIGHT: u64 = 1024;
/// A shard has room for so many entries.
const FEW: u64 = 32;
/// Part of a shard that a single value may take; quick_cache's own default for its main queue.
const LARGEST_SHARE: f64 = 0.97;

/// The pool's own memory per entry: a slot of its table (48 bytes) and a token of its map (5),
/// twice, since both grow by doubling.
pub(crate) const SLOT_BYTES: usize = 2 * (48 + 5);

pub(crate) struct QuickPool {
    /// As many as a power of two.
    shards: Box<[Padded<RwLock<Shard>>]>,
    budget: AtomicU64,
    max_entries: Option<u64>,
}

struct Shard {
    map: Cache<u64, Slot, ByWeight, Identity, OnEviction>,
    evicted: Evicted,
    /// Bytes of the entries, and the most that they have been.
    held: u64,
    most_held: u64,
}

/// What a shard's map has let go of; dropped outside of the shard's lock. The map gives it to its
/// `OnEviction` alone, which must be `Sync`; nobody ever waits for this lock.
type Evicted = Arc<Mutex<Vec<Slot>>>;

/// An entry counts at least so much, so that no more than `max_entries` fit.
#[derive(Clone)]
struct ByWeight {
    floor: u64,
}

#[derive(Clone)]
struct OnEviction(Evicted);

impl Weighter<u64, Slot> for ByWeight {
    fn weight(&self, _hash: &u64, slot: &Slot) -> u64 {
        u64::from(slot.head().weight).max(self.floor)
    }
}

impl Lifecycle<u64, Slot> for OnEviction {
    type RequestState = ();

    fn on_evict(&self, _state: &mut (), _hash: u64, slot: Slot) {
        self.0.lock().push(slot);
    }
}

impl Shard {
    fn new(budget: u64, floor: u64) -> Self {
        let evicted = Evicted::default();
        let options = OptionsBuilder::new()
            .shards(1)
            .hot_allocation(LARGEST_SHARE)
            .estimated_items_capacity(
                usize::try_from(budget / TYPICAL_WEIGHT).unwrap_or(usize::MAX),
            )
            .weight_capacity(budget)
            .build()
            .expect("both capacities are set");
        let on_eviction = OnEviction(Arc::clone(&evicted));
        let map =
            Cache::with_options(options, ByWeight { floor }, Identity::default(), on_eviction);
        Self { map, evicted, held: 0, most_held: 0 }
    }

    /// Puts an entry in; what the map has let go of for it, and the older entry under its hash.
    fn insert(&mut self, hash: u64, slot: Slot) -> (Vec<Slot>, Option<Slot>) {
        let replaced = self.map.peek(&hash).cloned();
        self.held += u64::from(slot.head().weight);
        self.map.insert(hash, slot);
        let mut evicted = self.take_evicted();
        if let Some(replaced) = &replaced {
            // The map hands it out too, but it has not made room.
            evicted.retain(|slot| !Arc::ptr_eq(slot, replaced));
            self.held -= u64::from(replaced.head().weight);
        }
        self.held -= weight(&evicted);
        self.most_held = self.most_held.max(self.held);
        (evicted, replaced)
    }

    fn removed(&mut self, taken: Option<(u64, Slot)>) -> Option<Slot> {
        let (_, slot) = taken?;
        self.held -= u64::from(slot.head().weight);
        Some(slot)
    }

    fn shrink(&mut self, budget: u64) -> Vec<Slot> {
        self.map.set_capacity(budget);
        let evicted = self.take_evicted();
        self.held -= weight(&evicted);
        evicted
    }

    fn take_evicted(&self) -> Vec<Slot> {
        std::mem::take(&mut *self.evicted.lock())
    }
}

fn weight(slots: &[Slot]) -> u64 {
    slots.iter().map(|slot| u64::from(slot.head().weight)).sum()
}

impl QuickPool {
    /// A pool of `budget` bytes.
    pub(super) fn new(settings: &Settings, budget: u64) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        // A shard holds some entries at least; few must not be spread thin.
        let few = settings.max_entries.unwrap_or(u64::MAX).min(budget / TYPICAL_WEIGHT) / FEW;
        let few = usize::try_from(few).unwrap_or(usize::MAX);
        let most = (cores * 4).min(MAX_SHARDS).min(few).max(1);
        let shards = 1 << most.ilog2();
        let max_entries = settings.max_entries;
        let shard = || Padded(RwLock::new(Shard::new(budget / shards, floor(max_entries, budget))));
        let shards = (0..shards).map(|_| shard()).collect();
        Self { shards, budget: AtomicU64::new(budget), max_entries }
    }

    /// By the middle bits: the maps use the others.
    #[inline]
    fn shard(&self, hash: u64) -> &RwLock<Shard> {
        let number = hash.rotate_right(u64::BITS / 2) as usize & (self.shards.len() - 1);
        #[expect(clippy::indexing_slicing, reason = "masked by a length that is a power of two")]
        &self.shards[number].0
    }

    fn part(&self, budget: u64) -> u64 {
        budget / self.shards.len() as u64
    }
}

/// What an entry counts at least, so that `max_entries` fit into `budget` and no more.
fn floor(max_entries: Option<u64>, budget: u64) -> u64 {
    max_entries.map_or(0, |most| budget / most.saturating_add(1) + 1)
}

impl MemoryStore for QuickPool {
    #[inline]
    fn get(&self, hash: u64) -> Option<Slot> {
        self.shard(hash).read().map.get(&hash).cloned()
    }

    fn peek(&self, hash: u64) -> Option<Slot> {
        self.shard(hash).read().map.peek(&hash).cloned()
    }

    fn insert(&self, hash: u64, slot: Slot) -> Displaced {
        slot.head().enter();
        let (mut displaced, replaced) = self.shard(hash).write().insert(hash, slot);
        displaced.iter().for_each(|slot| slot.head().evict());
        if let Some(replaced) = replaced {
            replaced.head().leave();
            displaced.push(replaced);
        }
        Displaced(displaced)
    }

    fn remove(&self, hash: u64) -> Option<Slot> {
        let mut shard = self.shard(hash).write();
        let taken = shard.map.remove(&hash);
        let slot = shard.removed(taken)?;
        slot.head().leave();
        Some(slot)
    }

    fn remove_exactly(&self, hash: u64, slot: &Slot) -> Option<Slot> {
        let mut shard = self.shard(hash).write();
        let taken = shard.map.remove_if(&hash, |held| Arc::ptr_eq(held, slot));
        let slot = shard.removed(taken)?;
        slot.head().leave();
        Some(slot)
    }

    fn visit(&self, visitor: &mut dyn FnMut(u64, &Slot)) {
        for shard in &self.shards {
            let hashes: Vec<u64> = shard.0.read().map.iter().map(|(hash, _)| *hash).collect();
            for hash in hashes {
                let slot = shard.0.read().map.peek(&hash).cloned();
                if let Some(slot) = slot {
                    visitor(hash, &slot);
                }
            }
        }
    }

    fn resize(&self, budget: u64) {
        loop {
            let now = self.budget.load(Ordering::Relaxed);
            let next = budget.max(now - now / STEP_PART);
            for shard in &self.shards {
                let evicted = shard.0.write().shrink(self.part(next));
                evicted.iter().for_each(|slot| slot.head().evict());
            }
            self.budget.store(next, Ordering::Relaxed);
            if next == budget {
                return;
            }
        }
    }

    fn renew(&self, budget: u64) {
        self.budget.store(budget, Ordering::Relaxed);
        for shard in &self.shards {
            let new = Shard::new(self.part(budget), floor(self.max_entries, budget));
            let mut old = std::mem::replace(&mut *shard.0.write(), new);
            old.map.drain().for_each(|(_, slot)| slot.head().evict());
        }
    }

    fn budget(&self) -> u64 {
        self.budget.load(Ordering::Relaxed)
    }

    fn largest(&self) -> u64 {
        (self.part(self.budget()) as f64 * LARGEST_SHARE) as u64
    }

    fn most_held(&self) -> u64 {
        self.shards.iter().map(|shard| shard.0.read().most_held).sum()
    }

    fn weight(&self) -> u64 {
        self.shards.iter().map(|shard| shard.0.read().map.weight()).sum()
    }
}
