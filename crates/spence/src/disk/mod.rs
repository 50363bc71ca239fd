//! The disk tier: an append log in segments, with an index in memory.
//!
//! Everything is appended by one thread in the order in which it was accepted, and only the
//! oldest segment is ever dropped: any other might hold the tombstone that buries a record in an
//! older one. Checksums are verified on every read; what cannot be read is a miss. The formats
//! are described in docs/formats.md, the choice in docs/decisions/0003-disk-log.md.

pub(crate) mod bare;
pub(crate) mod device;
mod format;
pub mod fuzzed;
mod hasher;
mod hint;
mod inbox;
mod index;
mod log;
mod noop;
mod owner;
mod reader;
mod reclaim;
mod recover;
mod rotate;
mod scan;
mod segment;
mod shared;
#[cfg(feature = "shuttle")]
mod shelf;
mod stage;
mod usage;
mod writer;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

pub(crate) use log::{DiskLog, DiskOptions, MIN_BUDGET};
pub(crate) use noop::NoDisk;
#[cfg(feature = "shuttle")]
pub(crate) use shelf::Shelf;

use crate::ban::Ban;
use crate::clock::Clock;
use crate::envelope::StoredEntry;
use crate::error::{Error, ErrorKind};

/// How long a caller waits for its write; the write itself goes on.
pub(crate) const WRITE_DEADLINE: Duration = Duration::from_secs(5);

/// What accepted values and invalidations survive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Durability {
    /// The end of the process, however sudden. After a power cut, what the disk holds is served
    /// labelled unverified, since an invalidation may have been lost.
    #[default]
    Process,
    /// A power cut too: each batch of writes waits for the device (`fdatasync`).
    Power,
}

/// A read.
pub(crate) enum Reading<'a> {
    /// It could be answered at once.
    Done(Found),
    /// It waits for the device.
    Waits(Pin<Box<dyn Future<Output = Found> + Send + 'a>>),
}

impl Reading<'_> {
    /// What was found.
    pub(crate) async fn found(self) -> Found {
        match self {
            Reading::Done(found) => found,
            Reading::Waits(reading) => reading.await,
        }
    }
}

/// What a read finds.
#[derive(Debug)]
pub(crate) enum Found {
    Entry(Box<StoredEntry>),
    Nothing,
    /// The device failed, or took too long, or the record is damaged.
    Failed,
}

/// Something to be kept.
#[derive(Debug, Clone)]
pub(crate) enum Op {
    /// A value, or "nothing there".
    Put(Arc<StoredEntry>),
    /// Forget a key.
    Remove { namespace: Arc<str>, key: Arc<str>, seq: u64 },
    /// What is kept under a key is fresh until then at the latest.
    Expire { namespace: Arc<str>, key: Arc<str>, seq: u64, at_ms: u64 },
    /// A ban, for the next process; in this one the engine applies it.
    Ban(Ban),
}

/// A tier that keeps what this machine's memory cannot.
pub(crate) trait DiskStore: Send + Sync {
    /// Whether there is anything below memory, so that values need encoding at all.
    fn is_present(&self) -> bool;

    /// The newest entry accepted for a key. Bans are not applied.
    fn get<'a>(&'a self, namespace: &'a Arc<str>, key: &'a Arc<str>) -> Reading<'a>;

    /// Takes an operation in, to be kept in the order of acceptance. Readers see it at once.
    fn accept(&self, op: Op) -> Ack;

    /// What was stored up to this position may have been invalidated since, and the power cut that
    /// came after it have taken the news; 0 if nothing was lost.
    fn unverified_until(&self) -> u64;

    /// Bytes of all files.
    fn bytes(&self) -> u64;

    /// Bytes of the live records of a namespace.
    fn bytes_of(&self, namespace: &str) -> u64;

    /// Names of the namespaces of which records are kept.
    fn namespaces(&self) -> Vec<Arc<str>>;

    /// Counts the records for which `counts` holds, by looking at `most` of them at most: the
    /// number, and whether it is exact. Blocks.
    fn count(&self, most: usize, counts: &dyn Fn(&StoredEntry) -> bool) -> (u64, bool);

    /// Keys of which a value is kept.
    fn entries(&self) -> u64;

    /// The budget in bytes; 0 without a disk tier.
    fn budget(&self) -> u64;

    /// The most bytes of a value, before compression, that are sure to be taken; 0 without a disk
    /// tier.
    fn largest(&self) -> u64;

    /// How often the disk failed, or could not take or return a value.
    fn errors(&self) -> u64;

    /// How often reads were suspended, since too many in a row had failed.
    fn breaker_opened(&self) -> u64;

    /// Finishes what was accepted and lets go of the directory. Blocks; idempotent.
    fn close(&self);
}

/// Knows the policies, which the disk does not.
pub(crate) trait Judge: Send + Sync {
    /// The moment, in milliseconds of Unix time, before which nothing counts as gone, so that
    /// there is no sense in looking.
    fn settled_at_ms(&self) -> u64;

    /// The moment, in milliseconds of Unix time, from which on the policy in force does not let an
    /// entry be served at all.
    fn gone_at_ms(&self, entry: &StoredEntry) -> u64;
}

/// The promise that an accepted operation will be kept.
#[derive(Debug)]
pub(crate) struct Ack(State);

#[derive(Debug)]
enum State {
    Done(Result<(), Error>),
    Pending(oneshot::Receiver<Result<(), Error>>),
}

impl Ack {
    pub(crate) fn done() -> Self {
        Self(State::Done(Ok(())))
    }

    fn failed(error: Error) -> Self {
        Self(State::Done(Err(error)))
    }

    fn pending(result: oneshot::Receiver<Result<(), Error>>) -> Self {
        Self(State::Pending(result))
    }

    /// Waits until the operation would survive the end of this process, but no longer than a
    /// device may take that is not hung.
    pub(crate) async fn kept(self, clock: &Clock) -> Result<(), Error> {
        let result = match self.0 {
            State::Done(result) => return result,
            State::Pending(result) => result,
        };
        match clock.timeout(WRITE_DEADLINE, result).await {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(Error::new(ErrorKind::Storage, "the disk writer ended")),
            None => {
                let message = format!("disk tier: not recorded within {WRITE_DEADLINE:?}");
                Err(Error::new(ErrorKind::Storage, message))
            }
        }
    }
}
