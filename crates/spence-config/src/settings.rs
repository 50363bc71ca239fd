//! Validated settings, and how the sources become them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use spence::{PolicyLayer, Spence, SpenceBuilder, StaleUse, Ttl};
use spence_calendar::ExchangeCalendar;

use crate::load::ConfigError;
use crate::model::{
    Compression, Disk, Durability, Eviction, Layer, Market, Memory, PolicyFields, Server,
    StaleField,
};
use crate::providers::{ProviderSettings, base_url};
use crate::redis::RedisSettings;
use crate::secret::Secret;
use crate::units::{Size, Span};
use crate::values::TtlField;

/// Every setting with its default, and what it means.
pub const DEFAULTS: &str = include_str!("defaults.yaml");

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
    /// The shared tier; `None` without one.
    pub redis: Option<RedisSettings>,
    /// The HTTP service.
    pub server: ServerSettings,
    /// The market data provider.
    pub market: MarketSettings,
    /// Further providers of data, in the order in which they are asked.
    pub providers: Vec<ProviderSettings>,
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
    /// What goes first when it is full.
    pub eviction: Eviction,
    /// The most entries, beside the budget.
    pub max_entries: Option<u64>,
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
    /// What accepted values survive.
    pub durability: Durability,
    /// A read that takes longer is a miss.
    pub deadline: Duration,
}

/// The HTTP service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSettings {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// What requests must carry, if anything.
    pub token: Option<Secret>,
    /// Origins, as in `https://charts.example`, whose pages may call the service.
    pub allow_origins: Vec<String>,
    /// The largest request body, in bytes.
    pub max_body: u64,
    /// Requests a second that one address may make, if they are limited.
    pub rate_limit: Option<NonZeroU32>,
}

/// The market data provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarketSettings {
    /// Base URL without a slash at the end; `None` for the built-in demo feed.
    pub base_url: Option<String>,
    /// The provider's key.
    pub api_key: Option<Secret>,
    /// Calls a minute at most.
    pub calls_per_minute: Option<NonZeroU32>,
    /// Calls a day (of UTC) at most.
    pub max_calls_per_day: Option<NonZeroU32>,
    /// Whether what is asked for every day is fetched as soon as it is final.
    pub refresh_ahead: bool,
}

/// The provider that is used when only a key is given.
pub(crate) const DEFAULT_PROVIDER: &str = "https://api.massive.com";
/// The smallest budgets that make sense.
const MIN_MEMORY: Size = Size(64 << 10);
const MIN_DISK: Size = Size(4_000_000);
const MIN_BODY: Size = Size(1_000);

impl Sources {
    /// Merges the sources and checks the result.
    ///
    /// # Errors
    /// What is wrong, where, and what was expected.
    pub fn resolve(self) -> Result<Settings, ConfigError> {
        let mut merged = Layer::default();
        for (_, layer) in self.layers()? {
            merged = merged.over(layer);
        }
        Settings::try_from(merged)
    }

    /// The sources as layers with what they are called, the nearest first.
    pub(crate) fn layers(self) -> Result<Vec<(String, Layer)>, ConfigError> {
        let defaults = Layer::from_yaml(DEFAULTS, "built-in defaults")?;
        let mut file = self.file.unwrap_or_default();
        let known = file.clone().over(defaults.clone());
        let mut layers = Vec::new();
        let mut known = known;
        if let Some(name) = self.profile {
            let profile = file.profiles.remove(&name).ok_or_else(|| {
                let known: Vec<_> = file.profiles.keys().map(String::as_str).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                ConfigError::new(format!("profile {name:?} is not in the file; it has: {known}"))
            })?;
            known = profile.clone().over(known);
            layers.push((format!("profile {name}"), profile));
        }
        layers.push(("file".to_owned(), file));
        layers.push(("built-in".to_owned(), defaults));
        let environment = Layer::from_environment(self.environment, &known)?;
        layers.insert(0, ("environment".to_owned(), environment));
        layers.insert(0, ("command line".to_owned(), self.flags));
        Ok(layers)
    }
}

impl Settings {
    /// An engine with these settings, ready to be built.
    #[must_use]
    pub fn engine(&self) -> SpenceBuilder {
        let mut builder = Spence::builder().defaults(self.defaults.clone());
        builder = match &self.memory {
            Some(memory) => {
                let eviction = match memory.eviction {
                    Eviction::S3fifo => spence::Eviction::S3Fifo,
                    Eviction::Lru => spence::Eviction::Lru,
                };
                let builder = builder.memory(memory.budget).eviction(eviction);
                match memory.max_entries {
                    Some(most) => builder.max_entries(most),
                    None => builder,
                }
            }
            None => builder.no_memory(),
        };
        if let Some(disk) = &self.disk {
            let compress = disk.compression == Compression::Lz4;
            let durability = match disk.durability {
                Durability::Process => spence::Durability::Process,
                Durability::Power => spence::Durability::Power,
            };
            builder = builder.disk(&disk.dir, disk.budget).disk_deadline(disk.deadline);
            builder = builder.durability(durability);
            builder = if compress { builder } else { builder.no_compression() };
        }
        if let Some(redis) = &self.redis {
            builder = builder.redis(redis.tier());
        }
        for calendar in ExchangeCalendar::all() {
            builder = builder.calendar(calendar.mic(), calendar);
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
        let Layer {
            memory,
            disk,
            redis,
            server,
            market,
            providers,
            defaults,
            policies,
            profiles: _,
        } = layer;
        check_policies(&policies)?;
        let memory = memory_settings(memory)?;
        check_memory_budgets(memory.as_ref(), &defaults, &policies)?;
        Ok(Self {
            memory,
            disk: disk_settings(disk)?,
            redis: RedisSettings::of(redis)?,
            server: server_settings(server)?,
            market: market_settings(market)?,
            providers: ProviderSettings::all(providers)?,
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
    let eviction = required("memory.eviction", memory.eviction)?;
    if memory.max_entries == Some(0) {
        return Err(ConfigError::new("memory.max_entries: 0, expected at least 1"));
    }
    let max_entries = memory.max_entries;
    Ok(enabled.then_some(MemorySettings { budget, eviction, max_entries }))
}

fn disk_settings(disk: Disk) -> Result<Option<DiskSettings>, ConfigError> {
    let budget = at_least("disk.budget", required("disk.budget", disk.budget)?, MIN_DISK)?;
    let settings = DiskSettings {
        dir: directory(required("disk.dir", disk.dir)?)?,
        budget,
        compression: required("disk.compression", disk.compression)?,
        durability: required("disk.durability", disk.durability)?,
        deadline: required("disk.deadline", disk.deadline)?.0,
    };
    Ok(required("disk.enabled", disk.enabled)?.then_some(settings))
}

fn server_settings(server: Server) -> Result<ServerSettings, ConfigError> {
    let listen = required("server.listen", server.listen)?.0;
    let token = not_empty("server.token", server.token.map(|token| token.0))?;
    if token.is_none() && !listen.ip().is_loopback() {
        return Err(ConfigError::new(format!(
            "server.listen: {listen} is not a loopback address such as 127.0.0.1:8321; to serve \
             other machines, set server.token"
        )));
    }
    let fine = |token: &String| token.bytes().all(|byte| byte.is_ascii_graphic());
    if token.as_ref().is_some_and(|token| !fine(token)) {
        return Err(ConfigError::new("server.token: expected printable ASCII without spaces"));
    }
    let allow_origins = server.allow_origins.unwrap_or_default();
    for origin in &allow_origins {
        let host = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        if host.is_none_or(|host| host.is_empty() || host.contains(['/', '*', ' '])) {
            return Err(ConfigError::new(format!(
                "server.allow_origins: `{origin}` is not an origin such as https://charts.example"
            )));
        }
    }
    let max_body =
        at_least("server.max_body", required("server.max_body", server.max_body)?, MIN_BODY)?;
    let (token, rate_limit) = (token.map(Secret::new), server.rate_limit);
    Ok(ServerSettings { listen, token, allow_origins, max_body, rate_limit })
}

fn market_settings(market: Market) -> Result<MarketSettings, ConfigError> {
    let (calls_per_minute, max_calls_per_day) = (market.calls_per_minute, market.max_calls_per_day);
    let api_key = not_empty("market.api_key", market.api_key.map(|key| key.0))?.map(Secret::new);
    let usual = || api_key.as_ref().map(|_| DEFAULT_PROVIDER.to_owned());
    let base_url = base_url("market.base_url", market.base_url)?.or_else(usual);
    let refresh_ahead = required("market.refresh_ahead", market.refresh_ahead)?;
    Ok(MarketSettings { base_url, api_key, calls_per_minute, max_calls_per_day, refresh_ahead })
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
    layer.eager_refresh = fields.eager_refresh.map(|beta| beta.0);
    layer.stale_while_revalidate = span(fields.stale_while_revalidate);
    layer.stale_if_error = span(fields.stale_if_error);
    layer.stale = fields.stale.map(|stale| match stale {
        StaleField::WithinGrace => StaleUse::WithinGrace,
        StaleField::Never => StaleUse::Never,
    });
    layer.verified_only = fields.verified_only;
    layer.no_store = fields.no_store;
    layer.soft_deadline = span(fields.soft_deadline);
    layer.hard_deadline = span(fields.hard_deadline);
    layer.error_backoff = span(fields.error_backoff);
    layer.error_backoff_max = span(fields.error_backoff_max);
    layer.calendar = fields.calendar.map(|calendar| Some(calendar.0.mic().into()));
    layer.compress = fields.compression.map(|how| how == Compression::Lz4);
    layer.memory_budget = fields.memory_budget.map(|size| Some(size.0));
    layer
}

/// A text that is set to nothing is a mistake, such as a variable of a script that was never set.
pub(crate) fn not_empty(name: &str, text: Option<String>) -> Result<Option<String>, ConfigError> {
    match text {
        Some(text) if text.trim().is_empty() => Err(ConfigError::new(format!(
            "{name}: is empty; give it a value, or leave it out (null)"
        ))),
        text => Ok(text),
    }
}

fn directory(dir: PathBuf) -> Result<PathBuf, ConfigError> {
    match dir.as_os_str().is_empty() {
        true => Err(ConfigError::new("disk.dir: is empty; name a directory")),
        false => Ok(dir),
    }
}

/// What caches have for themselves must fit, with something left for the others.
fn check_memory_budgets(
    memory: Option<&MemorySettings>,
    defaults: &PolicyFields,
    policies: &BTreeMap<String, PolicyFields>,
) -> Result<(), ConfigError> {
    if defaults.memory_budget.is_some() {
        let message =
            "defaults.memory_budget: is for single policies; all caches share memory.budget";
        return Err(ConfigError::new(message));
    }
    let mut taken = MIN_MEMORY.0;
    for (name, policy) in policies {
        let Some(budget) = policy.memory_budget else { continue };
        let name = format!("policies.{name}.memory_budget");
        taken = taken.saturating_add(at_least(&name, budget, MIN_MEMORY)?);
        if let Some(memory) = memory
            && taken > memory.budget
        {
            return Err(ConfigError::new(format!(
                "{name}: {} bytes; with {} for the others, such budgets come to {taken}, more than \
                 memory.budget ({})",
                budget.0, MIN_MEMORY.0, memory.budget
            )));
        }
    }
    Ok(())
}

/// Each policy is for the cache of its name, so the name must be one.
fn check_policies(policies: &BTreeMap<String, PolicyFields>) -> Result<(), ConfigError> {
    for name in policies.keys() {
        spence::check_namespace(name)
            .map_err(|error| ConfigError::new(format!("policies: {error}")))?;
        let alike = |other: &&String| *other != name && other.eq_ignore_ascii_case(name);
        if let Some(other) = policies.keys().find(alike) {
            return Err(ConfigError::new(format!(
                "policies: {name:?} and {other:?} differ in case only; names of caches are \
                 case-sensitive, so one of them is a mistake"
            )));
        }
    }
    Ok(())
}

/// The built-in defaults set every field, so only an explicit `null` gets here.
pub(crate) fn required<T>(name: &str, value: Option<T>) -> Result<T, ConfigError> {
    value.ok_or_else(|| ConfigError::new(format!("{name}: must have a value")))
}

fn at_least(name: &str, size: Size, least: Size) -> Result<u64, ConfigError> {
    if size < least {
        let (size, least) = (size.0, least.0);
        return Err(ConfigError::new(format!("{name}: {size} bytes, expected at least {least}")));
    }
    Ok(size.0)
}
