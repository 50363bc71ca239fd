//! The memory tier: one pool of type-erased entries for all caches, with a budget in bytes; and
//! pools of their own for caches that must not be crowded out.

mod lru;
mod noop;
mod pools;
mod s3fifo;
mod sharded;
pub(crate) mod weigh;

pub(crate) use lru::LruPool;
pub(crate) use noop::NoMemory;
pub(crate) use pools::Pools;
pub(crate) use s3fifo::SLOT_BYTES;
pub(crate) use sharded::ShardedPool;

use crate::entry::{Slot, Stored};
use crate::error::Error;

/// The smallest budget of a pool; below it the pool's shards hold too few entries to be useful.
pub(crate) const MIN_BUDGET: u64 = 64 << 10;
/// A pool shrinks by this part of its budget at a time, so that no lock is held for long.
const STEP_PART: u64 = 100;

/// What goes first when memory is full.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Eviction {
    /// What was used once goes before what was used again (S3-FIFO). Hits share a lock.
    #[default]
    S3Fifo,
    /// What was used longest ago goes first, exactly. Hits take one lock for all.
    Lru,
}

/// How the pools are set up.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) eviction: Eviction,
    /// The most entries of a pool, beside its budget in bytes.
    pub(crate) max_entries: Option<u64>,
}

/// A bounded map from key hash to entry.
///
/// Insertions and removals of one hash are made under that hash's flight-shard mutex, lookups and
/// `remove_exactly` under none. What leaves the pool is handed back, since dropping a value may
/// take long or take locks of its own, and must happen outside of ours.
pub(crate) trait MemoryStore: Send + Sync {
    /// The entry under `hash`, if it is the one `wanted`; counts as a use. That is asked before the
    /// entry is shared, so that what it reads is there by then; it runs under a lock.
    fn get(&self, hash: u64, wanted: &dyn Fn(&dyn Stored) -> bool) -> Option<Slot>;

    /// The entry under `hash`; does not count as a use.
    fn peek(&self, hash: u64) -> Option<Slot>;

    /// Puts an entry in; what it displaced is to be dropped by the caller, outside of all locks.
    fn insert(&self, hash: u64, slot: Slot) -> Displaced;

    /// Takes the entry under `hash` out.
    fn remove(&self, hash: u64) -> Option<Slot>;

    /// Takes `slot` out, if it is still the one under `hash`.
    fn remove_exactly(&self, hash: u64, slot: &Slot) -> Option<Slot>;

    /// Shows every entry once, under no lock. Entries that come or go meanwhile may or may not be
    /// shown.
    fn visit(&self, visitor: &mut dyn FnMut(u64, &Slot));

    /// Changes the budget, downwards in steps; what goes is dropped between them.
    fn resize(&self, budget: u64);

    /// Starts anew, empty, with another budget.
    fn renew(&self, budget: u64);

    /// The budget in bytes; 0 when there is no memory tier.
    fn budget(&self) -> u64;

    /// The most bytes that entries have taken since the pool began, or began anew: the process has
    /// the pages of them.
    fn most_held(&self) -> u64;

    /// The most that an entry may weigh.
    fn largest(&self) -> u64;

    /// What the entries take of the budget by the pool's own count.
    fn weight(&self) -> u64;
}

fn check_budget(what: &str, budget: u64) -> Result<(), Error> {
    if budget < MIN_BUDGET {
        return Err(Error::invalid(format!("{what}: {budget} bytes, at least {MIN_BUDGET}")));
    }
    Ok(())
}

/// What an insertion pushed out: the older entry under the same hash, entries dropped for room, or
/// the inserted one itself if it is too large for the pool.
#[derive(Default)]
pub(crate) struct Displaced(pub(crate) Vec<Slot>);
