//! Validated settings, and how the sources become them.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use spence::{PolicyLayer, Spence, SpenceBuilder, Ttl};

use crate::load::ConfigError;
use crate::model::{Compression, Disk, Layer, Market, Memory, PolicyFields, Server, TtlField};
use crate::units::{Size, Span};

const DEFAULTS: &str = include_str!("defaults.yaml");

/// Where settings come from, lowest first: built-in defaults, file, profile, environment, flags.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The configuration file.
    pub file: Option<Layer>,
    /// The name of a profile in it.
    pub profile: Option<String>,
    /// Environment variables; only those named `SPENCE__...` count.
    pub environment: Vec<(String, String)>,
    /// What the command line says.
    pub flags: Layer,
}

/// All settings, each within its limits.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The memory tier; `None` when it is off.
    pub memory: Option<MemorySettings>,
    /// The disk tier; `None` when it is off.
    pub disk: Option<DiskSettings>,
    /// The HTTP service.
    pub server: ServerSettings,
    /// The market data provider.
    pub market: MarketSettings,
    /// The layer under all policies.
    pub defaults: PolicyLayer,
    /// Policies by name.
    pub policies: BTreeMap<String, PolicyLayer>,
}

/// The memory tier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemorySettings {
    /// Bytes.
    pub budget: u64,
}

/// The disk tier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskSettings {
    /// The directory.
    pub dir: PathBuf,
    /// Bytes.
    pub budget: u64,
    /// How values are compressed.
    pub compression: Compression,
    /// A read that takes longer is a miss.
    pub deadline: Duration,
}

/// The HTTP service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSettings {
    /// The address to listen on.
    pub listen: SocketAddr,
}

/// The market data provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarketSettings {
    /// Base URL without a slash at the end; `None` for the built-in demo feed.
    pub base_url: Option<String>,
    /// The provider's key.
    pub api_key: Option<Secret>,
}

/// A text that is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps `text` from being shown.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, to be sent to where it belongs.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// The provider that is used when only a key is given.
const DEFAULT_PROVIDER: &str = "https://api.massive.com";
/// The smallest budgets that make sense.
const MIN_MEMORY: Size = Size(64 << 10);
const MIN_DISK: Size = Size(4_000_000);

impl Sources {
    /// Merges the sources and checks the result.
    ///
    /// # Errors
    /// What is wrong, where, and what was expected.
    pub fn resolve(self) -> Result<Settings, ConfigError> {
        let defaults = Layer::from_yaml(DEFAULTS, "built-in defaults")?;
        let mut file = self.file.unwrap_or_default().over(defaults);
        if let Some(name) = self.profile {
            let profile = file.profiles.remove(&name).ok_or_else(|| {
                let known: Vec<_> = file.profiles.keys().map(String::as_str).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                ConfigError::new(format!("profile {name:?} is not in the file; it has: {known}"))
            })?;
            file = profile.over(file);
        }
        let environment = Layer::from_environment(self.environment, &file)?;
        Settings::try_from(self.flags.over(environment).over(file))
    }
}

impl Settings {
    /// An engine with these settings, ready to be built.
    #[must_use]
    pub fn engine(&self) -> SpenceBuilder {
        let mut builder = Spence::builder().defaults(self.defaults.clone());
        builder = match &self.memory {
            Some(memory) => builder.memory(memory.budget),
            None => builder.no_memory(),
        };
        if let Some(disk) = &self.disk {
            let compress = disk.compression == Compression::Lz4;
            builder = builder.disk(&disk.dir, disk.budget).disk_deadline(disk.deadline);
            builder = if compress { builder } else { builder.no_compression() };
        }
        for (name, layer) in &self.policies {
            builder = builder.policy(name, layer.clone());
        }
        builder
    }
}

impl TryFrom<Layer> for Settings {
    type Error = ConfigError;

    fn try_from(layer: Layer) -> Result<Self, ConfigError> {
        let Layer { memory, disk, redis: _, server, market, defaults, policies, profiles: _ } =
            layer;
        Ok(Self {
            memory: memory_settings(memory)?,
            disk: disk_settings(disk)?,
            server: server_settings(&server)?,
            market: market_settings(market)?,
            defaults: policy_layer(defaults),
            policies: policies
                .into_iter()
                .map(|(name, fields)| (name, policy_layer(fields)))
                .collect(),
        })
    }
}

fn memory_settings(memory: Memory) -> Result<Option<MemorySettings>, ConfigError> {
    let budget = at_least("memory.budget", required("memory.budget", memory.budget)?, MIN_MEMORY)?;
    let enabled = required("memory.enabled", memory.enabled)?;
    Ok(enabled.then_some(MemorySettings { budget }))
}

fn disk_settings(disk: Disk) -> Result<Option<DiskSettings>, ConfigError> {
    let budget = at_least("disk.budget", required("disk.budget", disk.budget)?, MIN_DISK)?;
    let settings = DiskSettings {
        dir: required("disk.dir", disk.dir)?,
        budget,
        compression: required("disk.compression", disk.compression)?,
        deadline: required("disk.deadline", disk.deadline)?.0,
    };
    Ok(required("disk.enabled", disk.enabled)?.then_some(settings))
}

fn server_settings(server: &Server) -> Result<ServerSettings, ConfigError> {
    let listen = required("server.listen", server.listen)?.0;
    if !listen.ip().is_loopback() {
        return Err(ConfigError::new(format!(
            "server.listen: {listen} is not a loopback address such as 127.0.0.1:8321; this \
             version has no access control, so it serves its own machine only"
        )));
    }
    Ok(ServerSettings { listen })
}

fn market_settings(market: Market) -> Result<MarketSettings, ConfigError> {
    let not_empty = |text: &String| !text.trim().is_empty();
    let api_key = market.api_key.filter(not_empty).map(Secret::new);
    let base_url = match market.base_url.filter(not_empty) {
        Some(url) if url.starts_with("http://") || url.starts_with("https://") => {
            Some(url.trim_end_matches('/').to_owned())
        }
        Some(url) => {
            return Err(ConfigError::new(format!(
                "market.base_url: `{url}` does not begin with http:// or https://"
            )));
        }
        None => api_key.as_ref().map(|_| DEFAULT_PROVIDER.to_owned()),
    };
    Ok(MarketSettings { base_url, api_key })
}

fn policy_layer(fields: PolicyFields) -> PolicyLayer {
    let span = |span: Option<Span>| span.map(|span| span.0);
    let mut layer = PolicyLayer::new();
    layer.ttl = fields.ttl.map(|ttl| match ttl {
        TtlField::Always(ttl) => Ttl::Always(ttl),
        TtlField::BySession { open, closed } => Ttl::BySession { open, closed },
    });
    layer.negative_ttl = span(fields.negative_ttl);
    layer.jitter = fields.jitter.map(|fraction| fraction.0);
    layer.stale_if_error = span(fields.stale_if_error);
    layer.hard_deadline = span(fields.hard_deadline);
    layer.error_backoff = span(fields.error_backoff);
    layer.error_backoff_max = span(fields.error_backoff_max);
    layer.calendar = fields.calendar.map(|name| Some(name.into()));
    layer
}

/// The built-in defaults set every field, so only an explicit `null` gets here.
fn required<T>(name: &str, value: Option<T>) -> Result<T, ConfigError> {
    value.ok_or_else(|| ConfigError::new(format!("{name}: must have a value")))
}

fn at_least(name: &str, size: Size, least: Size) -> Result<u64, ConfigError> {
    if size < least {
        let (size, least) = (size.0, least.0);
        return Err(ConfigError::new(format!("{name}: {size} bytes, expected at least {least}")));
    }
    Ok(size.0)
}
