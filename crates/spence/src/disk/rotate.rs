//! Ending a segment and beginning the next: the only moment at which the log forgets.
//!
//! Before a segment is begun, room is made for the whole of it, by dropping segments from the old
//! end. What a dropped segment's tombstones buried is older still, so it is gone already; what its
//! bans cover may not be, so those still in force are carried over into the new segment, and are
//! written there before anything is dropped. So are the records that are read (`reclaim.rs`).

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Durability;
use super::format::{ALIGN, RecordHeader, SEGMENT_VERSION, SegmentHeader};
use super::hint::{self, Contents};
use super::reclaim::HOT_PART;
use super::recover::Sealed;
use super::segment::{CARRIED_BYTES, SPARE_BYTES, Segment, segment_path};
use super::writer::{Active, Writer};
use crate::ban::{Ban, Effect, What};
use crate::envelope::{self, RecordKind};

impl Writer {
    /// Ends the active segment and begins a new one, for whose whole size there is then room.
    pub(super) fn rotate(&mut self) -> io::Result<()> {
        let hint_bytes = self.active.as_ref().map_or(0, |active| active.contents.hint_bytes());
        let victims = self.choose_victims(hint_bytes + self.shared.segment_bytes + self.spare());
        let carried: Vec<Ban> = victims.iter().flat_map(|victim| victim.bans.clone()).collect();
        let new = match self.begin_segment(self.to_carry(carried)) {
            Ok(new) => new,
            Err(error) => {
                // Nothing was dropped.
                victims.into_iter().rev().for_each(|victim| self.sealed.push_front(victim));
                return Err(error);
            }
        };
        self.write_hint();
        if let Some(Active { segment, contents, .. }) = self.active.replace(new) {
            self.sealed.push_back(Sealed::new(segment, contents.bans));
        }
        self.carry_hot_records(&victims);
        self.drop_segments(victims);
        Ok(())
    }

    /// Budget that is left free, for what is carried over into a segment while what it replaces is
    /// still there.
    pub(super) fn spare(&self) -> u64 {
        SPARE_BYTES + self.shared.segment_bytes / HOT_PART
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

    /// Of the bans of dropped segments, those that must outlive them.
    pub(super) fn to_carry(&self, mut bans: Vec<Ban>) -> Vec<Ban> {
        // A ban of everything that stands for lost ones is known to the files alone.
        let newest = bans.iter().filter(|ban| ban.what == What::Everything).map(|ban| ban.position);
        let newest = newest.max();
        bans.retain(|ban| match ban.what {
            What::Everything => Some(ban.position) == newest,
            _ => self.shared.bans.in_force(ban),
        });
        bans.dedup();
        bans
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
        let segment =
            Arc::new(Segment::open(path, number, slot, 0, &shared.device, &shared.total)?);
        segment.append(&bytes)?;
        if shared.durability == Durability::Power {
            segment.sync()?;
            sync_dir(&shared.dir)?;
        }
        shared.table.put(Arc::clone(&segment));
        self.next_number += 1;
        Ok(Active { segment, contents, hinted: false })
    }

    /// Drops segments, oldest first. One that cannot be deleted stays, and so does everything
    /// newer: its records would come back if what buries them went first.
    pub(super) fn drop_segments(&mut self, victims: Vec<Sealed>) {
        let mut victims = victims.into_iter();
        for victim in victims.by_ref() {
            let Segment { number, slot, .. } = *victim.segment;
            if let Err(error) = victim.segment.unlink() {
                self.shared.errors.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(%error, number, "disk: drop a segment");
                victims.rev().for_each(|victim| self.sealed.push_front(victim));
                self.sealed.push_front(victim);
                return;
            }
            self.shared.index.remove_segment(slot);
            self.shared.usage.lock().drop_segment(number);
            drop(self.shared.table.take(slot));
        }
    }

    /// Writes the hint of the active segment, if there is room for it. Without one the segment is
    /// scanned when the directory is opened again.
    pub(super) fn write_hint(&mut self) {
        let Some(Active { segment, contents, hinted: hinted @ false }) = &mut self.active else {
            return;
        };
        let total = self.shared.total.load(Ordering::Relaxed);
        if total + contents.hint_bytes() > self.shared.budget || !contents.fits_a_hint() {
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

/// Waits until the names of the directory's files have reached the device.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

pub(super) fn put_ban_record(ban: &Ban, out: &mut Vec<u8>) {
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
