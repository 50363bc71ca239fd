//! What becomes of an operation: records in the writer's buffer, or nothing at all.

use std::sync::Arc;

use super::Op;
use super::format::{ALIGN, RECORD_HEADER_BYTES, RecordHeader, SEGMENT_HEADER_BYTES};
use super::inbox::Work;
use super::reclaim::HOT_PART;
use super::segment::CARRIED_BYTES;
use super::writer::{Done, Staged, Writer};
use crate::ban::{Ban, Effect, What};
use crate::compress::Packed;
use crate::envelope::{self, RecordKind, StoredEntry};

/// The fields beside a payload are bounded: key, tags and names have limits.
const FIELDS_BYTES: usize = 32 << 10;

/// What fits into a new segment after what it begins with: its header, bans, and records that are
/// carried over.
pub(super) fn largest_payload(segment_bytes: u64) -> usize {
    let hot = (segment_bytes / HOT_PART) as usize;
    let begin = SEGMENT_HEADER_BYTES + CARRIED_BYTES + hot + FIELDS_BYTES;
    (segment_bytes as usize).saturating_sub(begin)
}

impl Writer {
    pub(super) fn stage(&mut self, Work { hash, op, done }: Work) {
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
                match self.current(hash) {
                    Current::Entry(mut entry)
                        if entry.is(&namespace, &key)
                            && !self.shared.is_dead(&entry)
                            // Written anew it would look as if nothing had been lost.
                            && entry.seq > self.shared.unverified_until =>
                    {
                        entry.expire(at_ms);
                        entry.seq = seq;
                        self.stage_entry(hash, &entry, done);
                    }
                    Current::Nothing => self.settle(hash, seq, done),
                    // Another key's, or dead under a ban, or it cannot be read: then it must not
                    // come back as fresh either.
                    Current::Entry(_) | Current::Unreadable => {
                        self.stage_tombstone(hash, namespace, key, seq, Some(done));
                    }
                }
            }
            Op::Ban(ban) => self.stage_ban(ban, Some(done)),
        }
    }

    fn stage_entry(&mut self, hash: u64, entry: &StoredEntry, done: Done) {
        if entry.payload.len() > largest_payload(self.shared.segment_bytes) {
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
        let packed = match self.shared.compress && entry.compress {
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

    /// Stages what could not be written before, and a floor that has yet to be.
    pub(super) fn stage_owed(&mut self, floor: Option<u64>) {
        if let Some(position) = floor {
            let (effect, what) = (Effect::Invalidate, What::Everything);
            self.stage_ban(Ban { position, effect, what }, None);
        }
        for (hash, (namespace, key, seq)) in std::mem::take(&mut self.owed) {
            self.stage_tombstone(hash, namespace, key, seq, None);
        }
        for ban in std::mem::take(&mut self.owed_bans) {
            self.stage_ban(ban, None);
        }
    }

    /// The entry that the index points at.
    fn current(&self, hash: u64) -> Current {
        let floor = self.shared.inbox.floor();
        let located = self.shared.index.get(hash).filter(|located| located.seq > floor);
        let Some(located) = located else { return Current::Nothing };
        let entry = self.shared.entry_at(located);
        entry.map_or(Current::Unreadable, |entry| Current::Entry(Box::new(entry)))
    }
}

/// What the disk holds under a key.
enum Current {
    Entry(Box<StoredEntry>),
    Nothing,
    Unreadable,
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
