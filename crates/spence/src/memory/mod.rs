//! The memory tier: one pool of type-erased entries for all caches, with a budget in bytes.

mod noop;
mod quick;
pub(crate) mod weigh;

pub(crate) use noop::NoMemory;
pub(crate) use quick::{QuickPool, SLOT_BYTES};

use crate::entry::Slot;

/// A bounded map from key hash to entry.
///
/// Insertions and removals of one hash are made under that hash's flight-shard mutex, lookups and
/// `remove_exactly` under none. What leaves the pool is handed back, since dropping a value may
/// take long or take locks of its own, and must happen outside of ours.
pub(crate) trait MemoryStore: Send + Sync {
    /// The entry under `hash`; counts as a use.
    fn get(&self, hash: u64) -> Option<Slot>;

    /// The entry under `hash`; does not count as a use.
    fn peek(&self, hash: u64) -> Option<Slot>;

    /// Puts an entry in; what it displaced is to be dropped by the caller, outside of all locks.
    fn insert(&self, hash: u64, slot: Slot) -> Displaced;

    /// Takes the entry under `hash` out.
    fn remove(&self, hash: u64) -> Option<Slot>;

    /// Takes `slot` out, if it is still the one under `hash`.
    fn remove_exactly(&self, hash: u64, slot: &Slot) -> Option<Slot>;

    /// Shows every entry once, locking for one at a time only. Entries that come or go meanwhile
    /// may or may not be shown.
    fn visit(&self, visitor: &mut dyn FnMut(u64, &Slot));

    /// The budget in bytes; 0 when there is no memory tier.
    fn budget(&self) -> u64;

    /// The bytes in use, of the budget.
    fn weight(&self) -> u64;
}

/// What an insertion pushed out: the older entry under the same hash, entries dropped for room, or
/// the inserted one itself if it is too large for the pool.
#[derive(Default)]
pub(crate) struct Displaced(pub(crate) Vec<Slot>);
