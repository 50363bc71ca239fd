//! Ending a segment and beginning the next: the only moment at which the log forgets.
//!
//! Before a segment is begun, room is made for the whole of it, by dropping segments from the old
//! end. What a dropped segment's tombstones buried is older still, so it is gone already; what its
//! bans cover may not be, so those still in force are carried over into the new segment, and are
//! written there before anything is dropped.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::format::{ALIGN, RecordHeader, SEGMENT_VERSION, SegmentHeader};
use super::hint::{self, Contents};
use super::recover::Sealed;
use super::segment::{CARRIED_BYTES, SPARE_BYTES, Segment, segment_path};
use super::writer::{Active, Writer};
use crate::ban::{Ban, Effect, What};
use crate::envelope::{self, RecordKind};

impl Writer {
    /// Ends the active segment and begins a new one, for whose whole size there is then room.
    pub(super) fn rotate(&mut self) -> io::Result<()> {
        let hint_bytes = self.active.as_ref().map_or(0, |active| active.contents.hint_bytes());
        let victims = self.choose_victims(hint_bytes + self.shared.segment_bytes + SPARE_BYTES);
        let carried: Vec<Ban> = victims
            .iter()
            .flat_map(|victim| victim.bans.iter())
            .filter(|ban| self.shared.bans.in_force(ban))
            .cloned()
            .collect();
        let new = match self.begin_segment(carried) {
            Ok(new) => new,
            Err(error) => {
                // Nothing was dropped.
                victims.into_iter().rev().for_each(|victim| self.sealed.push_front(victim));
                return Err(error);
            }
        };
        victims.into_iter().for_each(|victim| self.drop_segment(&victim));
        self.write_hint();
        if let Some(Active { segment, contents, .. }) = self.active.replace(new) {
            self.sealed.push_back(Sealed { segment, bans: contents.bans });
        }
        Ok(())
    }

    /// Takes segments, oldest first, until `wanted` bytes fit into the budget.
    fn choose_victims(&mut self, wanted: u64) -> Vec<Sealed> {
        let mut total = self.shared.total.load(Ordering::Relaxed);
        let mut victims = Vec::new();
        while total + wanted > self.shared.budget {
            let Some(victim) = self.sealed.pop_front() else { break };
            total = total.saturating_sub(victim.segment.total_bytes());
            victims.push(victim);
        }
        victims
    }

    /// A new segment that begins with the bans that are carried over.
    fn begin_segment(&mut self, carried: Vec<Ban>) -> io::Result<Active> {
        let shared = &self.shared;
        let number = self.next_number;
        let slot = shared.table.free_slot().ok_or_else(|| io::Error::other("too many segments"))?;
        let header = SegmentHeader {
            version: SEGMENT_VERSION,
            number,
            hash_key: shared.hasher.0,
            created_ms: shared.clock.unix_ms(),
        };
        let mut bytes = header.encode().to_vec();
        let mut contents = Contents::default();
        for ban in within_bounds(carried) {
            for _ in 0..2 {
                put_ban_record(&ban, &mut bytes);
            }
            contents.last_position = contents.last_position.max(ban.position);
            contents.ban(ban);
        }
        let path = segment_path(&shared.dir, number);
        let segment = Arc::new(Segment::open(path, number, slot, 0, &shared.total)?);
        segment.append(&bytes)?;
        shared.table.put(Arc::clone(&segment));
        self.next_number += 1;
        Ok(Active { segment, contents, hinted: false })
    }

    fn drop_segment(&self, victim: &Sealed) {
        let Segment { number, slot, .. } = *victim.segment;
        self.shared.index.remove_segment(slot);
        self.shared.usage.lock().drop_segment(number);
        drop(self.shared.table.take(slot));
        if let Err(error) = victim.segment.unlink() {
            self.shared.errors.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(%error, number, "disk: drop a segment");
        }
    }

    /// Writes the hint of the active segment, if there is room for it. Without one the segment is
    /// scanned when the directory is opened again.
    pub(super) fn write_hint(&mut self) {
        let Some(Active { segment, contents, hinted: hinted @ false }) = &mut self.active else {
            return;
        };
        let total = self.shared.total.load(Ordering::Relaxed);
        if total + contents.hint_bytes() > self.shared.budget {
            return;
        }
        match hint::write(&segment.hint_path(), segment.number, segment.bytes(), contents) {
            Ok(bytes) => {
                segment.set_hint_bytes(bytes);
                *hinted = true;
            }
            Err(error) => {
                self.shared.errors.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(%error, number = segment.number, "disk: write a hint");
            }
        }
    }
}

fn put_ban_record(ban: &Ban, out: &mut Vec<u8>) {
    let mut body = Vec::new();
    envelope::put_ban(ban, &mut body);
    let (seq, body_bytes) = (ban.position, body.len());
    let header = RecordHeader { kind: RecordKind::Ban, body_bytes, seq, hash: 0 };
    out.extend_from_slice(&header.encode());
    out.extend_from_slice(&body);
    out.resize(out.len().next_multiple_of(ALIGN), 0);
}

/// `bans`, or a single one that covers them all if they would not fit.
fn within_bounds(bans: Vec<Ban>) -> Vec<Ban> {
    let mut bytes = Vec::new();
    bans.iter().for_each(|ban| put_ban_record(ban, &mut bytes));
    if 2 * bytes.len() <= CARRIED_BYTES {
        return bans;
    }
    let position = bans.iter().map(|ban| ban.position).max().unwrap_or(0);
    vec![Ban { position, effect: Effect::Invalidate, what: What::Everything }]
}
