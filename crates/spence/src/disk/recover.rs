//! Opening a directory: who owns it, what its segments hold, which record of a key is the newest.
//!
//! Segments are read oldest first, from their hints where these are sound. Of the records of a
//! key the highest `seq` counts, whatever its place, and a tombstone buries everything lower.

use std::collections::{HashMap, VecDeque};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use bytes::Bytes;

use super::device::Device;
use super::format::{SEGMENT_HEADER_BYTES, SEGMENT_VERSION, SegmentHeader};
use super::hasher::StoredHasher;
use super::hint::{self, Contents, Listed};
use super::index::{Index, Located, Place, Raised, SHARDS, shard_of};
use super::log::DiskOptions;
use super::owner::Owner;
use super::scan::scan;
use super::segment::{Segment, SegmentTable, segment_number};
use super::usage::Usage;
use crate::ban::Ban;
use crate::envelope::RecordKind;
use crate::error::{Error, ErrorKind};
use crate::key::Identity;

/// A segment with the bans in it, which outlive it.
#[derive(Debug)]
pub(super) struct Sealed {
    pub(super) segment: Arc<Segment>,
    pub(super) bans: Vec<Ban>,
    /// When it is worth looking whether it still holds anything that may be served, in
    /// milliseconds of Unix time.
    pub(super) look_at_ms: u64,
}

impl Sealed {
    pub(super) fn new(segment: Arc<Segment>, bans: Vec<Ban>) -> Self {
        Self { segment, bans, look_at_ms: 0 }
    }
}

/// What an opened directory holds.
pub(super) struct Recovered {
    pub(super) owner: Owner,
    pub(super) hasher: StoredHasher,
    pub(super) index: Index,
    pub(super) table: SegmentTable,
    pub(super) usage: Usage,
    /// Oldest first.
    pub(super) sealed: VecDeque<Sealed>,
    /// The newest segment, with what it holds; to be continued.
    pub(super) newest: Option<(Arc<Segment>, Contents)>,
    pub(super) bans: Vec<Ban>,
    pub(super) last_position: u64,
    /// What was stored up to here may have been invalidated by something that was lost.
    pub(super) unverified_until: u64,
    /// Bytes of all files.
    pub(super) total: Arc<AtomicU64>,
}

/// Takes the directory over and reads what is in it. Changes nothing if a segment is of a newer
/// format.
pub(super) fn open(options: &DiskOptions) -> Result<Recovered, Error> {
    let DiskOptions { dir, durability, device, .. } = options;
    let failed = |what: &str, error: io::Error| {
        let message = format!("disk directory {}: {what}: {error}", dir.display());
        Error::with_source(ErrorKind::Storage, message, error)
    };
    if dir.as_os_str().is_empty() {
        // The lock would stand in the working directory.
        return Err(Error::invalid("disk directory: is empty"));
    }
    fs::create_dir_all(dir).map_err(|e| failed("create", e))?;
    let owner = Owner::take(dir)?;
    let files = segment_files(dir).map_err(|e| failed("list", e))?;
    let headers = read_headers(dir, &files)?;
    let hash_key = headers.first().map(|header| header.hash_key);
    let hasher = owner.hasher(hash_key);
    remove_unfinished(dir).map_err(|e| failed("remove an unfinished hint", e))?;

    let mut recovered = Recovered {
        owner,
        hasher,
        index: Index::new(),
        table: SegmentTable::default(),
        usage: Usage::default(),
        sealed: VecDeque::new(),
        newest: None,
        bans: Vec::new(),
        last_position: 0,
        unverified_until: 0,
        total: Arc::default(),
    };
    let mut graves = Graves::default();
    let mut room = Room::default();
    let newest = files.last().map(|(number, _)| *number);
    for (number, path) in files {
        let (segment, mut contents) = recovered
            .load(path, number, device, &mut room)
            .map_err(|e| failed(&format!("segment {number}"), e))?;
        recovered.apply(&segment, &contents, &mut graves);
        recovered.bans.extend(contents.bans.iter().cloned());
        recovered.last_position = recovered.last_position.max(contents.last_position);
        if Some(number) == newest {
            // It is continued, and its list stays in memory.
            contents.records.shrink_to_fit();
            recovered.newest = Some((segment, contents));
        } else {
            room.records = contents.records;
            recovered.sealed.push_back(Sealed::new(segment, contents.bans));
        }
    }
    let last = recovered.last_position;
    let begun = recovered.owner.begin(hasher, last, *durability);
    recovered.unverified_until = begun.map_err(|e| failed("write LOCK", e))?;
    Ok(recovered)
}

/// Room that is used again for each hint: blocks of that size that come and go are not given back
/// by the allocator.
#[derive(Default)]
struct Room {
    bytes: Vec<u8>,
    records: Vec<Listed>,
}

/// The position of the newest tombstone of each buried key.
type Graves = HashMap<u64, u64, Identity>;

impl Recovered {
    fn load(
        &self,
        path: PathBuf,
        number: u64,
        device: &Arc<dyn Device>,
        room: &mut Room,
    ) -> io::Result<(Arc<Segment>, Contents)> {
        let slot = self.table.free_slot().ok_or_else(|| io::Error::other("too many segments"))?;
        let bytes = fs::metadata(&path)?.len();
        let hint_path = path.with_extension("hint");
        let open = |bytes| Segment::open(path.clone(), number, slot, bytes, device, &self.total);
        let (segment, contents) =
            match hint::read(&hint_path, number, bytes, &mut room.bytes, &mut room.records) {
                Some(contents) => {
                    let segment = open(bytes)?;
                    segment.set_hint_bytes(fs::metadata(&hint_path)?.len());
                    (segment, contents)
                }
                None => {
                    let scan = scan(&Bytes::from(fs::read(&path)?), self.hasher);
                    match fs::remove_file(&hint_path) {
                        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                        _ => (open(scan.end as u64)?, scan.contents),
                    }
                }
            };
        let segment = Arc::new(segment);
        self.table.put(Arc::clone(&segment));
        Ok((segment, contents))
    }

    fn apply(&mut self, segment: &Segment, contents: &Contents, graves: &mut Graves) {
        // Bytes of live records in this segment, by position in `contents.namespaces`.
        let mut live = vec![0; contents.namespaces.len()];
        // Shard by shard: one fits into the processor's own memory, all of them do not.
        let records = (0..SHARDS).flat_map(|shard| {
            contents.records.iter().filter(move |listed| shard_of(listed.hash) == shard)
        });
        for &listed in records {
            let Some(live) = live.get_mut(listed.namespace()) else { continue };
            let Raised::Newest { before } = self.take_in(segment.slot, listed, graves) else {
                continue;
            };
            if listed.kind() == Some(RecordKind::Entry) {
                *live += listed.length();
            }
            let Some(Located { place, .. }) = before else { continue };
            if place.segment() == segment.slot {
                // The namespace of a damaged record is not known.
                *live = live.saturating_sub(place.length());
            } else if let Some(older) = self.table.get(place.segment())
                && let Some(namespace) = contents.namespaces.get(listed.namespace())
            {
                self.usage.subtract(older.number, namespace, place.length());
            }
        }
        let live = contents.namespaces.iter().zip(live);
        for (namespace, bytes) in live.filter(|(_, bytes)| *bytes > 0) {
            self.usage.add(segment.number, namespace, bytes);
        }
    }

    /// Lets a record count, if it is the newest of its key so far.
    fn take_in(&mut self, slot: u16, listed: Listed, graves: &mut Graves) -> Raised {
        let Listed { hash, seq, .. } = listed;
        if graves.get(&hash).is_some_and(|buried| seq <= *buried) {
            return Raised::Older;
        }
        match listed.kind() {
            Some(RecordKind::Entry) => {
                let place = Place::new(slot, listed.offset(), listed.length());
                self.index.raise(Located { hash, seq, place })
            }
            Some(RecordKind::Tombstone) => {
                if self.index.get(hash).is_some_and(|known| seq <= known.seq) {
                    return Raised::Older;
                }
                graves.insert(hash, seq);
                Raised::Newest { before: self.index.remove(hash) }
            }
            Some(RecordKind::Ban) | None => Raised::Older,
        }
    }
}

/// Segment files by number, but for those that were not even begun.
fn segment_files(dir: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if let Some(number) = segment_number(&path)
            && fs::metadata(&path)?.len() >= SEGMENT_HEADER_BYTES as u64
        {
            files.push((number, path));
        }
    }
    files.sort_unstable();
    Ok(files)
}

fn remove_unfinished(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "tmp") {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// The undamaged headers; an error if one is of a newer format.
fn read_headers(dir: &Path, files: &[(u64, PathBuf)]) -> Result<Vec<SegmentHeader>, Error> {
    let mut headers = Vec::new();
    for (_, path) in files {
        let mut bytes = [0; SEGMENT_HEADER_BYTES];
        let read = File::open(path).and_then(|mut file| file.read_exact(&mut bytes));
        let Some(header) = read.ok().and_then(|()| SegmentHeader::decode(&bytes)) else { continue };
        if header.version > SEGMENT_VERSION {
            return Err(Error::new(
                ErrorKind::Storage,
                format!(
                    "disk directory {}: written by a newer version of spence (segment format {}, \
                     this one reads up to {SEGMENT_VERSION}); nothing was changed",
                    dir.display(),
                    header.version
                ),
            ));
        }
        headers.push(header);
    }
    Ok(headers)
}
