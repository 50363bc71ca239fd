//! The pool on quick_cache: S3-FIFO-like eviction, sharded locks, a hit takes a shared lock and
//! bumps a counter. Why this crate: docs/decisions/0001-memory-pool.md.

use std::sync::Arc;

use quick_cache::sync::Cache;
use quick_cache::{Lifecycle, OptionsBuilder, Weighter};

use super::{Displaced, MemoryStore};
use crate::entry::Slot;
use crate::error::Error;
use crate::key::Identity;

/// Shards beyond this only shrink the largest value that the pool takes.
const MAX_SHARDS: usize = 16;
/// The pool's smallest budget; below it quick_cache's shards hold too few entries to be useful.
const MIN_BUDGET: u64 = 64 << 10;
/// What the pool reckons an entry to weigh when it sizes its history of evicted keys.
const TYPICAL_WEIGHT: u64 = 1024;
/// Part of a shard that a single value may take; quick_cache's own default for its main queue.
const LARGEST_SHARE: f64 = 0.97;

/// The pool's own memory per entry: a slot of its table (48 bytes) and a token of its map (5),
/// twice, since both grow by doubling.
pub(crate) const SLOT_BYTES: usize = 2 * (48 + 5);

pub(crate) struct QuickPool {
    map: Cache<u64, Slot, ByWeight, Identity, OnEviction>,
    budget: u64,
}

#[derive(Clone)]
struct ByWeight;

#[derive(Clone)]
struct OnEviction;

impl Weighter<u64, Slot> for ByWeight {
    fn weight(&self, _hash: &u64, slot: &Slot) -> u64 {
        u64::from(slot.head().weight)
    }
}

impl Lifecycle<u64, Slot> for OnEviction {
    type RequestState = Vec<Slot>;

    fn on_evict(&self, evicted: &mut Vec<Slot>, _hash: u64, slot: Slot) {
        evicted.push(slot);
    }
}

impl QuickPool {
    /// A pool of `budget` bytes.
    pub(crate) fn new(budget: u64) -> Result<Self, Error> {
        if budget < MIN_BUDGET {
            let message = format!("memory budget: {budget} bytes, at least {MIN_BUDGET}");
            return Err(Error::invalid(message));
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let options = OptionsBuilder::new()
            .shards((cores * 4).min(MAX_SHARDS))
            .hot_allocation(LARGEST_SHARE)
            .estimated_items_capacity(
                usize::try_from(budget / TYPICAL_WEIGHT).unwrap_or(usize::MAX),
            )
            .weight_capacity(budget)
            .build()
            .expect("both capacities are set");
        let map = Cache::with_options(options, ByWeight, Identity::default(), OnEviction);
        Ok(Self { map, budget })
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
        let mut displaced = Vec::new();
        let replaced = self.map.peek(&hash);
        self.map.insert_with_lifecycle(hash, slot, &mut displaced);
        for slot in &displaced {
            match replaced.as_ref().is_some_and(|replaced| Arc::ptr_eq(replaced, slot)) {
                true => slot.head().leave(),
                false => slot.head().evict(),
            }
        }
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

    fn budget(&self) -> u64 {
        self.budget
    }

    fn weight(&self) -> u64 {
        self.map.weight()
    }
}
