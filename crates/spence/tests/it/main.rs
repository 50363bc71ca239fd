//! The engine as its users call it, one module for each part of the contract.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod bans;
mod batch;
mod cached;
mod cluster;
mod crash;
mod device;
mod disk;
mod eager;
mod explain;
mod extend;
mod fills;
mod fleets;
mod formats;
mod freshness;
mod gathered;
mod give_way;
mod history;
mod leases;
mod lifts;
mod memory;
mod model;
mod notes;
mod power;
mod reclaim;
mod residence;
mod shared_stale;
mod soak;
mod startup;
mod stats;
mod tiers;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use spence::{Cache, Cached, Clock, Error, Fill, Hands, PolicyLayer, Spence};

/// An engine on a clock that the test moves, and an origin that counts its calls.
struct Bench {
    spence: Spence,
    hands: Arc<Hands>,
    origin: Origin,
}

/// Answers with a number that counts up, so that every answer tells when it was given.
#[derive(Clone, Default)]
struct Origin {
    calls: Arc<AtomicU32>,
}

/// The cache that most tests use.
type Numbers = Cache<String, u32>;

impl Bench {
    /// Memory only.
    async fn in_memory() -> Self {
        let (clock, hands) = Clock::manual();
        let spence = Spence::builder().clock(clock).build().await.unwrap();
        Self { spence, hands, origin: Origin::default() }
    }

    /// Memory and disk.
    async fn on_disk(dir: &std::path::Path) -> Self {
        let (clock, hands) = Clock::manual();
        let builder = Spence::builder().clock(clock).disk(dir, 64_000_000);
        Self { spence: builder.build().await.unwrap(), hands, origin: Origin::default() }
    }

    /// Fresh for a minute, no jitter, an hour of grace.
    fn numbers(&self) -> Numbers {
        let minute = Duration::from_secs(60);
        let layer = PolicyLayer::new().ttl(minute).jitter(0.0).stale_if_error(60 * minute);
        self.spence.cache("numbers").settings(layer).build().unwrap()
    }

    fn advance(&self, seconds: u64) {
        self.hands.advance(Duration::from_secs(seconds));
    }

    async fn close(self) {
        self.spence.check_invariants().unwrap();
        self.spence.close().await;
    }
}

impl Origin {
    fn calls(&self) -> u32 {
        self.calls.load(Ordering::SeqCst)
    }

    /// Reads through the cache; the n-th call of the origin answers n.
    async fn read(&self, cache: &Numbers, key: &str) -> Result<Cached<u32>, Error> {
        let calls = Arc::clone(&self.calls);
        let fill = |_| async move {
            Ok::<_, Error>(Fill::new(calls.fetch_add(1, Ordering::SeqCst) + 1).tags(["all"]))
        };
        cache.get_or_fetch(&key.to_owned(), fill).await
    }

    /// Reads through the cache; the origin fails.
    async fn fail(&self, cache: &Numbers, key: &str) -> Result<Cached<u32>, Error> {
        let calls = Arc::clone(&self.calls);
        let fill = |_| async move {
            calls.fetch_add(1, Ordering::SeqCst);
            Err::<Fill<u32>, _>(std::io::Error::other("origin is down"))
        };
        cache.get_or_fetch(&key.to_owned(), fill).await
    }
}
