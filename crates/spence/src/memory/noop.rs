//! No memory tier: `memory.enabled: false`. Every lookup goes below.

use super::{Displaced, MemoryStore};
use crate::entry::{Slot, Stored};

/// Holds nothing.
#[derive(Debug)]
pub(crate) struct NoMemory;

impl MemoryStore for NoMemory {
    fn get(&self, _hash: u64, _wanted: &dyn Fn(&dyn Stored) -> bool) -> Option<Slot> {
        None
    }

    fn peek(&self, _hash: u64) -> Option<Slot> {
        None
    }

    fn insert(&self, _hash: u64, slot: Slot) -> Displaced {
        Displaced(vec![slot])
    }

    fn remove(&self, _hash: u64) -> Option<Slot> {
        None
    }

    fn remove_exactly(&self, _hash: u64, _slot: &Slot) -> Option<Slot> {
        None
    }

    fn visit(&self, _visitor: &mut dyn FnMut(u64, &Slot)) {}

    fn resize(&self, _budget: u64) {}

    fn renew(&self, _budget: u64) {}

    fn budget(&self) -> u64 {
        0
    }

    fn largest(&self) -> u64 {
        0
    }

    fn most_held(&self) -> u64 {
        0
    }

    fn weight(&self) -> u64 {
        0
    }
}
