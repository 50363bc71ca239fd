//! The disk tier's face: accepts work, answers reads, starts and stops the writer.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;

use super::device::Device;
use super::inbox::{Inbox, Known};
use super::index::Located;
use super::reader::{Read, Reader};
use super::recover;
use super::segment::Segment;
use super::shared::{Shared, entry_in};
use super::stage::largest_payload;
use super::writer::Writer;
use super::{Ack, DiskStore, Durability, Found, Judge, Op, Reading};
use crate::ban::Bans;
use crate::clock::Clock;
use crate::compress::Own;
use crate::envelope::StoredEntry;
use crate::error::{Error, ErrorKind};

/// The smallest disk budget, in bytes: a few segments of the smallest size.
pub(crate) const MIN_BUDGET: u64 = 4_000_000;
/// What the log needs of that; the rest may be for what is owed to a shared tier.
const LEAST_LOG_BYTES: u64 = MIN_BUDGET / 64 * 63;
const SEGMENTS_PER_BUDGET: u64 = 64;
const MIN_SEGMENT_BYTES: u64 = 1_000_000;
const MAX_SEGMENT_BYTES: u64 = 64_000_000;

/// How the disk tier is set up.
#[derive(Clone)]
pub(crate) struct DiskOptions {
    pub(crate) dir: PathBuf,
    /// Bytes of all files, at every instant.
    pub(crate) budget: u64,
    /// How long a read may take before it counts as a miss.
    pub(crate) deadline: Duration,
    /// Whether payloads that shrink are compressed.
    pub(crate) compress: bool,
    pub(crate) durability: Durability,
    pub(crate) device: Arc<dyn Device>,
}

/// The segmented log.
pub(crate) struct DiskLog {
    shared: Arc<Shared>,
    reader: Reader,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl DiskLog {
    /// Opens the directory, puts the bans found there in force, and returns the tier together with
    /// the last log position that an earlier process used. Blocks while it reads.
    pub(crate) fn open(
        options: DiskOptions,
        clock: &Clock,
        bans: &Arc<Bans>,
        judge: Box<dyn Judge>,
    ) -> Result<(Self, u64), Error> {
        let recovered = recover::open(&options)?;
        // What had to be widened to find room must be kept as widened.
        let widened: Vec<_> = recovered
            .bans
            .into_iter()
            .filter_map(|ban| Some(bans.add(ban.clone())).filter(|added| *added != ban))
            .collect();
        let segment_bytes =
            (options.budget / SEGMENTS_PER_BUDGET).clamp(MIN_SEGMENT_BYTES, MAX_SEGMENT_BYTES);
        let shared = Arc::new(Shared {
            dir: options.dir,
            budget: options.budget.max(LEAST_LOG_BYTES),
            segment_bytes,
            compress: options.compress,
            durability: options.durability,
            device: options.device,
            clock: clock.clone(),
            hasher: recovered.hasher,
            index: recovered.index,
            table: recovered.table,
            inbox: Inbox::new(),
            usage: Mutex::new(recovered.usage),
            bans: Arc::clone(bans),
            judge,
            unverified_until: recovered.unverified_until,
            total: recovered.total,
            errors: AtomicU64::new(0),
        });
        let writer =
            Writer::new(Arc::clone(&shared), recovered.owner, recovered.sealed, recovered.newest);
        let thread = std::thread::Builder::new()
            .name("spence-disk-write".into())
            .spawn(move || writer.run())
            .map_err(|error| {
                let message = format!("disk tier: start the writer thread: {error}");
                Error::with_source(ErrorKind::Storage, message, error)
            })?;
        let reader = Reader::new(clock.clone(), options.deadline);
        let log = Self { shared, reader, writer: Mutex::new(Some(thread)) };
        widened.into_iter().for_each(|ban| drop(log.accept(Op::Ban(ban))));
        Ok((log, recovered.last_position))
    }

    /// Where a key's newest entry lies; what is known of it without looking is the `Err`.
    fn locate(&self, wanted: Wanted<'_>) -> Result<Lying, Found> {
        let hash = self.shared.hasher.hash(wanted.namespace, wanted.key);
        let (floor, expired_at_ms) = match self.shared.inbox.known(hash) {
            Known::Nothing => return Err(Found::Nothing),
            Known::Entry(entry) => return Err(wanted.own((*entry).clone())),
            Known::Look { floor, expired_at_ms } => (floor, expired_at_ms),
        };
        let located = self.shared.index.read(hash).filter(|located| located.seq > floor);
        let located = located.ok_or(Found::Nothing)?;
        let segment = self.shared.table.get(located.place.segment()).ok_or(Found::Nothing)?;
        Ok(Lying { located, segment, expired_at_ms })
    }

    /// What a record says, if it could be read.
    fn found(&self, wanted: Wanted<'_>, lying: &Lying, record: &[u8], own: Own<'_>) -> Found {
        let Lying { located, expired_at_ms, .. } = *lying;
        let names = Some((wanted.namespace, wanted.key));
        let Some(mut entry) = entry_in(record, located, names, own) else {
            let same = |now: Located| now.seq == located.seq && now.place.is_at(located.place);
            if !self.shared.index.get(located.hash).is_some_and(same) {
                // It was replaced, or its segment dropped, while it was read.
                return Found::Nothing;
            }
            self.shared.errors.fetch_add(1, Ordering::Relaxed);
            return Found::Failed;
        };
        if let Some(at_ms) = expired_at_ms {
            entry.expire(at_ms);
        }
        wanted.own(entry)
    }
}

/// The key that is looked for.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    namespace: &'a Arc<str>,
    key: &'a Arc<str>,
}

/// Where its newest entry lies.
struct Lying {
    located: Located,
    segment: Arc<Segment>,
    /// It is fresh until then at the latest.
    expired_at_ms: Option<u64>,
}

impl Wanted<'_> {
    /// Another key of the same hash is nothing.
    fn own(self, entry: StoredEntry) -> Found {
        match entry.is(self.namespace, self.key) {
            true => Found::Entry(Box::new(entry)),
            false => Found::Nothing,
        }
    }
}

impl DiskStore for DiskLog {
    fn is_present(&self) -> bool {
        true
    }

    fn get<'a>(&'a self, namespace: &'a Arc<str>, key: &'a Arc<str>) -> Reading<'a> {
        let wanted = Wanted { namespace, key };
        let lying = match self.locate(wanted) {
            Ok(lying) => lying,
            Err(known) => return Reading::Done(known),
        };
        let found = |record: &[u8], own: Own<'_>| self.found(wanted, &lying, record, own);
        if let Some(found) = Reader::at_hand(&lying.segment, lying.located.place, found) {
            return Reading::Done(found);
        }
        Reading::Waits(Box::pin(async move {
            match self.reader.read(Arc::clone(&lying.segment), lying.located.place).await {
                Read::Record(record) => {
                    Reader::whole(record, |record, own| self.found(wanted, &lying, record, own))
                }
                // Of which nothing can be made.
                Read::Failed => self.found(wanted, &lying, &[], &Bytes::copy_from_slice),
                Read::NotAsked => Found::Failed,
            }
        }))
    }

    fn accept(&self, op: Op) -> Ack {
        let hash = match &op {
            Op::Put(entry) => self.shared.hasher.hash(&entry.namespace, &entry.key),
            Op::Remove { namespace, key, .. } | Op::Expire { namespace, key, .. } => {
                self.shared.hasher.hash(namespace, key)
            }
            Op::Ban(_) => 0,
        };
        self.shared.inbox.put(hash, op)
    }

    fn unverified_until(&self) -> u64 {
        self.shared.unverified_until
    }

    fn bytes(&self) -> u64 {
        self.shared.total.load(Ordering::Relaxed)
    }

    fn bytes_of(&self, namespace: &str) -> u64 {
        self.shared.usage.lock().of(namespace)
    }

    fn namespaces(&self) -> Vec<Arc<str>> {
        self.shared.usage.lock().namespaces()
    }

    fn count(&self, most: usize, counts: &dyn Fn(&StoredEntry) -> bool) -> (u64, bool) {
        let located = self.shared.index.all();
        let step = located.len().div_ceil(most.max(1)).max(1);
        let floor = self.shared.inbox.floor();
        let mut counted = 0;
        for located in located.iter().step_by(step).filter(|located| located.seq > floor) {
            let entry = self.shared.entry_at(*located);
            counted += u64::from(entry.is_some_and(|entry| counts(&entry)));
        }
        (counted * step as u64, step == 1)
    }

    fn entries(&self) -> u64 {
        self.shared.index.len() as u64
    }

    fn budget(&self) -> u64 {
        self.shared.budget
    }

    fn largest(&self) -> u64 {
        largest_payload(self.shared.segment_bytes) as u64
    }

    fn errors(&self) -> u64 {
        self.shared.errors.load(Ordering::Relaxed) + self.shared.inbox.overflows()
    }

    fn breaker_opened(&self) -> u64 {
        self.reader.times_opened()
    }

    fn close(&self) {
        self.shared.inbox.close();
        if let Some(writer) = self.writer.lock().take()
            && writer.join().is_err()
        {
            tracing::error!("the disk writer panicked");
        }
    }
}

impl Drop for DiskLog {
    fn drop(&mut self) {
        self.close();
    }
}
