//! The one thread that appends: takes batches from the inbox, writes each with one call, and
//! only then lets the index, the readers and the callers know.

use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::Op;
use super::format::{ALIGN, RECORD_HEADER_BYTES, RecordHeader, SEGMENT_HEADER_BYTES};
use super::hint::{Contents, Listed};
use super::inbox::Work;
use super::index::{Located, Place};
use super::owner::Owner;
use super::recover::Sealed;
use super::segment::{CARRIED_BYTES, SPARE_BYTES, Segment};
use super::shared::{Shared, entry_in};
use crate::ban::Ban;
use crate::compress::Packed;
use crate::envelope::{self, RecordKind, StoredEntry};
use crate::error::{Error, ErrorKind};
use crate::key::Identity;

/// Keys whose removal is owed, at most.
const MAX_OWED: usize = 65_536;

type Done = oneshot::Sender<Result<(), Error>>;

/// A record in the buffer, not yet written.
struct Staged {
    kind: RecordKind,
    hash: u64,
    seq: u64,
    as_of: u64,
    /// Where it begins in the buffer, and its length.
    start: usize,
    length: usize,
    namespace: Arc<str>,
    key: Arc<str>,
    ban: Option<Ban>,
    done: Option<Done>,
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
    buffer: Vec<u8>,
    staged: Vec<Staged>,
    /// Hashes in `staged`.
    staged_hashes: HashSet<u64, Identity>,
    /// Keys whose newest state could not be written; until it is, the index does not know them.
    owed: HashMap<u64, (Arc<str>, Arc<str>, u64), Identity>,
    owed_bans: Vec<Ban>,
    /// Held for as long as the writer runs.
    _owner: Owner,
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
            _owner: owner,
        }
    }

    pub(super) fn run(mut self) {
        if self.shared.total.load(Ordering::Relaxed) + SPARE_BYTES > self.shared.budget
            && let Err(error) = self.rotate()
        {
            // The budget is smaller than it was.
            tracing::warn!(%error, "disk: make room");
        }
        while let Some(batch) = self.shared.inbox.take() {
            self.stage_owed();
            for work in batch {
                self.stage(work);
            }
            self.flush();
        }
        self.stage_owed();
        self.flush();
        self.write_hint();
    }

    fn stage(&mut self, Work { hash, op, done }: Work) {
        match op {
            Op::Put(entry) => self.stage_entry(hash, &entry, done),
            Op::Remove { namespace, key, seq } => {
                let unknown = self.shared.index.get(hash).is_none()
                    && !self.staged_hashes.contains(&hash)
                    && !self.owed.contains_key(&hash);
                if unknown {
                    self.settle(hash, seq, done);
                } else {
                    self.stage_tombstone(hash, namespace, key, seq, Some(done));
                }
            }
            Op::Expire { namespace, key, seq, at_ms } => {
                match self.current(hash).filter(|entry| entry.is(&namespace, &key)) {
                    Some(mut entry) => {
                        entry.expire(at_ms);
                        entry.seq = seq;
                        self.stage_entry(hash, &entry, done);
                    }
                    None => self.settle(hash, seq, done),
                }
            }
            Op::Ban(ban) => self.stage_ban(ban, Some(done)),
        }
    }

    fn stage_entry(&mut self, hash: u64, entry: &StoredEntry, done: Done) {
        let most = self.shared.segment_bytes as usize - SEGMENT_HEADER_BYTES - CARRIED_BYTES;
        // The fields beside the payload are bounded: key, tags and names have limits.
        if entry.payload.len() + (32 << 10) > most {
            self.shared.errors.fetch_add(1, Ordering::Relaxed);
            let (namespace, key) = (Arc::clone(&entry.namespace), Arc::clone(&entry.key));
            return self.stage_tombstone(hash, namespace, key, entry.seq, Some(done));
        }
        let staged = Staged {
            kind: RecordKind::Entry,
            hash,
            seq: entry.seq,
            as_of: entry.as_of,
            start: 0,
            length: 0,
            namespace: Arc::clone(&entry.namespace),
            key: Arc::clone(&entry.key),
            ban: None,
            done: Some(done),
        };
        let packed = match self.shared.compress {
            true => Packed::lz4(&entry.payload),
            false => Packed::plain(&entry.payload),
        };
        self.stage_record(staged, |out| envelope::put_entry(entry, &packed, out));
    }

    fn stage_tombstone(
        &mut self,
        hash: u64,
        namespace: Arc<str>,
        key: Arc<str>,
        seq: u64,
        done: Option<Done>,
    ) {
        let (name, text) = (Arc::clone(&namespace), Arc::clone(&key));
        let kind = RecordKind::Tombstone;
        let staged = Staged {
            kind,
            hash,
            seq,
            as_of: 0,
            start: 0,
            length: 0,
            namespace,
            key,
            ban: None,
            done,
        };
        self.stage_record(staged, |out| envelope::put_tombstone(&name, &text, seq, out));
    }

    /// A ban is written twice, so that no single damaged byte can lose it.
    fn stage_ban(&mut self, ban: Ban, done: Option<Done>) {
        let copy = |done| Staged {
            kind: RecordKind::Ban,
            hash: 0,
            seq: ban.position,
            as_of: 0,
            start: 0,
            length: 0,
            namespace: "".into(),
            key: "".into(),
            ban: Some(ban.clone()),
            done,
        };
        self.stage_record(copy(None), |out| envelope::put_ban(&ban, out));
        self.stage_record(copy(done), |out| envelope::put_ban(&ban, out));
    }

    /// Puts a record into the buffer; writes what is there first if the segment has no room.
    fn stage_record(&mut self, mut staged: Staged, put_body: impl Fn(&mut Vec<u8>)) {
        staged.start = self.buffer.len();
        append_record(&mut self.buffer, &staged, &put_body);
        let used = self.active.as_ref().map_or(0, |active| active.segment.bytes());
        if used + self.buffer.len() as u64 > self.shared.segment_bytes {
            self.buffer.truncate(staged.start);
            self.flush();
            if let Err(error) = self.rotate() {
                return self.finish(vec![staged], Err(error));
            }
            staged.start = 0;
            append_record(&mut self.buffer, &staged, &put_body);
        }
        staged.length = self.buffer.len() - staged.start;
        self.staged_hashes.insert(staged.hash);
        self.staged.push(staged);
    }

    fn stage_owed(&mut self) {
        for (hash, (namespace, key, seq)) in std::mem::take(&mut self.owed) {
            self.stage_tombstone(hash, namespace, key, seq, None);
        }
        for ban in std::mem::take(&mut self.owed_bans) {
            self.stage_ban(ban, None);
        }
    }

    /// Writes the buffer, then tells everyone.
    fn flush(&mut self) {
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
    fn finish(&mut self, staged: Vec<Staged>, written: io::Result<u64>) {
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

    /// Appends the buffer to the active segment; the offset at which it begins.
    fn write(&mut self) -> io::Result<u64> {
        if self.active.is_none() {
            self.rotate()?;
        }
        let Some(active) = &mut self.active else { return Err(io::ErrorKind::NotFound.into()) };
        if std::mem::take(&mut active.hinted) {
            std::fs::remove_file(active.segment.hint_path())?;
            active.segment.set_hint_bytes(0);
        }
        let base = active.segment.bytes();
        active.segment.append(&self.buffer)?;
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
            if let Some(before) = before
                && let Some(segment) = self.shared.table.get(before.place.segment())
            {
                usage.subtract(segment.number, &staged.namespace, before.place.length());
            }
            let namespace = contents.namespace(&staged.namespace);
            contents.records.push(Listed { kind, hash, seq, offset, length, namespace });
        }
    }

    /// What could not be written must not leave an older state behind.
    fn owe(&mut self, staged: &[Staged]) {
        self.shared.errors.fetch_add(staged.len() as u64, Ordering::Relaxed);
        let mut usage = self.shared.usage.lock();
        for staged in staged {
            if let Some(ban) = &staged.ban {
                if !self.owed_bans.contains(ban) {
                    self.owed_bans.push(ban.clone());
                }
                continue;
            }
            if let Some(before) = self.shared.index.remove(staged.hash)
                && let Some(segment) = self.shared.table.get(before.place.segment())
            {
                usage.subtract(segment.number, &staged.namespace, before.place.length());
            }
            if self.owed.len() < MAX_OWED {
                let (namespace, key) = (Arc::clone(&staged.namespace), Arc::clone(&staged.key));
                self.owed.insert(staged.hash, (namespace, key, staged.seq));
            }
        }
    }

    /// Nothing had to be written.
    fn settle(&self, hash: u64, seq: u64, done: Done) {
        self.shared.inbox.settle(std::iter::once((hash, seq)));
        drop(done.send(Ok(())));
    }

    /// The entry that the index points at.
    fn current(&self, hash: u64) -> Option<StoredEntry> {
        let located = self.shared.index.get(hash)?;
        let segment = self.shared.table.get(located.place.segment())?;
        let mut record = vec![0; located.place.length()];
        segment.read(&mut record, located.place.offset()).ok()?;
        entry_in(Bytes::from(record), located)
    }
}

fn append_record(buffer: &mut Vec<u8>, staged: &Staged, put_body: &impl Fn(&mut Vec<u8>)) {
    let start = buffer.len();
    buffer.extend_from_slice(&[0; RECORD_HEADER_BYTES]);
    put_body(buffer);
    let body_bytes = buffer.len() - start - RECORD_HEADER_BYTES;
    buffer.resize(buffer.len().next_multiple_of(ALIGN), 0);
    let Staged { kind, seq, hash, .. } = *staged;
    let header = RecordHeader { kind, body_bytes, seq, hash }.encode();
    if let Some(place) = buffer.get_mut(start..start + RECORD_HEADER_BYTES) {
        place.copy_from_slice(&header);
    }
}
