//! The pool for many threads: shards, each under a lock that hits share. Why our own:
//! docs/decisions/0006-own-pool.md.

use std::sync::Arc;

use super::s3fifo::{Pushed, S3Fifo};
use super::{Displaced, MemoryStore, STEP_PART, Settings};
use crate::entry::{Slot, Stored};
use crate::sync::{AtomicU64, Ordering, Padded, RwLock};

/// Shards beyond this only shrink the largest value that the pool takes.
const MAX_SHARDS: usize = 16;
/// What an entry is reckoned to weigh when shards are counted out.
const TYPICAL_WEIGHT: u64 = 1024;
/// A shard has room for so many entries: the fewer there are, the worse it knows what to keep.
const FEW: u64 = 1000;

pub(crate) struct ShardedPool {
    /// As many as a power of two.
    shards: Box<[Padded<RwLock<S3Fifo>>]>,
    budget: AtomicU64,
    /// Of a shard.
    most_entries: usize,
}

impl ShardedPool {
    /// A pool of `budget` bytes.
    pub(super) fn new(settings: &Settings, budget: u64) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        // A shard holds some entries at least; few must not be spread thin.
        let few = settings.max_entries.unwrap_or(u64::MAX).min(budget / TYPICAL_WEIGHT) / FEW;
        let few = usize::try_from(few).unwrap_or(usize::MAX);
        let most = (cores * 4).min(MAX_SHARDS).min(few).max(1);
        let shards = 1 << most.ilog2();
        let most_entries = settings.max_entries.map_or(u64::MAX, |most| most / shards);
        let most_entries = usize::try_from(most_entries).unwrap_or(usize::MAX);
        let shard = || Padded(RwLock::new(S3Fifo::new(budget / shards, most_entries)));
        let shards = (0..shards).map(|_| shard()).collect();
        Self { shards, budget: AtomicU64::new(budget), most_entries }
    }

    /// By the middle bits: the tables use the others.
    #[inline]
    fn shard(&self, hash: u64) -> &RwLock<S3Fifo> {
        let number = hash.rotate_right(u64::BITS / 2) as usize & (self.shards.len() - 1);
        #[expect(clippy::indexing_slicing, reason = "masked by a length that is a power of two")]
        &self.shards[number].0
    }

    fn part(&self, budget: u64) -> u64 {
        budget / self.shards.len() as u64
    }
}

impl MemoryStore for ShardedPool {
    #[inline]
    fn get(&self, hash: u64, wanted: &dyn Fn(&dyn Stored) -> bool) -> Option<Slot> {
        let shard = self.shard(hash).read();
        let slot = shard.get(hash).filter(|slot| wanted(&***slot))?;
        slot.head().note_use();
        Some(Arc::clone(slot))
    }

    fn peek(&self, hash: u64) -> Option<Slot> {
        self.shard(hash).read().get(hash).cloned()
    }

    fn insert(&self, hash: u64, slot: Slot) -> Displaced {
        slot.head().enter();
        let Pushed { evicted, replaced } = self.shard(hash).write().insert(hash, slot);
        evicted.iter().for_each(|slot| slot.head().evict());
        replaced.iter().for_each(|slot| slot.head().leave());
        let mut displaced = evicted;
        displaced.extend(replaced);
        Displaced(displaced)
    }

    fn remove(&self, hash: u64) -> Option<Slot> {
        let slot = self.shard(hash).write().remove(hash, |_| true)?;
        slot.head().leave();
        Some(slot)
    }

    fn remove_exactly(&self, hash: u64, slot: &Slot) -> Option<Slot> {
        let slot = self.shard(hash).write().remove(hash, |held| Arc::ptr_eq(held, slot))?;
        slot.head().leave();
        Some(slot)
    }

    fn visit(&self, visitor: &mut dyn FnMut(u64, &Slot)) {
        for shard in &self.shards {
            let hashes: Vec<u64> = shard.0.read().iter().map(|(hash, _)| hash).collect();
            for hash in hashes {
                let slot = shard.0.read().get(hash).cloned();
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
                let evicted = shard.0.write().resize(self.part(next));
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
            let new = S3Fifo::new(self.part(budget), self.most_entries);
            let old = std::mem::replace(&mut *shard.0.write(), new);
            old.iter().for_each(|(_, slot)| slot.head().evict());
        }
    }

    fn budget(&self) -> u64 {
        self.budget.load(Ordering::Relaxed)
    }

    fn largest(&self) -> u64 {
        self.part(self.budget())
    }

    fn most_held(&self) -> u64 {
        self.shards.iter().map(|shard| shard.0.read().most_held()).sum()
    }

    fn weight(&self) -> u64 {
        self.shards.iter().map(|shard| shard.0.read().weight()).sum()
    }
}
