//! What the threads of the disk tier share, and what both readers and the writer make of a record.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use bytes::Bytes;
use parking_lot::Mutex;

use super::device::Device;
use super::format::{RECORD_HEADER_BYTES, RecordHeader};
use super::hasher::StoredHasher;
use super::inbox::Inbox;
use super::index::{Index, Located};
use super::segment::SegmentTable;
use super::usage::Usage;
use super::{Durability, Judge};
use crate::ban::{Bans, Verdict};
use crate::clock::Clock;
use crate::compress::Own;
use crate::envelope::{self, StoredEntry};

/// What the threads of the tier share.
pub(super) struct Shared {
    pub(super) dir: PathBuf,
    pub(super) budget: u64,
    pub(super) segment_bytes: u64,
    pub(super) compress: bool,
    pub(super) durability: Durability,
    pub(super) device: Arc<dyn Device>,
    pub(super) clock: Clock,
    pub(super) hasher: StoredHasher,
    pub(super) index: Index,
    pub(super) table: SegmentTable,
    pub(super) inbox: Inbox,
    pub(super) usage: Mutex<Usage>,
    pub(super) bans: Arc<Bans>,
    pub(super) judge: Box<dyn Judge>,
    /// What was stored up to here may have been invalidated by something that was lost.
    pub(super) unverified_until: u64,
    pub(super) total: Arc<AtomicU64>,
    pub(super) errors: AtomicU64,
}

impl Shared {
    /// Reads an entry, however long it takes.
    pub(super) fn entry_at(&self, located: Located) -> Option<StoredEntry> {
        self.record_at(located).map(|(_, entry)| entry)
    }

    /// As [`Shared::entry_at`], with the bytes of its record.
    pub(super) fn record_at(&self, located: Located) -> Option<(Bytes, StoredEntry)> {
        let segment = self.table.get(located.place.segment())?;
        let mut record = vec![0; located.place.length()];
        segment.read(&mut record, located.place.offset()).ok()?;
        let record = Bytes::from(record);
        let entry = entry_in(&record, located, None, &|payload| record.slice_ref(payload))?;
        Some((record, entry))
    }

    /// Takes a record that the index does not point at any more out of the usage.
    pub(super) fn subtract(&self, usage: &mut Usage, located: Option<Located>, namespace: &str) {
        let Some(place) = located.map(|located| located.place) else { return };
        if let Some(segment) = self.table.get(place.segment()) {
            usage.subtract(segment.number, namespace, place.length());
        }
    }

    /// Whether an entry is dead under a ban.
    pub(super) fn is_dead(&self, entry: &StoredEntry) -> bool {
        let tags = entry.tags.iter().map(|tag| &**tag);
        let verdict =
            self.bans.verdict(&entry.namespace, || (&*entry.key).into(), tags, entry.as_of);
        matches!(verdict, Verdict::Dead { .. })
    }
}

/// The entry in a record, if it is undamaged and the one that was looked for. `names` are shared if
/// they are its; `own` makes a payload of its own.
pub(super) fn entry_in(
    record: &[u8],
    located: Located,
    names: Option<(&Arc<str>, &Arc<str>)>,
    own: Own<'_>,
) -> Option<StoredEntry> {
    let header = RecordHeader::decode(record)?;
    let body_end = RECORD_HEADER_BYTES.checked_add(header.body_bytes)?;
    if header.seq != located.seq || header.hash != located.hash {
        return None;
    }
    let entry = envelope::entry(record.get(RECORD_HEADER_BYTES..body_end)?, names, own)?;
    (entry.seq == located.seq).then_some(entry)
}
