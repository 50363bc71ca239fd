//! The pool with exact LRU order: what was used longest ago goes first.
//!
//! Exactness has its price: one list, so one lock, which a hit takes too. Prefer `sharded.rs` where
//! many threads read.

use std::sync::Arc;

use lru::LruCache;

use super::{Displaced, MemoryStore, STEP_PART, Settings};
use crate::entry::{Slot, Stored};
use crate::key::Identity;
use crate::sync::{Mutex, MutexGuard};

pub(crate) struct LruPool {
    state: Mutex<State>,
    max_entries: usize,
}

struct State {
    map: LruCache<u64, Slot, Identity>,
    weight: u64,
    most_held: u64,
    budget: u64,
}

impl LruPool {
    pub(super) fn new(settings: &Settings, budget: u64) -> Self {
        let most = settings.max_entries.unwrap_or(u64::MAX);
        let max_entries = usize::try_from(most).unwrap_or(usize::MAX);
        Self { state: Mutex::new(State::new(budget)), max_entries }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

impl State {
    fn new(budget: u64) -> Self {
        let map = LruCache::unbounded_with_hasher(Identity::default());
        Self { map, weight: 0, most_held: 0, budget }
    }

    fn take(&mut self, hash: u64) -> Option<Slot> {
        let slot = self.map.pop(&hash)?;
        self.weight -= u64::from(slot.head().weight);
        slot.head().leave();
        Some(slot)
    }

    /// Drops what was used longest ago until the rest fits.
    fn make_room(&mut self, max_entries: usize, evicted: &mut Vec<Slot>) {
        while self.weight > self.budget || self.map.len() > max_entries {
            let Some((_, slot)) = self.map.pop_lru() else { return };
            self.weight -= u64::from(slot.head().weight);
            slot.head().evict();
            evicted.push(slot);
        }
    }
}

impl MemoryStore for LruPool {
    fn get(&self, hash: u64, wanted: &dyn Fn(&dyn Stored) -> bool) -> Option<Slot> {
        self.lock().map.get(&hash).filter(|slot| wanted(&***slot)).cloned()
    }

    fn peek(&self, hash: u64) -> Option<Slot> {
        self.lock().map.peek(&hash).cloned()
    }

    fn insert(&self, hash: u64, slot: Slot) -> Displaced {
        let mut displaced = Vec::new();
        let mut state = self.lock();
        displaced.extend(state.take(hash));
        slot.head().enter();
        state.weight += u64::from(slot.head().weight);
        state.map.put(hash, slot);
        if state.map.peek(&hash).is_some_and(|slot| u64::from(slot.head().weight) > state.budget) {
            // Too large for the pool: nothing else shall give way to it.
            displaced.extend(state.take(hash));
        }
        state.make_room(self.max_entries, &mut displaced);
        state.most_held = state.most_held.max(state.weight);
        Displaced(displaced)
    }

    fn remove(&self, hash: u64) -> Option<Slot> {
        self.lock().take(hash)
    }

    fn remove_exactly(&self, hash: u64, slot: &Slot) -> Option<Slot> {
        let mut state = self.lock();
        let same = state.map.peek(&hash).is_some_and(|held| Arc::ptr_eq(held, slot));
        if same { state.take(hash) } else { None }
    }

    fn visit(&self, visitor: &mut dyn FnMut(u64, &Slot)) {
        let hashes: Vec<u64> = self.lock().map.iter().map(|(hash, _)| *hash).collect();
        for hash in hashes {
            let slot = self.peek(hash);
            if let Some(slot) = slot {
                visitor(hash, &slot);
            }
        }
    }

    fn resize(&self, budget: u64) {
        loop {
            let mut evicted = Vec::new();
            let mut state = self.lock();
            let step = state.budget - state.budget / STEP_PART;
            state.budget = budget.max(step);
            state.make_room(self.max_entries, &mut evicted);
            let done = state.budget == budget;
            drop(state);
            if done {
                return;
            }
        }
    }

    fn renew(&self, budget: u64) {
        let old = std::mem::replace(&mut *self.lock(), State::new(budget));
        old.map.iter().for_each(|(_, slot)| slot.head().evict());
    }

    fn budget(&self) -> u64 {
        self.lock().budget
    }

    fn largest(&self) -> u64 {
        self.budget()
    }

    fn most_held(&self) -> u64 {
        self.lock().most_held
    }

    fn weight(&self) -> u64 {
        self.lock().weight
    }
}
