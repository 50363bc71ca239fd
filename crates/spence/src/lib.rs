//! A cache for what is expensive to get: memory, then disk, then the origin, with a written
//! correctness contract.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), spence::Error> {
//! use spence::{Cache, Fill, Source, Spence};
//! # let dir = tempfile::tempdir().unwrap();
//! # let dir = dir.path();
//!
//! let spence = Spence::builder().memory(100_000_000).disk(dir, 1_000_000_000).build().await?;
//! let bars: Cache<(String, u32), Vec<f64>> = spence.cache("bars").schema(1).build()?;
//!
//! let key = ("AAPL".to_owned(), 3);
//! let fetch = |_| async { Ok::<_, std::io::Error>(Fill::new(vec![187.2, 188.1, 189.5]).tags(["AAPL"])) };
//! let first = bars.get_or_fetch(&key, fetch).await?;
//! assert_eq!(first.source(), Source::Origin);
//! let again = bars.get_or_fetch(&key, fetch).await?;
//! assert_eq!(again.source(), Source::Memory);
//! assert_eq!(again[2], 189.5);
//!
//! spence.invalidate_tag("AAPL").await?;
//! assert!(bars.get(&key).await.is_none());
//! # spence.close().await;
//! # Ok(()) }
//! ```
//!
//! What it promises, in short (the numbers are those of the contract in ARCHITECTURE.md):
//!
//! - A read that starts after `invalidate` returned never sees an older value (C1), and nothing
//!   that was under way brings one back (C2), across memory, disk and a killed process.
//! - A tier that fails is a miss, never your error (C5).
//! - Callers of one key share one fill, which no caller's cancellation can stop (C7).
//! - Freshness is counted from the origin's answer (C9), stale values say so (C10), budgets are in
//!   bytes (C12), another schema's values are misses (C13), "not found" is remembered only when
//!   the origin said so (C14), and policies can change under live data (C15).

mod ban;
mod batch;
mod builder;
mod cache;
mod cache_builder;
mod cached;
mod calendar;
mod clock;
mod codec;
mod compress;
mod disk;
mod engine;
mod entry;
mod envelope;
mod error;
mod events;
mod explain;
mod fetch;
mod fill;
mod flight;
mod install;
mod invalidate;
mod kept;
pub mod key;
mod lifetime;
mod log;
mod lookup;
mod memory;
mod namespace;
mod outcome;
mod pilot;
mod policy;
mod resilience;
mod spawn;
mod spence;
mod stats;
mod stripe;
mod sweep;
mod sync;
mod tally;

pub use batch::{Batch, Fills};
pub use builder::SpenceBuilder;
pub use cache::Cache;
pub use cache_builder::{ByFn, ByWeigh, CacheBuilder, MemoryOnly, Stored, Storing, Weighing};
pub use cached::Cached;
pub use calendar::{Calendar, Phase};
pub use clock::{Clock, Hands, Stopwatch};
pub use codec::{Codec, Postcard, Raw};
pub use disk::Durability;
pub use error::{Error, ErrorKind};
pub use events::{Event, Happening, Listener};
pub use explain::{Explanation, Holding, Reach};
pub use fill::{Fill, FillCx, MAX_TAG_BYTES, MAX_TAGS, MAX_VALIDATOR_BYTES};
pub use invalidate::Target;
pub use key::{Key, KeyPart, MAX_KEY_BYTES};
pub use memory::Eviction;
pub use memory::weigh::{Weigh, allocation};
pub use namespace::{MAX_NAMESPACE_BYTES, MAX_NAMESPACES, check_namespace};
pub use outcome::{Freshness, MissCause, Scope, Source, StaleReason};
pub use policy::{Policy, PolicyLayer, Setting, StaleUse, Ttl};
pub use spawn::{Spawner, Task, TokioSpawner};
pub use spence::Spence;
pub use stats::{CacheStats, Snapshot};
pub use tally::LastMiss;

/// What tests stand in for parts of the engine. May change with any version.
#[doc(hidden)]
pub mod unstable {
    pub use crate::disk::bare::{BareAck, BareStore};
    pub use crate::disk::device::Device;
}
