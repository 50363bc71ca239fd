//! One segment file, and the table of those that are open.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::RwLock;

use super::device::Device;

/// Room that is left in each segment for the bans of those that are dropped when it is begun.
pub(super) const CARRIED_BYTES: usize = 128 << 10;
/// Budget that is left free for the beginning of a segment while older ones are still there,
/// beside what is carried over of their records.
pub(super) const SPARE_BYTES: u64 = 256 << 10;

/// A segment file. Its bytes count against the budget until the last reader has let go of it,
/// since an unlinked file that is still open takes its space.
pub(super) struct Segment {
    pub(super) number: u64,
    /// Where the segment stands in the table; reused after it is dropped.
    pub(super) slot: u16,
    path: PathBuf,
    file: File,
    device: Arc<dyn Device>,
    /// Bytes of the file, header included.
    bytes: AtomicU64,
    /// Whether something was appended since it was last synced.
    dirty: AtomicBool,
    /// Bytes of its hint file.
    hint_bytes: AtomicU64,
    /// Bytes of all files of the directory.
    total: Arc<AtomicU64>,
}

impl Segment {
    /// Creates or opens the file `path`, of which the first `bytes` are in use.
    pub(super) fn open(
        path: PathBuf,
        number: u64,
        slot: u16,
        bytes: u64,
        device: &Arc<dyn Device>,
        total: &Arc<AtomicU64>,
    ) -> io::Result<Self> {
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
        file.set_len(bytes)?;
        total.fetch_add(bytes, Ordering::Relaxed);
        Ok(Self {
            number,
            slot,
            path,
            file,
            device: Arc::clone(device),
            bytes: AtomicU64::new(bytes),
            // An earlier process may have left something unsynced.
            dirty: AtomicBool::new(true),
            hint_bytes: AtomicU64::new(0),
            total: Arc::clone(total),
        })
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Bytes of the file and its hint.
    pub(super) fn total_bytes(&self) -> u64 {
        self.bytes() + self.hint_bytes.load(Ordering::Relaxed)
    }

    /// Appends; only the writer thread does. After an error the file is as long as before.
    pub(super) fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let end = self.bytes();
        if let Err(error) = self.device.write(&self.file, bytes, end) {
            self.file.set_len(end)?;
            return Err(error);
        }
        self.dirty.store(true, Ordering::Release);
        self.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        self.total.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    /// Waits until what was appended has reached the device.
    pub(super) fn sync(&self) -> io::Result<()> {
        if self.dirty.load(Ordering::Acquire) {
            self.device.sync(&self.file)?;
            // Only the writer thread appends and syncs, so nothing came in between.
            self.dirty.store(false, Ordering::Release);
        }
        Ok(())
    }

    /// Says how large the hint file is, now that it has been written (or removed: 0).
    pub(super) fn set_hint_bytes(&self, bytes: u64) {
        let before = self.hint_bytes.swap(bytes, Ordering::Relaxed);
        self.total.fetch_add(bytes, Ordering::Relaxed);
        self.total.fetch_sub(before, Ordering::Relaxed);
    }

    pub(super) fn hint_path(&self) -> PathBuf {
        self.path.with_extension("hint")
    }

    /// Reads without waiting for the device; the number of bytes that were at hand.
    pub(super) fn read_nowait(&self, buffer: &mut [u8], offset: usize) -> io::Result<usize> {
        self.device.read_at_hand(&self.file, buffer, offset as u64)
    }

    /// Reads, however long it takes.
    pub(super) fn read(&self, buffer: &mut [u8], offset: usize) -> io::Result<()> {
        self.device.read(&self.file, buffer, offset as u64)
    }

    /// Deletes the hint file, if there is one.
    pub(super) fn remove_hint(&self) -> io::Result<()> {
        match self.device.remove(&self.hint_path()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => self.set_hint_bytes(0),
        }
        Ok(())
    }

    /// Deletes the file and its hint. Readers that hold the segment may finish.
    pub(super) fn unlink(&self) -> io::Result<()> {
        self.remove_hint()?;
        self.device.remove(&self.path)
    }
}

impl std::fmt::Debug for Segment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Segment").field("number", &self.number).finish_non_exhaustive()
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        self.total.fetch_sub(self.total_bytes(), Ordering::Relaxed);
    }
}

/// The path of segment `number`.
pub(super) fn segment_path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:016x}.seg"))
}

/// The number of a segment file's path.
pub(super) fn segment_number(path: &Path) -> Option<u64> {
    let stem = path.file_stem()?.to_str()?;
    let hex = path.extension()? == "seg" && stem.len() == 16;
    hex.then(|| u64::from_str_radix(stem, 16).ok()).flatten()
}

/// The segments that the index can point at.
#[derive(Debug, Default)]
pub(super) struct SegmentTable(RwLock<Vec<Option<Arc<Segment>>>>);

impl SegmentTable {
    pub(super) fn get(&self, slot: u16) -> Option<Arc<Segment>> {
        self.0.read().get(usize::from(slot))?.clone()
    }

    /// The lowest slot that is free; `None` when 65,536 segments are open.
    pub(super) fn free_slot(&self) -> Option<u16> {
        let table = self.0.read();
        let free = table.iter().position(Option::is_none).unwrap_or(table.len());
        u16::try_from(free).ok()
    }

    pub(super) fn put(&self, segment: Arc<Segment>) {
        let mut table = self.0.write();
        let slot = usize::from(segment.slot);
        if table.len() <= slot {
            table.resize(slot + 1, None);
        }
        if let Some(place) = table.get_mut(slot) {
            *place = Some(segment);
        }
    }

    pub(super) fn take(&self, slot: u16) -> Option<Arc<Segment>> {
        self.0.write().get_mut(usize::from(slot))?.take()
    }
}
