//! The pool on quick_cache: S3-FIFO-like eviction, sharded locks, a hit takes a shared lock and
//! bumps a counter. Why this crate: docs/decisions/0001-memory-pool.md.

use std::sync::Arc;

use quick_cache::sync::Cache;
use quick_cache::{Lifecycle, OptionsBuilder, Weighter};

use super::{Displaced, MemoryStore, STEP_PART, Settings};
use crate::entry::Slot;
use crate::key::Identity;
use crate::sync::{AtomicU64, Ordering};

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
    map: Cache<u64, Slot, ByWeight, Identity, OnEviction>,
    budget: AtomicU64,
}

/// An entry counts at least this much, so that no more than `max_entries` fit.
#[derive(Clone)]
struct ByWeight {
    floor: u64,
}

#[derive(Clone)]
struct OnEviction;

/// What the map has let go of; dropped outside of its lock.
#[derive(Default)]
struct Evicted(Vec<Slot>);

impl Weighter<u64, Slot> for ByWeight {
    fn weight(&self, _hash: &u64, slot: &Slot) -> u64 {
        u64::from(slot.head().weight).max(self.floor)
    }
}

impl Lifecycle<u64, Slot> for OnEviction {
    type RequestState = Evicted;

    fn on_evict(&self, evicted: &mut Evicted, _hash: u64, slot: Slot) {
        evicted.0.push(slot);
    }
}

impl Drop for Evicted {
    fn drop(&mut self) {
        self.0.iter().for_each(|slot| slot.head().evict());
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
        let options = OptionsBuilder::new()
            .shards(shards)
            .hot_allocation(LARGEST_SHARE)
            .estimated_items_capacity(
                usize::try_from(budget / TYPICAL_WEIGHT).unwrap_or(usize::MAX),
            )
            .weight_capacity(budget)
            .build()
            .expect("both capacities are set");
        let weighter = ByWeight { floor };
        let map = Cache::with_options(options, weighter, Identity::default(), OnEviction);
        Self { map, budget: AtomicU64::new(budget) }
    }
}

impl MemoryStore for QuickPool {
    #[inline]
    fn get(&self, hash: u64) -> Option<Slot> {
        self.map.get(&hash)
    }

    fn peek(&self, hash: u64) -> Option<Slot> {
        self.map.peek(&hash)
    }

    fn insert(&self, hash: u64, slot: Slot) -> Displaced {
        slot.head().enter();
        // What is replaced comes out here too, not dropped under the map's lock.
        let mut evicted = Evicted::default();
        let replaced = self.map.peek(&hash);
        self.map.insert_with_lifecycle(hash, slot, &mut evicted);
        let mut displaced = std::mem::take(&mut evicted.0);
        for slot in &displaced {
            match replaced.as_ref().is_some_and(|replaced| Arc::ptr_eq(replaced, slot)) {
                true => slot.head().leave(),
                false => slot.head().evict(),
            }
        }
        // Ours may be the last hold on it by now.
        displaced.extend(replaced);
        Displaced(displaced)
    }

    fn remove(&self, hash: u64) -> Option<Slot> {
        let (_, slot) = self.map.remove(&hash)?;
        slot.head().leave();
        Some(slot)
    }

    fn remove_exactly(&self, hash: u64, slot: &Slot) -> Option<Slot> {
        let same = |held: &Slot| Arc::ptr_eq(held, slot);
        let (_, slot) = self.map.remove_if(&hash, same)?;
        slot.head().leave();
        Some(slot)
    }

    fn visit(&self, visitor: &mut dyn FnMut(u64, &Slot)) {
        self.map.iter().for_each(|(hash, slot)| visitor(hash, &slot));
    }

    fn resize(&self, budget: u64) {
        loop {
            let now = self.budget.load(Ordering::Relaxed);
            let next = budget.max(now - now / STEP_PART);
            self.map.set_capacity(next);
            self.budget.store(next, Ordering::Relaxed);
            if next == budget {
                return;
            }
        }
    }

    fn budget(&self) -> u64 {
        self.budget.load(Ordering::Relaxed)
    }

    fn weight(&self) -> u64 {
        self.map.weight()
    }
}
