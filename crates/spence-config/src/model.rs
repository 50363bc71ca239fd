//! The shape of `spence.yaml`: every field optional, so that any source can be a layer.
//!
//! Each section rejects fields that it does not know. A setting that this version cannot honour is
//! rejected too, never ignored.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::PathBuf;

use serde::Deserialize;

use crate::explain::{Leaves, Shown};
use crate::providers::{ProviderKind, SeriesNames};
use crate::units::{Size, Span};
use crate::values::{Address, Beta, CalendarField, Fraction, Hidden, TtlField};

macro_rules! sections {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: Option<$type>,)*
        }

        impl $name {
            /// This layer where it says something, `below` where it does not.
            #[must_use]
            pub fn over(self, below: Self) -> Self {
                Self { $($field: self.$field.or(below.$field),)* }
            }

            /// The settings that have a value here, by name, as people write them.
            pub(crate) fn leaves(&self, section: &str, out: &mut Leaves) {
                $(if let Some(value) = &self.$field {
                    out.insert(format!("{section}.{}", stringify!($field)), value.shown());
                })*
            }

            /// The names of all settings.
            pub const FIELDS: &[&str] = &[$(stringify!($field)),*];
        }
    )*};
}

sections! {
    /// The memory tier.
    Memory {
        /// Whether there is one.
        enabled: bool,
        /// Bytes of memory, keys and bookkeeping included.
        budget: Size,
        /// What goes first when it is full.
        eviction: Eviction,
        /// The most entries, beside the budget.
        max_entries: u64,
    }

    /// The disk tier.
    Disk {
        /// Whether there is one.
        enabled: bool,
        /// The directory, which belongs to one process at a time.
        dir: PathBuf,
        /// Bytes of all files, at every instant.
        budget: Size,
        /// How values are compressed.
        compression: Compression,
        /// What accepted values survive.
        durability: Durability,
        /// A read that takes longer is a miss.
        deadline: Span,
    }

    /// The shared tier.
    Redis {
        /// The server that nodes share; none: this one is alone.
        url: Hidden,
        /// A file with the certificates (PEM) of the authorities to trust for TLS; none: the
        /// system's.
        ca: PathBuf,
        /// What every key begins with.
        prefix: String,
        /// A call that takes longer is a miss.
        deadline: Span,
        /// What is held is unverified if this node is further behind the others than that.
        max_lag: Span,
        /// How long a node that has died keeps others from filling a key.
        lease: Span,
        /// Which part of the hits in memory is compared with what the server has.
        shadow: f64,
    }

    /// The HTTP service.
    Server {
        /// The address to listen on; loopback only unless there is a token.
        listen: Address,
        /// What requests must carry as `Authorization: Bearer`.
        token: Hidden,
        /// Origins whose pages may call the service from a browser.
        allow_origins: Vec<String>,
        /// The largest request body.
        max_body: Size,
        /// Requests a second that one address may make.
        rate_limit: NonZeroU32,
    }

    /// The market data provider.
    Market {
        /// Base URL of a Massive/Polygon-compatible API.
        base_url: String,
        /// Its key.
        api_key: Hidden,
        /// Calls a minute at most, with this key.
        calls_per_minute: NonZeroU32,
        /// Calls a day (of UTC) at most, with this key.
        max_calls_per_day: NonZeroU32,
        /// Whether what is asked for every day is fetched as soon as it is final.
        refresh_ahead: bool,
    }

    /// A provider of data beside the one of `market`.
    ProviderFields {
        /// How it speaks.
        kind: ProviderKind,
        /// Where it is, if not where everybody finds it.
        base_url: String,
        /// Its key.
        api_key: Hidden,
        /// Calls a minute at most, with this key.
        calls_per_minute: NonZeroU32,
        /// Calls a day (of UTC) at most, with this key.
        max_calls_per_day: NonZeroU32,
        /// The types of data that it serves; all it can, if they are not named.
        types: Vec<String>,
        /// Who is asked first: the lowest.
        order: u64,
        /// Of FRED: the series that types are taken from, if not from the usual ones.
        series: SeriesNames,
    }

    /// A policy, or the defaults of all.
    PolicyFields {
        /// How long a value is fresh.
        ttl: TtlField,
        /// How long "the origin has nothing" is believed.
        negative_ttl: Span,
        /// By up to which fraction a time to live is shortened.
        jitter: Fraction,
        /// How eagerly what is about to expire is refreshed: the beta of XFetch.
        eager_refresh: Beta,
        /// How long past its freshness a value is served while a fill fetches the next.
        stale_while_revalidate: Span,
        /// How long past its freshness a value may stand in for a failing origin.
        stale_if_error: Span,
        /// Whether values may be served past their freshness at all.
        stale: StaleField,
        /// Whether only values are served of which no invalidation can have been lost.
        verified_only: bool,
        /// Whether nothing is kept.
        no_store: bool,
        /// How long a caller waits for a fill if a stale value may be served instead.
        soft_deadline: Span,
        /// How long a fill may take.
        hard_deadline: Span,
        /// How long a failing origin is left alone at first.
        error_backoff: Span,
        /// How long it is left alone at most.
        error_backoff_max: Span,
        /// The market calendar of session times to live.
        calendar: CalendarField,
        /// How values are compressed on disk, if `disk.compression` compresses at all.
        compression: Compression,
        /// Bytes of memory that the cache has for itself.
        memory_budget: Size,
    }
}

/// A whole configuration, or a part of one.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Layer {
    /// The memory tier.
    pub memory: Memory,
    /// The disk tier.
    pub disk: Disk,
    /// The shared tier.
    pub redis: Redis,
    /// The HTTP service.
    pub server: Server,
    /// The market data provider.
    pub market: Market,
    /// Further providers of data, by name.
    pub providers: BTreeMap<String, ProviderFields>,
    /// The layer under all policies.
    pub defaults: PolicyFields,
    /// Policies by name.
    pub policies: BTreeMap<String, PolicyFields>,
    /// Layers to be chosen by name; a layer in here has none of its own.
    pub profiles: BTreeMap<String, Layer>,
}

impl Layer {
    /// This layer where it says something, `below` where it does not.
    #[must_use]
    pub fn over(self, below: Self) -> Self {
        let mut policies = below.policies;
        for (name, fields) in self.policies {
            let under = policies.remove(&name).unwrap_or_default();
            policies.insert(name, fields.over(under));
        }
        let mut providers = below.providers;
        for (name, fields) in self.providers {
            let under = providers.remove(&name).unwrap_or_default();
            providers.insert(name, fields.over(under));
        }
        let mut profiles = below.profiles;
        profiles.extend(self.profiles);
        Self {
            memory: self.memory.over(below.memory),
            disk: self.disk.over(below.disk),
            redis: self.redis.over(below.redis),
            server: self.server.over(below.server),
            market: self.market.over(below.market),
            providers,
            defaults: self.defaults.over(below.defaults),
            policies,
            profiles,
        }
    }
}

/// What goes first when memory is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Eviction {
    /// What was used once goes before what was used again.
    S3fifo,
    /// What was used longest ago goes first.
    Lru,
}

/// How values are compressed on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// LZ4 blocks.
    Lz4,
    /// Not at all.
    None,
}

/// What accepted values survive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// The end of the process, however sudden.
    Process,
    /// A power cut too.
    Power,
}

/// Whether values may be served past their freshness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum StaleField {
    /// For as long as `stale_while_revalidate` and `stale_if_error` say.
    #[serde(rename = "within grace")]
    WithinGrace,
    /// Never.
    #[serde(rename = "never")]
    Never,
}
