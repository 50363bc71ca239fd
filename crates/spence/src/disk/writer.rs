//! The one thread that appends: takes batches from the inbox, writes each with one call, and
//! only then lets the index, the readers and the callers know.

use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::oneshot;

use super::Durability;
use super::hint::{Contents, Listed};
use super::inbox::Batch;
use super::index::{Located, Place};
use super::owner::Owner;
use super::recover::Sealed;
use super::rotate::sync_dir;
use super::segment::Segment;
use super::shared::Shared;
use crate::ban::{Ban, What};
use crate::envelope::RecordKind;
use crate::error::{Error, ErrorKind};
use crate::key::Identity;

/// Keys whose removal is owed, at most.
const MAX_OWED: usize = 65_536;
/// Segments that one batch may drop when the device is full before its own budget is.
const MAX_DROPPED_FOR_ROOM: usize = 4;
/// Bans that are owed, at most.
const MAX_OWED_BANS: usize = 1024;

pub(super) type Done = oneshot::Sender<Result<(), Error>>;

/// A record in the buffer, not yet written.
pub(super) struct Staged {
    pub(super) kind: RecordKind,
    pub(super) hash: u64,
    pub(super) seq: u64,
    pub(super) as_of: u64,
    /// Where it begins in the buffer, and its length.
    pub(super) start: usize,
    pub(super) length: usize,
    pub(super) namespace: Arc<str>,
    pub(super) key: Arc<str>,
    pub(super) ban: Option<Ban>,
    pub(super) done: Option<Done>,
}

/// The segment being written.
pub(super) struct Active {
    pub(super) segment: Arc<Segment>,
    pub(super) contents: Contents,
    /// Whether its hint file describes it as it is.
    pub(super) hinted: bool,
}

pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
    /// Oldest first.
    pub(super) sealed: VecDeque<Sealed>,
    pub(super) active: Option<Active>,
    pub(super) next_number: u64,
    pub(super) buffer: Vec<u8>,
    pub(super) staged: Vec<Staged>,
    /// Hashes in `staged`.
    pub(super) staged_hashes: HashSet<u64, Identity>,
    /// Keys whose newest state could not be written; until it is, the index does not know them.
    pub(super) owed: HashMap<u64, (Arc<str>, Arc<str>, u64), Identity>,
    pub(super) owed_bans: Vec<Ban>,
    owner: Owner,
}

impl Writer {
    pub(super) fn new(
        shared: Arc<Shared>,
        owner: Owner,
        sealed: VecDeque<Sealed>,
        newest: Option<(Arc<Segment>, Contents)>,
    ) -> Self {
        let next_number = newest.as_ref().map_or(1, |(segment, _)| segment.number + 1);
        let active = newest.map(|(segment, contents)| {
            let hinted = segment.hint_path().exists();
            Active { segment, contents, hinted }
        });
        Self {
            shared,
            sealed,
            active,
            next_number,
            buffer: Vec::new(),
            staged: Vec::new(),
            staged_hashes: HashSet::default(),
            owed: HashMap::default(),
            owed_bans: Vec::new(),
            owner,
        }
    }

    pub(super) fn run(mut self) {
        let used = self.active.as_ref().map_or(0, |active| active.segment.bytes());
        let growth = self.shared.segment_bytes.saturating_sub(used) + self.spare();
        if self.shared.total.load(Ordering::Relaxed) + growth > self.shared.budget
            && let Err(error) = self.rotate()
        {
            // The budget is smaller than it was.
            tracing::warn!(%error, "disk: make room");
        }
        while let Some(Batch { work, floor }) = self.shared.inbox.take() {
            self.stage_owed(floor);
            work.into_iter().for_each(|work| self.stage(work));
            self.flush();
            self.reclaim();
        }
        self.stage_owed(self.shared.inbox.new_floor());
        self.flush();
        self.write_hint();
        if let Err(error) = self.settle_down() {
            tracing::warn!(%error, "disk: close");
        }
    }

    /// Waits until everything has reached the device, and notes that it has.
    fn settle_down(&mut self) -> io::Result<()> {
        if !self.owed.is_empty() || !self.owed_bans.is_empty() {
            return Err(io::Error::other("removals are owed that could not be written"));
        }
        let active = self.active.iter().map(|active| &active.segment);
        for segment in self.sealed.iter().map(|sealed| &sealed.segment).chain(active) {
            segment.sync()?;
        }
        sync_dir(&self.shared.dir)?;
        self.owner.end()
    }

    /// Writes the buffer, then tells everyone.
    pub(super) fn flush(&mut self) {
        if self.staged.is_empty() {
            return;
        }
        let written = self.write();
        self.buffer.clear();
        self.staged_hashes.clear();
        let staged = std::mem::take(&mut self.staged);
        self.finish(staged, written);
    }

    /// Lets the index, the readers and the callers know of records that were written at an offset,
    /// or could not be.
    pub(super) fn finish(&mut self, staged: Vec<Staged>, written: io::Result<u64>) {
        let outcome = match written {
            Ok(base) => {
                self.apply(&staged, base);
                Ok(())
            }
            Err(error) => {
                self.owe(&staged);
                tracing::warn!(%error, records = staged.len(), "disk: append");
                let message = format!("disk tier: append: {error}");
                Err(Error::with_source(ErrorKind::Storage, message, error))
            }
        };
        self.shared.inbox.settle(staged.iter().map(|s| (s.hash, s.seq)));
        for done in staged.into_iter().filter_map(|staged| staged.done) {
            // Whoever asked may not be waiting.
            drop(done.send(outcome.clone()));
        }
    }

    /// Appends the buffer to the active segment; the offset at which it begins. A device without
    /// room is given some, by dropping what is oldest; one that fails is tried once more with a
    /// new segment.
    fn write(&mut self) -> io::Result<u64> {
        let mut made_room = 0;
        let mut begun_anew = false;
        loop {
            let error = match self.append() {
                Ok(base) => return Ok(base),
                Err(error) => error,
            };
            let full =
                matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
            if full && made_room < MAX_DROPPED_FOR_ROOM && self.drop_oldest() {
                made_room += 1;
            } else if !full && !begun_anew && self.rotate().is_ok() {
                begun_anew = true;
            } else {
                return Err(error);
            }
        }
    }

    fn append(&mut self) -> io::Result<u64> {
        if self.active.is_none() {
            self.rotate()?;
        }
        let (total, budget) = (self.shared.total.load(Ordering::Relaxed), self.shared.budget);
        let Some(active) = &mut self.active else { return Err(io::ErrorKind::NotFound.into()) };
        let base = active.segment.bytes();
        let length = self.buffer.len() as u64;
        if base + length > self.shared.segment_bytes {
            return Err(io::Error::other("the segment is full"));
        }
        if total + length > budget {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if std::mem::take(&mut active.hinted) {
            active.segment.remove_hint()?;
        }
        active.segment.append(&self.buffer)?;
        if self.shared.durability == Durability::Power {
            active.segment.sync()?;
        }
        Ok(base)
    }

    /// What was written becomes what readers find.
    fn apply(&mut self, staged: &[Staged], base: u64) {
        let Some(Active { segment, contents, .. }) = &mut self.active else { return };
        let mut usage = self.shared.usage.lock();
        for staged in staged {
            let Staged { kind, hash, seq, length, .. } = *staged;
            let offset = base as usize + staged.start;
            contents.last_position = contents.last_position.max(seq).max(staged.as_of);
            let before = match (kind, &staged.ban) {
                (RecordKind::Entry, _) => {
                    let place = Place::new(segment.slot, offset, length);
                    usage.add(segment.number, &staged.namespace, length);
                    self.shared.index.put(Located { hash, seq, place })
                }
                (RecordKind::Tombstone, _) => self.shared.index.remove(hash),
                (RecordKind::Ban, Some(ban)) => {
                    contents.ban(ban.clone());
                    continue;
                }
                (RecordKind::Ban, None) => continue,
            };
            self.shared.subtract(&mut usage, before, &staged.namespace);
            let namespace = contents.namespace(&staged.namespace);
            contents.records.push(Listed::new(kind, (hash, seq), (offset, length), namespace));
        }
    }

    /// What could not be written must not leave an older state behind.
    fn owe(&mut self, staged: &[Staged]) {
        self.shared.errors.fetch_add(staged.len() as u64, Ordering::Relaxed);
        let mut usage = self.shared.usage.lock();
        for staged in staged {
            if let Some(ban) = &staged.ban {
                if ban.what == What::Everything {
                    self.shared.inbox.floor_is_owed();
                } else if self.owed_bans.len() >= MAX_OWED_BANS {
                    self.shared.inbox.raise_floor(ban.position);
                } else if !self.owed_bans.contains(ban) {
                    self.owed_bans.push(ban.clone());
                }
                continue;
            }
            let before = self.shared.index.remove(staged.hash);
            self.shared.subtract(&mut usage, before, &staged.namespace);
            // A value under a key of which the disk had nothing leaves nothing behind.
            let buries = staged.kind == RecordKind::Tombstone || before.is_some();
            if !buries && !self.owed.contains_key(&staged.hash) {
                continue;
            }
            if self.owed.len() < MAX_OWED {
                let (namespace, key) = (Arc::clone(&staged.namespace), Arc::clone(&staged.key));
                self.owed.insert(staged.hash, (namespace, key, staged.seq));
            } else {
                self.shared.inbox.raise_floor(staged.seq);
            }
        }
    }

    /// Nothing had to be written.
    pub(super) fn settle(&self, hash: u64, seq: u64, done: Done) {
        self.shared.inbox.settle(std::iter::once((hash, seq)));
        drop(done.send(Ok(())));
    }
}
