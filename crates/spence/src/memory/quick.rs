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
/// Part of a shard that a single value may take; quick_cache's own default for its main queue.
const LARGEST_SHARE: f64 = 0.97;

/// The pool's own memory per entry: a slot of its table (48 bytes) and a token of its map (5),
/// twice, since both grow by doubling.
pub(crate) const SLOT_BYTES: usize = 2 * (48 + 5);

pub(crate) struct QuickPool {
    /// As many as a power of two.
    shards: Box<[Padded<RwLock<Shard>>]>,
    budget: AtomicU64,
    /// An entry counts at least this much, so that no more than `max_entries` fit.
    floor: u64,
}

struct Shard {
    map: Cache<u64, Slot, ByWeight, Identity, OnEviction>,
    evicted: Evicted,
}

/// What a shard's map has let go of; dropped outside of the shard's lock.
type Evicted = Arc<Mutex<Vec<Slot>>>;

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
        Self { map, evicted }
    }

    /// What has been evicted since it was last asked.
    fn evicted(&self) -> Vec<Slot> {
        std::mem::take(&mut *self.evicted.lock())
    }
}

impl QuickPool {
    /// A pool of `budget` bytes.
    pub(super) fn new(settings: &Settings, budget: u64) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut shards = (cores * 4).min(MAX_SHARDS);
        let floor = settings.max_entries.map_or(0, |most| budget.div_ceil(most));
        if let Some(most) = settings.max_entries {
            // A shard holds some entries at least; few entries must not be spread thin.
            shards = shards.min(usize::try_from(most / 32).unwrap_or(usize::MAX)).max(1);
        }
        let shards = shards.next_power_of_two();
        let part = budget.div_ceil(shards as u64);
        let shards = (0..shards).map(|_| Padded(RwLock::new(Shard::new(part, floor)))).collect();
        Self { shards, budget: AtomicU64::new(budget), floor }
    }

    /// By the middle bits: the maps use the others.
    #[inline]
    fn shard(&self, hash: u64) -> &RwLock<Shard> {
        let number = hash.rotate_right(u64::BITS / 2) as usize & (self.shards.len() - 1);
        #[expect(clippy::indexing_slicing, reason = "masked by a length that is a power of two")]
        &self.shards[number].0
    }

    fn part(&self, budget: u64) -> u64 {
        budget.div_ceil(self.shards.len() as u64)
    }
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
        let mut shard = self.shard(hash).write();
        let replaced = shard.map.peek(&hash).cloned();
        shard.map.insert(hash, slot);
        let mut displaced = shard.evicted();
        drop(shard);
        if let Some(replaced) = replaced {
            replaced.head().leave();
            // The map hands it out too; it was not evicted.
            displaced.retain(|slot| !Arc::ptr_eq(slot, &replaced));
            displaced.iter().for_each(|slot| slot.head().evict());
            displaced.push(replaced);
        } else {
            displaced.iter().for_each(|slot| slot.head().evict());
        }
        Displaced(displaced)
    }

    fn remove(&self, hash: u64) -> Option<Slot> {
        let (_, slot) = self.shard(hash).write().map.remove(&hash)?;
        slot.head().leave();
        Some(slot)
    }

    fn remove_exactly(&self, hash: u64, slot: &Slot) -> Option<Slot> {
        let same = |held: &Slot| Arc::ptr_eq(held, slot);
        let (_, slot) = self.shard(hash).write().map.remove_if(&hash, same)?;
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
                let mut shard = shard.0.write();
                shard.map.set_capacity(self.part(next));
                let evicted = shard.evicted();
                drop(shard);
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
            let new = Shard::new(self.part(budget), self.floor);
            let mut old = std::mem::replace(&mut *shard.0.write(), new);
            old.map.drain().for_each(|(_, slot)| slot.head().evict());
        }
    }

    fn budget(&self) -> u64 {
        self.budget.load(Ordering::Relaxed)
    }

    fn weight(&self) -> u64 {
        self.shards.iter().map(|shard| shard.0.read().map.weight()).sum()
    }
}
