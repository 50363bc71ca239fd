//! Where on disk each key's newest record lies: 24 bytes a key, and 5 more in a hash table.
//!
//! The index holds hashes, not keys; whoever reads a record compares the key in it. It is the
//! authority: a record that it does not point at does not exist. Only the writer thread changes
//! it; readers lock one of its shards.

use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::HashTable;
use parking_lot::RwLock;

use super::format::ALIGN;

pub(super) const SHARDS: usize = 16;
/// Slots are kept in chunks of this many, so that growing never copies or doubles them.
const CHUNK: usize = 4096;

/// Where a record lies: which segment, from where, how long. Packed into 64 bits.
///
/// Lowest first: 16 bits segment slot, 22 bits offset / 16, 22 bits length / 16, and how often it
/// was read in 4 bits, which saturate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Place(u64);

impl Place {
    /// Offset and length are multiples of 16 below 64 MiB.
    pub(super) fn new(segment: u16, offset: usize, length: usize) -> Self {
        debug_assert!(offset.is_multiple_of(ALIGN) && offset < 1 << 26);
        debug_assert!(length.is_multiple_of(ALIGN) && length < 1 << 26);
        let (offset, length) = ((offset / ALIGN) as u64, (length / ALIGN) as u64);
        Self(u64::from(segment) | offset << 16 | length << 38)
    }

    pub(super) fn segment(self) -> u16 {
        self.0 as u16
    }

    pub(super) fn offset(self) -> usize {
        (self.0 >> 16 & 0x3F_FFFF) as usize * ALIGN
    }

    pub(super) fn length(self) -> usize {
        (self.0 >> 38 & 0x3F_FFFF) as usize * ALIGN
    }

    /// Whether both are the same place, however often it was read.
    pub(super) fn is_at(self, other: Self) -> bool {
        (self.0 ^ other.0) << (64 - READS_AT) == 0
    }

    /// How often it was read since it was written there, 15 at most.
    pub(super) fn reads(self) -> u8 {
        (self.0 >> READS_AT) as u8
    }
}

const READS_AT: u32 = 60;
const ONE_READ: u64 = 1 << READS_AT;

/// The newest record of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Located {
    pub(super) hash: u64,
    pub(super) seq: u64,
    pub(super) place: Place,
}

/// What came of [`Index::raise`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Raised {
    /// The record is the key's newest; this was it before.
    Newest { before: Option<Located> },
    /// A newer one is known.
    Older,
}

/// All keys on disk.
#[derive(Debug)]
pub(super) struct Index {
    shards: Box<[RwLock<Shard>]>,
}

/// A [`Located`] whose reads are counted under a shared lock.
#[derive(Debug, Default)]
struct Slot {
    hash: u64,
    seq: u64,
    place: AtomicU64,
}

#[derive(Debug, Default)]
struct Shard {
    /// Positions in `slots`, by hash.
    table: HashTable<u32>,
    slots: Vec<Box<[Slot]>>,
    /// Positions in `slots` that are not in use.
    free: Vec<u32>,
    used: u32,
}

impl Index {
    pub(super) fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| RwLock::default()).collect() }
    }

    pub(super) fn get(&self, hash: u64) -> Option<Located> {
        self.shard(hash)?.read().get(hash)
    }

    /// The record of a key, which is about to be read.
    pub(super) fn read(&self, hash: u64) -> Option<Located> {
        self.shard(hash)?.read().read(hash)
    }

    /// Points `located.hash` at its record; returns what it pointed at before.
    pub(super) fn put(&self, located: Located) -> Option<Located> {
        self.shard(located.hash)?.write().put(located)
    }

    /// As [`Index::put`], if the record is newer than the one that it points at.
    pub(super) fn raise(&mut self, located: Located) -> Raised {
        match self.shards.get_mut(shard_of(located.hash)) {
            Some(shard) => shard.get_mut().raise(located),
            None => Raised::Older,
        }
    }

    /// Forgets a key; returns what it pointed at.
    pub(super) fn remove(&self, hash: u64) -> Option<Located> {
        self.shard(hash)?.write().remove(hash)
    }

    /// Forgets every key whose record lies in `segment`.
    pub(super) fn remove_segment(&self, segment: u16) {
        for located in self.in_segment(segment) {
            let Some(shard) = self.shard(located.hash) else { continue };
            let mut shard = shard.write();
            if shard.get(located.hash).is_some_and(|l| l.place.segment() == segment) {
                shard.remove(located.hash);
            }
        }
    }

    /// The newest records that lie in `segment`.
    pub(super) fn in_segment(&self, segment: u16) -> Vec<Located> {
        let mut found = Vec::new();
        for shard in &self.shards {
            found.extend(shard.read().all().filter(|l| l.place.segment() == segment));
        }
        found
    }

    /// The newest record of every key.
    pub(super) fn all(&self) -> Vec<Located> {
        self.shards.iter().flat_map(|shard| shard.read().all().collect::<Vec<_>>()).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().table.len()).sum()
    }

    fn shard(&self, hash: u64) -> Option<&RwLock<Shard>> {
        self.shards.get(shard_of(hash))
    }
}

/// By bits in the middle: the shard's table chooses a place by the lowest and tells its entries
/// apart by the highest seven.
pub(super) fn shard_of(hash: u64) -> usize {
    (hash >> 40) as usize % SHARDS
}

impl Shard {
    fn slot(&self, position: u32) -> Option<&Slot> {
        self.slots.get(position as usize / CHUNK)?.get(position as usize % CHUNK)
    }

    fn slot_mut(&mut self, position: u32) -> Option<&mut Slot> {
        self.slots.get_mut(position as usize / CHUNK)?.get_mut(position as usize % CHUNK)
    }

    fn position(&self, hash: u64) -> Option<u32> {
        self.table.find(hash, |&p| self.slot(p).is_some_and(|slot| slot.hash == hash)).copied()
    }

    fn get(&self, hash: u64) -> Option<Located> {
        self.slot(self.position(hash)?).map(Slot::located)
    }

    fn read(&self, hash: u64) -> Option<Located> {
        let slot = self.slot(self.position(hash)?)?;
        let located = slot.located();
        if located.place.reads() < 15 {
            // Two readers at once may count as one; it is a hint only.
            slot.place.store(located.place.0 + ONE_READ, Ordering::Relaxed);
        }
        Some(located)
    }

    fn put(&mut self, located: Located) -> Option<Located> {
        if let Some(position) = self.position(located.hash) {
            let slot = self.slot_mut(position)?;
            return Some(std::mem::replace(slot, located.into()).located());
        }
        self.add(located);
        None
    }

    fn raise(&mut self, located: Located) -> Raised {
        let Some(slot) = self.position(located.hash).and_then(|position| self.slot_mut(position))
        else {
            self.add(located);
            return Raised::Newest { before: None };
        };
        if located.seq <= slot.seq {
            return Raised::Older;
        }
        Raised::Newest { before: Some(std::mem::replace(slot, located.into()).located()) }
    }

    /// Adds a key that is not there.
    fn add(&mut self, located: Located) {
        let position = self.free.pop().unwrap_or_else(|| {
            if self.used as usize == self.slots.len() * CHUNK {
                self.slots.push((0..CHUNK).map(|_| Slot::default()).collect());
            }
            self.used += 1;
            self.used - 1
        });
        if let Some(slot) = self.slot_mut(position) {
            *slot = located.into();
        }
        let slots = &self.slots;
        let rehash = |&p: &u32| {
            slots
                .get(p as usize / CHUNK)
                .and_then(|c| c.get(p as usize % CHUNK))
                .map_or(0, |slot| slot.hash)
        };
        self.table.insert_unique(located.hash, position, rehash);
    }

    fn remove(&mut self, hash: u64) -> Option<Located> {
        let position = self.position(hash)?;
        let found = self.table.find_entry(hash, |&p| p == position).ok()?;
        found.remove();
        self.free.push(position);
        self.slot(position).map(Slot::located)
    }

    fn all(&self) -> impl Iterator<Item = Located> {
        self.table.iter().filter_map(|&position| self.slot(position)).map(Slot::located)
    }
}

impl Slot {
    fn located(&self) -> Located {
        let place = Place(self.place.load(Ordering::Relaxed));
        Located { hash: self.hash, seq: self.seq, place }
    }
}

impl From<Located> for Slot {
    fn from(Located { hash, seq, place }: Located) -> Self {
        Self { hash, seq, place: AtomicU64::new(place.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn located(hash: u64, seq: u64, segment: u16) -> Located {
        Located { hash, seq, place: Place::new(segment, 64, 160) }
    }

    #[test]
    fn places_pack_without_loss() {
        let most = (1 << 26) - ALIGN;
        for (segment, offset, length) in [(0, 0, 0), (u16::MAX, most, most), (7, 64, 160)] {
            let place = Place::new(segment, offset, length);
            assert_eq!(
                (place.segment(), place.offset(), place.length()),
                (segment, offset, length)
            );
        }
    }

    #[test]
    fn keys_are_found_replaced_and_forgotten() {
        let index = Index::new();
        let hashes: Vec<u64> =
            (0..20_000_u64).map(|i| i.wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect();
        for (i, &hash) in hashes.iter().enumerate() {
            assert_eq!(index.put(located(hash, 1, (i % 3) as u16)), None);
        }
        assert_eq!(index.len(), hashes.len());
        assert_eq!(index.put(located(hashes[0], 2, 9)), Some(located(hashes[0], 1, 0)));
        assert_eq!(index.get(hashes[0]), Some(located(hashes[0], 2, 9)));
        assert_eq!(index.remove(hashes[1]), Some(located(hashes[1], 1, 1)));
        assert_eq!(index.get(hashes[1]), None);

        index.remove_segment(2);
        assert_eq!(index.get(hashes[2]), None);
        assert_eq!(index.get(hashes[3]), Some(located(hashes[3], 1, 0)));
        let left = index.len();
        assert_eq!(index.put(located(hashes[2], 5, 1)), None);
        assert_eq!(index.len(), left + 1);
    }

    #[test]
    fn reads_are_counted_up_to_fifteen_and_start_again_with_a_new_place() {
        let index = Index::new();
        index.put(located(1, 1, 3));
        assert_eq!(index.get(1).map(|l| l.place.reads()), Some(0));
        for _ in 0..20 {
            assert_eq!(index.read(1).map(|l| (l.place.segment(), l.seq)), Some((3, 1)));
        }
        assert_eq!(index.get(1).map(|l| l.place.reads()), Some(15));
        assert_eq!(index.in_segment(3).len(), 1);
        index.put(located(1, 1, 4));
        assert_eq!(index.get(1).map(|l| l.place.reads()), Some(0));
    }
}
