//! What goes first when a shard is full: S3-FIFO. A small queue takes what is new, a main queue
//! what was used while it was there; whatever reaches the end of the small one unused leaves, and
//! is remembered for a while by its hash alone: if it comes back, it goes to the main queue at
//! once. The main queue lets go of what was not used since it last came round.
//!
//! A hit only bumps a counter in the entry it reads anyway, so hits can share a lock.
//!
//! Source: Yang, Zhang, Qiu, Yue and Rashmi, "FIFO queues are all you need for cache eviction",
//! SOSP 2023. Here with weights, and with one use as the bar from the small queue to the main one.

use std::collections::VecDeque;

use hashbrown::HashTable;

use crate::entry::Slot;

/// The small queue's part of what is held.
const SMALL_PART: u64 = 10;
/// Places that a queue may have beyond five quarters of its entries before it is cleared of empty
/// ones.
const SLACK: usize = 64;

/// What a shard holds, and in which order it goes.
pub(super) struct S3Fifo {
    index: HashTable<Held>,
    small: Queue,
    main: Queue,
    ghosts: Ghosts,
    budget: u64,
    most_entries: usize,
    /// The most that the entries have weighed.
    most_held: u64,
}

struct Held {
    hash: u64,
    slot: Slot,
}

/// Places in the order in which they were taken. An entry that was removed leaves its place empty.
#[derive(Default)]
struct Queue {
    places: VecDeque<Place>,
    entries: usize,
    weight: u64,
}

/// The hash of an entry, and what tells it from an earlier entry of that hash: its version's low
/// bits.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Place([u32; 3]);

/// Hashes of what left the small queue unused, the latest as many as there are entries.
#[derive(Default)]
struct Ghosts {
    order: VecDeque<u32>,
    known: HashTable<u32>,
}

/// What an insertion pushed out.
#[derive(Default)]
pub(super) struct Pushed {
    /// For room; also the entry itself, if it is too large.
    pub(super) evicted: Vec<Slot>,
    /// The older entry under the same hash.
    pub(super) replaced: Option<Slot>,
}

/// Bytes that the structure itself takes for an entry: its place in the index (24 and 1, seven
/// eighths full at most), in a queue (12) and among the ghosts (4, and 5 in a table), twice, since
/// all of them grow by doubling.
pub(crate) const SLOT_BYTES: usize = 2 * (29 + 12 + 4 + 6);

impl Place {
    fn of(held: &Held) -> Self {
        Self([held.hash as u32, (held.hash >> 32) as u32, held.slot.head().as_of as u32])
    }

    fn hash(self) -> u64 {
        let [low, high, _] = self.0;
        u64::from(high) << 32 | u64::from(low)
    }
}

impl S3Fifo {
    pub(super) fn new(budget: u64, most_entries: usize) -> Self {
        Self {
            index: HashTable::new(),
            small: Queue::default(),
            main: Queue::default(),
            ghosts: Ghosts::default(),
            budget,
            most_entries: most_entries.max(1),
            most_held: 0,
        }
    }

    /// The entry under `hash`; the caller notes that it was used.
    #[inline]
    pub(super) fn get(&self, hash: u64) -> Option<&Slot> {
        self.index.find(hash, |held| held.hash == hash).map(|held| &held.slot)
    }

    pub(super) fn insert(&mut self, hash: u64, slot: Slot) -> Pushed {
        let weight = weight(&slot);
        if weight > self.budget {
            let replaced = self.remove(hash, |_| true);
            return Pushed { evicted: vec![slot], replaced };
        }
        if let Some(replaced) = self.replace(hash, &slot) {
            let evicted = self.evict_until(self.budget, self.most_entries);
            return Pushed { evicted, replaced: Some(replaced) };
        }
        let evicted = self.evict_until(self.budget - weight, self.most_entries - 1);
        // What comes while there is room may stay: of a loop too long for the cache, some then hits.
        let may_stay = evicted.is_empty() && !self.main_is_due();
        let in_main = self.ghosts.take(hash) || weight > self.budget / SMALL_PART || may_stay;
        slot.head().move_to(in_main);
        self.hold(Held { hash, slot });
        self.most_held = self.most_held.max(self.weight());
        self.tidy();
        Pushed { evicted, replaced: None }
    }

    /// Puts `slot` in the place of the entry under its hash, if there is one.
    fn replace(&mut self, hash: u64, slot: &Slot) -> Option<Slot> {
        let held = self.index.find_mut(hash, |held| held.hash == hash)?;
        slot.head().take_over_from(held.slot.head());
        let replaced = std::mem::replace(&mut held.slot, Slot::clone(slot));
        let queue = if slot.head().in_main() { &mut self.main } else { &mut self.small };
        queue.weight = queue.weight + weight(slot) - weight(&replaced);
        // Its old place is empty now, as it is another version.
        queue.places.push_back(Place::of(held));
        self.most_held = self.most_held.max(self.weight());
        self.tidy();
        Some(replaced)
    }

    /// Takes out the entry under `hash`, if it is the one `wanted`.
    pub(super) fn remove(&mut self, hash: u64, wanted: impl Fn(&Slot) -> bool) -> Option<Slot> {
        let held = self.take(hash, wanted)?;
        self.tidy();
        Some(held.slot)
    }

    /// Sets the budget, and makes do with it.
    pub(super) fn resize(&mut self, budget: u64) -> Vec<Slot> {
        self.budget = budget;
        self.evict_until(budget, self.most_entries)
    }

    pub(super) fn weight(&self) -> u64 {
        self.small.weight + self.main.weight
    }

    pub(super) fn most_held(&self) -> u64 {
        self.most_held
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &Slot)> {
        self.index.iter().map(|held| (held.hash, &held.slot))
    }

    fn hold(&mut self, held: Held) {
        self.clear_marks();
        let queue = if held.slot.head().in_main() { &mut self.main } else { &mut self.small };
        queue.places.push_back(Place::of(&held));
        queue.entries += 1;
        queue.weight += weight(&held.slot);
        self.index.insert_unique(held.hash, held, |held| held.hash);
    }

    /// Entries that were removed leave marks in the table: where they are many, they are cleared
    /// away before they make it double.
    fn clear_marks(&mut self) {
        let (held, full) = (self.index.len(), self.index.num_buckets() / 8 * 7);
        if held == self.index.capacity() && held < full - full / 8 {
            let mut clean = HashTable::with_capacity(full);
            for held in self.index.drain() {
                clean.insert_unique(held.hash, held, |held| held.hash);
            }
            self.index = clean;
        }
    }

    /// Takes an entry out of the index; its place in the queue stays, empty.
    fn take(&mut self, hash: u64, wanted: impl Fn(&Slot) -> bool) -> Option<Held> {
        let same = |held: &Held| held.hash == hash && wanted(&held.slot);
        let (held, _) = self.index.find_entry(hash, same).ok()?.remove();
        let queue = if held.slot.head().in_main() { &mut self.main } else { &mut self.small };
        queue.entries -= 1;
        queue.weight -= weight(&held.slot);
        Some(held)
    }

    fn evict_until(&mut self, weight: u64, entries: usize) -> Vec<Slot> {
        let mut evicted = Vec::new();
        while self.weight() > weight || self.index.len() > entries {
            match self.evict() {
                Some(slot) => evicted.push(slot),
                None => break,
            }
        }
        evicted
    }

    /// Whether the small queue is no larger than it should be.
    fn main_is_due(&self) -> bool {
        self.small.weight <= self.weight() / SMALL_PART
    }

    /// Lets go of one entry.
    fn evict(&mut self) -> Option<Slot> {
        loop {
            let in_main = self.main.entries > 0 && self.main_is_due();
            let queue = if in_main { &mut self.main } else { &mut self.small };
            let place = queue.places.pop_front()?;
            let held = self.index.find(place.hash(), |held| Place::of(held) == place);
            let Some(head) = held.map(|held| held.slot.head()) else { continue };
            if head.in_main() != in_main {
                continue;
            }
            if head.was_used() {
                // What was used in the small queue begins anew in the main one.
                head.wear(!in_main);
                head.move_to(true);
                let weight = u64::from(head.weight);
                self.pass_on(place, weight, in_main);
                continue;
            }
            let held = self.take(place.hash(), |_| true)?;
            if !in_main {
                self.ghosts.add(held.hash, self.index.len());
            }
            return Some(held.slot);
        }
    }

    /// An entry whose place has come up goes to the end of the main queue.
    fn pass_on(&mut self, place: Place, weight: u64, from_main: bool) {
        if !from_main {
            self.small.entries -= 1;
            self.small.weight -= weight;
            self.main.entries += 1;
            self.main.weight += weight;
        }
        self.main.places.push_back(place);
    }

    /// Forgets empty places where they are many, and gives back the room of queues gone short.
    fn tidy(&mut self) {
        for queue in [&mut self.small, &mut self.main] {
            if queue.places.len() > queue.entries + queue.entries / 4 + SLACK {
                let index = &self.index;
                let taken = |place: &Place| {
                    index.find(place.hash(), |held| Place::of(held) == *place).is_some()
                };
                queue.places.retain(taken);
            }
            if queue.places.capacity() > 4 * queue.places.len() + SLACK {
                queue.places.shrink_to(2 * queue.places.len());
            }
        }
    }
}

impl Ghosts {
    fn add(&mut self, hash: u64, most: usize) {
        let ghost = Self::of(hash);
        self.order.push_back(ghost);
        self.known.insert_unique(spread(ghost), ghost, |ghost| spread(*ghost));
        while self.order.len() > most.max(1) {
            if let Some(oldest) = self.order.pop_front() {
                self.forget(oldest);
            }
        }
    }

    /// Whether `hash` is one of them; from then on it is not.
    fn take(&mut self, hash: u64) -> bool {
        self.forget(Self::of(hash))
    }

    fn forget(&mut self, ghost: u32) -> bool {
        match self.known.find_entry(spread(ghost), |known| *known == ghost) {
            Ok(entry) => {
                entry.remove();
                true
            }
            Err(_) => false,
        }
    }

    /// Part of the hash: taking one for another only sends it to the main queue too early.
    fn of(hash: u64) -> u32 {
        (hash >> 8) as u32
    }
}

/// A table wants its bits spread over the whole word.
fn spread(ghost: u32) -> u64 {
    u64::from(ghost).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

fn weight(slot: &Slot) -> u64 {
    u64::from(slot.head().weight)
}
