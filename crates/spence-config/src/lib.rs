//! From `spence.yaml`, the environment and flags to validated settings.
//!
//! Every source is a [`Layer`] of optional fields; layers are merged field by field in the order
//! defaults, file, profile, environment, flags. What is wrong is refused with the place and what
//! was expected: for a file the line and a caret.
//!
//! ```
//! use spence_config::{Layer, Sources};
//!
//! let file = "memory: { budget: 200MB }\npolicies: { features: { ttl: 10m } }";
//! let sources = Sources { file: Some(Layer::from_yaml(file, "spence.yaml")?), ..Sources::default() };
//! let settings = sources.resolve()?;
//! assert_eq!(settings.memory.unwrap().budget, 200_000_000);
//! assert!(settings.disk.is_some());
//! # Ok::<_, spence_config::ConfigError>(())
//! ```

mod environment;
mod explain;
mod import;
mod load;
mod model;
mod providers;
mod redis;
mod restart;
mod secret;
mod settings;
mod units;
mod values;

pub use environment::PREFIX;
pub use explain::Explained;
pub use import::import;
pub use load::ConfigError;
pub use model::{
    Compression, Disk, Durability, Eviction, Layer, Market, Memory, PolicyFields, ProviderFields,
    Redis, Server, StaleField,
};
pub use providers::{ProviderKind, ProviderSettings, SeriesNames};
pub use redis::RedisSettings;
pub use secret::Secret;
pub use settings::{
    DEFAULTS, DiskSettings, MarketSettings, MemorySettings, ServerSettings, Settings, Sources,
};
pub use units::{Size, Span};
pub use values::{Address, Beta, Fraction, Hidden, TtlField};
