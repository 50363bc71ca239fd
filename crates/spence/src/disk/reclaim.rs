//! What a dropped segment leaves behind, and dropping one before its time.
//!
//! The log forgets from its old end. What was read since it was written is worth more than its
//! age says, so the most read records of what is dropped are carried over, byte for byte, with
//! their original position. And when nothing in the oldest segment can be served any more, it
//! goes without waiting for the budget.

use std::cmp::Reverse;
use std::io;
use std::sync::atomic::Ordering;

use super::Durability;
use super::hint::Listed;
use super::index::{Located, Place};
use super::recover::Sealed;
use super::rotate::put_ban_record;
use super::writer::{Active, Writer};
use crate::ban::Ban;
use crate::envelope::{RecordKind, StoredEntry};

/// A fifth of a segment may be carried over when it is dropped.
pub(super) const HOT_PART: u64 = 5;
/// An oldest segment is looked through this often at most, and at least, in milliseconds: policies
/// may change what can be served.
const LOOK_AFTER_MS: (u64, u64) = (60_000, 600_000);

impl Writer {
    /// Copies the most read live records of `victims` into the active segment.
    pub(super) fn carry_hot_records(&mut self, victims: &[Sealed]) {
        let floor = self.shared.inbox.floor();
        let mut room = (self.shared.segment_bytes / HOT_PART) as usize;
        let mut hot: Vec<Located> = victims
            .iter()
            .flat_map(|victim| self.shared.index.in_segment(victim.segment.slot))
            .filter(|located| located.place.reads() > 0 && located.seq > floor)
            .collect();
        hot.sort_unstable_by_key(|located| Reverse(located.place.reads()));
        let now_ms = self.shared.clock.unix_ms();
        for located in hot {
            let length = located.place.length();
            if length > room {
                continue;
            }
            let Some((record, entry)) = self.shared.record_at(located) else { continue };
            if self.shared.is_dead(&entry) || self.shared.judge.gone_at_ms(&entry) <= now_ms {
                continue;
            }
            if let Err(error) = self.carry(located, &record, &entry) {
                tracing::warn!(%error, "disk: carry a record over");
                return;
            }
            room -= length;
        }
    }

    fn carry(&mut self, located: Located, record: &[u8], entry: &StoredEntry) -> io::Result<()> {
        let total = self.shared.total.load(Ordering::Relaxed);
        let Some(Active { segment, contents, .. }) = &mut self.active else { return Ok(()) };
        if total + record.len() as u64 > self.shared.budget {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let offset = segment.bytes() as usize;
        segment.append(record)?;
        let place = Place::new(segment.slot, offset, record.len());
        let namespace = contents.namespace(&entry.namespace);
        let (kind, Located { hash, seq, .. }) = (RecordKind::Entry, located);
        let listed = Listed::new(kind, (hash, seq), (offset, record.len()), namespace);
        contents.records.push(listed);
        contents.last_position = contents.last_position.max(seq).max(entry.as_of);
        let mut usage = self.shared.usage.lock();
        self.shared.subtract(&mut usage, Some(located), &entry.namespace);
        usage.add(segment.number, &entry.namespace, record.len());
        self.shared.index.put(Located { hash, seq, place });
        Ok(())
    }

    /// Drops the oldest segment if nothing in it can be served any more; looks at most once in a
    /// while.
    pub(super) fn reclaim(&mut self) {
        let now_ms = self.shared.clock.unix_ms();
        while let Some(look_at_ms) = self.sealed.front().map(|oldest| oldest.look_at_ms) {
            if now_ms < look_at_ms {
                return;
            }
            let gone_at_ms = self.oldest_gone_at_ms(now_ms);
            if gone_at_ms > now_ms {
                if let Some(oldest) = self.sealed.front_mut() {
                    let (soonest, latest) = LOOK_AFTER_MS;
                    oldest.look_at_ms = now_ms + (gone_at_ms - now_ms).clamp(soonest, latest);
                }
                return;
            }
            if !self.drop_oldest() {
                if let Some(oldest) = self.sealed.front_mut() {
                    oldest.look_at_ms = now_ms + LOOK_AFTER_MS.0;
                }
                return;
            }
        }
    }

    /// When the last live record of the oldest segment can be served no more.
    fn oldest_gone_at_ms(&self, now_ms: u64) -> u64 {
        let Some(oldest) = self.sealed.front() else { return u64::MAX };
        let floor = self.shared.inbox.floor();
        let located = self.shared.index.in_segment(oldest.segment.slot).into_iter();
        let believed = located.filter(|located| located.seq > floor);
        let entries = believed.filter_map(|located| self.shared.entry_at(located));
        let mut alive = entries.filter(|entry| !self.shared.is_dead(entry));
        if now_ms < self.shared.judge.settled_at_ms() {
            // How long any of them may be served is not known yet; only whether there are any.
            return alive.next().map_or(0, |_| now_ms + LOOK_AFTER_MS.0);
        }
        alive.map(|entry| self.shared.judge.gone_at_ms(&entry)).max().unwrap_or(0)
    }

    /// Drops the oldest segment, after what must outlive it was written elsewhere.
    pub(super) fn drop_oldest(&mut self) -> bool {
        let Some(oldest) = self.sealed.pop_front() else { return false };
        let bans = self.to_carry(oldest.bans.clone());
        if let Err(error) = self.write_bans(&bans) {
            tracing::warn!(%error, "disk: carry bans over");
            self.sealed.push_front(oldest);
            return false;
        }
        let number = oldest.segment.number;
        self.drop_segments(vec![oldest]);
        self.sealed.front().is_none_or(|front| front.segment.number != number)
    }

    fn write_bans(&mut self, bans: &[Ban]) -> io::Result<()> {
        if bans.is_empty() {
            return Ok(());
        }
        // Hints only save time; without them there is room for the bans.
        for sealed in &self.sealed {
            sealed.segment.remove_hint()?;
        }
        let mut bytes = Vec::new();
        bans.iter().for_each(|ban| (0..2).for_each(|_| put_ban_record(ban, &mut bytes)));
        let Some(active) = &mut self.active else { return Err(io::ErrorKind::NotFound.into()) };
        if active.segment.bytes() + bytes.len() as u64 > self.shared.segment_bytes {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if std::mem::take(&mut active.hinted) {
            active.segment.remove_hint()?;
        }
        active.segment.append(&bytes)?;
        if self.shared.durability == Durability::Power {
            // Their old copies are about to be deleted.
            active.segment.sync()?;
        }
        for ban in bans {
            active.contents.last_position = active.contents.last_position.max(ban.position);
            active.contents.ban(ban.clone());
        }
        Ok(())
    }
}
