//! The disk tier by itself, for benches and fuzzing: no memory, no flights, no policies.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::device::Files;
use super::{Ack, DiskLog, DiskOptions, DiskStore, Durability, Found, Judge, Op};
use crate::ban::Bans;
use crate::clock::Clock;
use crate::envelope::{CodecId, StoredEntry, Validator};
use crate::error::Error;
use crate::log::Log;

const NAMESPACE: &str = "bare";

/// A disk tier of one namespace.
pub struct BareStore {
    log: DiskLog,
    positions: Log,
    clock: Clock,
    namespace: Arc<str>,
}

/// Nothing is ever gone.
struct Forever;

impl Judge for Forever {
    fn settled_at_ms(&self) -> u64 {
        u64::MAX
    }

    fn gone_at_ms(&self, _entry: &StoredEntry) -> u64 {
        u64::MAX
    }
}

impl BareStore {
    /// Opens `dir` with a budget of so many bytes; values are not compressed. Blocks.
    ///
    /// # Errors
    /// As for `SpenceBuilder::build`.
    pub fn open(dir: &Path, budget: u64) -> Result<Self, Error> {
        let options = DiskOptions {
            dir: dir.into(),
            budget,
            deadline: Duration::from_secs(5),
            compress: false,
            durability: Durability::Process,
            device: Arc::new(Files),
        };
        let clock = Clock::system();
        let bans = Arc::new(Bans::default());
        let (log, last) = DiskLog::open(options, &clock, &bans, Box::new(Forever))?;
        Ok(Self { log, positions: Log::after(last), clock, namespace: NAMESPACE.into() })
    }

    /// Puts a value in; it is readable at once, and kept when the answer has been waited for.
    #[must_use]
    pub fn put(&self, key: &str, payload: Bytes) -> BareAck {
        let seq = self.positions.next();
        let ack = self.log.accept(Op::Put(Arc::new(StoredEntry {
            epoch: 0,
            namespace: Arc::clone(&self.namespace),
            fingerprint: 0,
            key: key.into(),
            seq,
            as_of: seq,
            born_ms: self.clock.unix_ms(),
            ttl_ms: None,
            expired_at_ms: None,
            negative: false,
            tags: Box::default(),
            fetch_micros: 0,
            cost_micro_usd: 0,
            validator: Validator::None,
            codec: CodecId { id: 0, version: 1 },
            compress: false,
            payload,
        })));
        BareAck(ack, self.clock.clone())
    }

    /// The value under `key`.
    pub async fn get(&self, key: &str) -> Option<Bytes> {
        match self.log.get(&self.namespace, &key.into()).found().await {
            Found::Entry(entry) => Some(entry.payload),
            Found::Nothing | Found::Failed => None,
        }
    }

    /// Bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.log.bytes()
    }

    /// Keys of which a value is kept.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.log.entries()
    }

    /// Finishes what was put in. Blocks.
    pub fn close(&self) {
        self.log.close();
    }
}

/// The promise that a value will be kept.
#[derive(Debug)]
pub struct BareAck(Ack, Clock);

impl BareAck {
    /// Waits until it would survive the end of this process.
    ///
    /// # Errors
    /// `Storage` when it could not be kept.
    pub async fn kept(self) -> Result<(), Error> {
        self.0.kept(&self.1).await
    }
}
