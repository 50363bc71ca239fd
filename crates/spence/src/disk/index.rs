//! Where on disk each key's newest record lies: 24 bytes a key, and 5 more in a hash table.
//!
//! The index holds hashes, not keys; whoever reads a record compares the key in it. It is the
//! authority: a record that it does not point at does not exist. Only the writer thread changes
//! it; readers lock one of its shards.

use hashbrown::HashTable;
use parking_lot::RwLock;

use super::format::ALIGN;

const SHARDS: usize = 16;
/// Slots are kept in chunks of this many, so that growing never copies or doubles them.
const CHUNK: usize = 4096;

/// Where a record lies: which segment, from where, how long. Packed into 64 bits.
///
/// Lowest first: 16 bits segment slot, 22 bits offset / 16, 22 bits length / 16, 4 bits zero.
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
}

/// The newest record of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Located {
    pub(super) hash: u64,
    pub(super) seq: u64,
    pub(super) place: Place,
}

/// All keys on disk.
#[derive(Debug)]
pub(super) struct Index {
    shards: Box<[RwLock<Shard>]>,
}

#[derive(Debug, Default)]
struct Shard {
    /// Positions in `slots`, by hash.
    table: HashTable<u32>,
    slots: Vec<Box<[Located]>>,
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

    /// Points `located.hash` at its record; returns what it pointed at before.
    pub(super) fn put(&self, located: Located) -> Option<Located> {
        self.shard(located.hash)?.write().put(located)
    }

    /// Forgets a key; returns what it pointed at.
    pub(super) fn remove(&self, hash: u64) -> Option<Located> {
        self.shard(hash)?.write().remove(hash)
    }

    /// Forgets every key whose record lies in `segment`.
    pub(super) fn remove_segment(&self, segment: u16) {
        for shard in &self.shards {
            let gone: Vec<u64> = shard.read().all(|l| l.place.segment() == segment);
            for chunk in gone.chunks(256) {
                let mut shard = shard.write();
                for &hash in chunk {
                    if shard.get(hash).is_some_and(|l| l.place.segment() == segment) {
                        shard.remove(hash);
                    }
                }
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().table.len()).sum()
    }

    fn shard(&self, hash: u64) -> Option<&RwLock<Shard>> {
        // The top bits: the table below uses the others.
        self.shards.get((hash >> 60) as usize % SHARDS)
    }
}

impl Shard {
    fn located(&self, position: u32) -> Option<&Located> {
        self.slots.get(position as usize / CHUNK)?.get(position as usize % CHUNK)
    }

    fn located_mut(&mut self, position: u32) -> Option<&mut Located> {
        self.slots.get_mut(position as usize / CHUNK)?.get_mut(position as usize % CHUNK)
    }

    fn position(&self, hash: u64) -> Option<u32> {
        self.table.find(hash, |&p| self.located(p).is_some_and(|l| l.hash == hash)).copied()
    }

    fn get(&self, hash: u64) -> Option<Located> {
        self.located(self.position(hash)?).copied()
    }

    fn put(&mut self, located: Located) -> Option<Located> {
        if let Some(position) = self.position(located.hash) {
            let slot = self.located_mut(position)?;
            return Some(std::mem::replace(slot, located));
        }
        let position = self.free.pop().unwrap_or_else(|| {
            if self.used as usize == self.slots.len() * CHUNK {
                self.slots.push(vec![Located::default(); CHUNK].into());
            }
            self.used += 1;
            self.used - 1
        });
        *self.located_mut(position)? = located;
        let slots = &self.slots;
        let rehash = |&p: &u32| {
            slots
                .get(p as usize / CHUNK)
                .and_then(|c| c.get(p as usize % CHUNK))
                .map_or(0, |l| l.hash)
        };
        self.table.insert_unique(located.hash, position, rehash);
        None
    }

    fn remove(&mut self, hash: u64) -> Option<Located> {
        let position = self.position(hash)?;
        let found = self.table.find_entry(hash, |&p| p == position).ok()?;
        found.remove();
        self.free.push(position);
        self.located(position).copied()
    }

    fn all(&self, wanted: impl Fn(&Located) -> bool) -> Vec<u64> {
        let located = self.table.iter().filter_map(|&position| self.located(position));
        located.filter(|l| wanted(l)).map(|l| l.hash).collect()
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
}
