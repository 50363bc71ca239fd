//! The tiers that a list is run with, and what it reaches.

use std::time::Duration;

use spence::{Clock, Error, PolicyLayer, Spence};
use tempfile::TempDir;

use crate::chaos::Chaos;
use crate::model::Model;

/// The tiers that a list is run with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setup {
    /// Memory alone.
    Memory,
    /// Disk alone.
    Disk,
    /// Memory over disk.
    Both,
    /// A memory too small for everything over a disk that fails one call in twenty, by this seed.
    /// What is lost then is a miss; nothing else may differ.
    Chaos(u64),
}

/// What a list has reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reached {
    /// Operations done.
    pub operations: u64,
    /// Fresh answers.
    pub hits: u64,
    /// Answers labelled stale.
    pub stale_hits: u64,
    /// Answers that there is nothing, known before.
    pub negative_hits: u64,
    /// Reads that nobody could answer.
    pub misses: u64,
    /// Calls of the origin.
    pub origin_calls: u64,
    /// Invalidations and expiries of many keys.
    pub bans: u64,
    /// Entries that memory dropped for room.
    pub evictions: u64,
    /// Failures of the disk.
    pub disk_errors: u64,
    /// Values that were lost, where they may be.
    pub lost: u64,
}

impl Reached {
    /// Adds another list's.
    pub fn add(&mut self, other: Self) {
        self.operations += other.operations;
        self.hits += other.hits;
        self.stale_hits += other.stale_hits;
        self.negative_hits += other.negative_hits;
        self.misses += other.misses;
        self.origin_calls += other.origin_calls;
        self.bans += other.bans;
        self.evictions += other.evictions;
        self.disk_errors += other.disk_errors;
        self.lost += other.lost;
    }
}

pub(crate) fn layer(short: bool) -> PolicyLayer {
    let ttl = if short { Model::SHORT_TTL } else { Model::LONG_TTL };
    PolicyLayer::new()
        .ttl(Duration::from_millis(ttl))
        .negative_ttl(Duration::from_millis(Model::NEGATIVE_TTL))
        .stale_while_revalidate(Duration::from_millis(Model::STALE_WHILE_REVALIDATE))
        .stale_if_error(Duration::from_millis(Model::STALE_IF_ERROR))
        .jitter(0.0)
        .error_backoff(Duration::ZERO)
}

pub(crate) async fn open(
    setup: Setup,
    dir: &TempDir,
    clock: &Clock,
    short: bool,
) -> Result<Spence, Error> {
    let builder = Spence::builder().clock(clock.clone()).policy("numbers", layer(short));
    let builder = match setup {
        Setup::Memory => builder,
        Setup::Disk => builder.no_memory().disk(dir.path(), 4_000_000),
        Setup::Both => builder.disk(dir.path(), 4_000_000),
        Setup::Chaos(seed) => {
            let builder = builder.max_entries(6).disk(dir.path(), 4_000_000);
            builder.device(Chaos::new(seed, 20))
        }
    };
    builder.build().await
}
