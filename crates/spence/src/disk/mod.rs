//! The disk tier: an append log in segments, with an index in memory.
//!
//! Everything is appended by one thread in the order in which it was accepted, and only the
//! oldest segment is ever dropped: any other might hold the tombstone that buries a record in an
//! older one. Checksums are verified on every read; what cannot be read is a miss. The formats
//! are described in docs/formats.md, the choice in docs/decisions/0003-disk-log.md.

mod format;
mod hint;
mod inbox;
mod index;
mod log;
mod noop;
mod owner;
mod reader;
mod recover;
mod rotate;
mod scan;
mod segment;
mod shared;
mod usage;
mod writer;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::oneshot;

pub(crate) use log::{DiskLog, DiskOptions, MIN_BUDGET};
pub(crate) use noop::NoDisk;

use crate::ban::Ban;
use crate::envelope::StoredEntry;
use crate::error::{Error, ErrorKind};

/// A read under way.
pub(crate) type Reading<'a> = Pin<Box<dyn Future<Output = Option<StoredEntry>> + Send + 'a>>;

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

    /// The newest entry accepted for a key. Any failure is a miss. Bans are not applied.
    fn get<'a>(&'a self, namespace: &'a str, key: &'a str) -> Reading<'a>;

    /// Takes an operation in, to be kept in the order of acceptance. Readers see it at once.
    fn accept(&self, op: Op) -> Ack;

    /// Bytes of all files.
    fn bytes(&self) -> u64;

    /// Bytes of the live records of a namespace.
    fn bytes_of(&self, namespace: &str) -> u64;

    /// Keys of which a value is kept.
    fn entries(&self) -> u64;

    /// The budget in bytes; 0 without a disk tier.
    fn budget(&self) -> u64;

    /// How often the disk failed, or could not take or return a value.
    fn errors(&self) -> u64;

    /// Finishes what was accepted and lets go of the directory. Blocks; idempotent.
    fn close(&self);
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

    /// Waits until the operation would survive the end of this process.
    pub(crate) async fn kept(self) -> Result<(), Error> {
        match self.0 {
            State::Done(result) => result,
            State::Pending(result) => result
                .await
                .unwrap_or_else(|_| Err(Error::new(ErrorKind::Storage, "the disk writer ended"))),
        }
    }
}
