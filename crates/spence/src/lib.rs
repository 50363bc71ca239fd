//! A cache for what is expensive to get: memory, then disk, then a Redis that nodes share, then the
//! origin, with a written correctness contract.
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
//! - Nodes that share a tier ([`SpenceBuilder::redis`]) follow each other's invalidations within
//!   `max_lag`, or say that they may not have (C3); an invalidation says how far it reached (C4).
//! - A tier that fails is a miss, never your error (C5).
//! - Callers of one key share one fill, on all nodes, which no caller's cancellation can stop (C7).
//! - Freshness is counted from the origin's answer (C9), stale values say so (C10), budgets are in
//!   bytes (C12), another schema's values are misses (C13), "not found" is remembered only when
//!   the origin said so (C14), and policies can change under live data (C15).

mod ban;
mod batch;
mod blocking;
mod builder;
mod cache;
mod cache_builder;
mod cached;
mod calendar;
mod caller;
mod clock;
mod codec;
mod compress;
mod covers;
mod disk;
mod eager;
mod engine;
mod entry;
mod envelope;
mod error;
mod events;
mod explain;
mod failures;
mod fetch;
mod fill;
mod fills;
mod flight;
#[cfg(all(test, feature = "loom"))]
mod flight_model;
mod give_way;
mod global;
mod heard;
mod install;
mod invalidate;
mod kept;
pub mod key;
mod lifetime;
mod log;
mod lookup;
#[doc(hidden)]
pub mod macros;
mod memory;
mod namespace;
mod outcome;
mod pilot;
mod policy;
mod private;
mod promote;
mod redis;
mod refuse;
mod resilience;
mod share;
mod spawn;
mod spence;
mod stats;
mod stripe;
mod sweep;
mod sync;
mod tags_seen;
mod tally;
mod to_the_end;
mod together;

pub use batch::Batch;
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
pub use fills::Fills;
pub use invalidate::Target;
pub use key::{Key, KeyPart, MAX_KEY_BYTES};
pub use memory::Eviction;
pub use memory::weigh::{Weigh, allocation};
pub use namespace::{MAX_NAMESPACE_BYTES, MAX_NAMESPACES, check_namespace};
pub use outcome::{Freshness, MissCause, Scope, Source, StaleReason};
pub use policy::{Policy, PolicyLayer, Setting, StaleUse, Ttl};
pub use private::PrivateKey;
pub use redis::Redis;
pub use spawn::{Spawner, Task, TokioSpawner};
pub use spence::Spence;
/// Keeps the results of a function in a cache.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), spence::Error> {
/// use spence::{Error, Spence};
///
/// #[spence::cached(cache = "features", key = "{symbol}:{window}", tags = ["{symbol}"], ttl = "5m")]
/// async fn volatility(symbol: &str, window: u32) -> Result<f64, Error> {
///     // Stands for something slow.
///     Ok(symbol.len() as f64 / f64::from(window))
/// }
///
/// let spence = Spence::builder().build().await?;
/// spence.set_global()?;
///
/// assert_eq!(volatility("AAPL", 20).await?, 0.2); // called
/// assert_eq!(volatility("AAPL", 20).await?, 0.2); // from memory
/// let hit = volatility::cached("AAPL", 20).await?; // with what is known about it
/// assert_eq!(hit.source(), spence::Source::Memory);
///
/// volatility::invalidate("AAPL", 20).await?;
/// spence.invalidate_tag("AAPL").await?;
/// assert_eq!(volatility::key("AAPL", 20), "AAPL:20");
/// assert_eq!(volatility::uncached("AAPL", 20).await?, 0.2);
/// # Ok(()) }
/// ```
///
/// The function stays as it looks: async or not, free or a method, and returns `Result<V, E>` with
/// `V: Clone` and `E: From<spence::Error>`. `Result<Option<V>, E>` keeps `V`, and `None` is "nothing
/// there". A function that is not async waits on its thread; build the engine with
/// [`SpenceBuilder::build_blocking`] in a program without a runtime.
///
/// Beside it stand `name::cached`, `name::key`, `name::uncached` and `name::invalidate`, with the
/// same arguments; those of a method are methods `name_cached` and so on.
///
/// | setting | what | default |
/// |---|---|---|
/// | `cache = "name"` | the cache of this name on the process's engine ([`Spence::set_global`]), which belongs to this function alone | one of the two must be |
/// | `cache = expression` | this `Cache<String, V>`, such as `self.prices` or an argument's | |
/// | `key = "{a}:{b.c}"` | the key's text; `:` and `%` in one of several placeholders are escaped | all arguments, joined by `:`; a method must give it |
/// | `key = expression` | the key, into a `String` | |
/// | `tags = ["..", ..]` | tags, with placeholders | none |
/// | `ttl`, `negative_ttl`, `stale_while_revalidate`, `stale_if_error` `= "5m"` | over the policy of a named cache | the policy's |
/// | `schema = 2` | of a named cache, see [`CacheBuilder::schema`] | 0 |
/// | `memory_only` | a named cache whose values need no codec | stored by postcard |
/// | `associated` | says that a function without `self` and `Self` stands in an `impl` | |
///
/// Arguments are cloned for the fill if they are references. Generic functions are refused.
pub use spence_macros::cached;
pub use stats::{CacheStats, RedisStats, Snapshot};
pub use tally::LastMiss;

/// What tests stand in for parts of the engine. May change with any version.
#[doc(hidden)]
pub mod unstable {
    pub use crate::clock::{clock_ahead, monotonic_nanos};
    pub use crate::disk::bare::{BareAck, BareStore};
    pub use crate::disk::device::Device;
    pub use crate::disk::fuzzed;
    pub use crate::redis::redis_scripts;
}
