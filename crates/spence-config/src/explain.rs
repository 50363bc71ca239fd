//! Which setting comes from where.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::PathBuf;

use crate::load::ConfigError;
use crate::model::{
    Compression, Disk, Durability, Eviction, Layer, Market, Memory, PolicyFields, Redis, Server,
    StaleField,
};
use crate::providers::{ProviderKind, SeriesNames};
use crate::settings::Sources;
use crate::units::{Size, Span};
use crate::values::{Address, Beta, CalendarField, Fraction, Hidden, TtlField};

/// Settings by name, with their values in words.
pub(crate) type Leaves = BTreeMap<String, String>;

/// A setting in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// Its name, such as `policies.OHLCV.ttl`.
    pub name: String,
    /// Its value, as one writes it.
    pub value: String,
    /// `command line`, `environment`, `profile NAME`, `file` or `built-in`; for what a policy does
    /// not say itself, `defaults` and where these have it from.
    pub from: String,
}

impl Sources {
    /// Every setting, and where it comes from; of `defaults` and policies those that have a value.
    ///
    /// # Errors
    /// As for [`Sources::resolve`].
    pub fn explain(self) -> Result<Vec<Explained>, ConfigError> {
        self.clone().resolve()?;
        let mut found: BTreeMap<String, (String, String)> = BTreeMap::new();
        let mut policies = std::collections::BTreeSet::new();
        for (from, layer) in self.layers()? {
            policies.extend(layer.policies.keys().cloned());
            for (name, value) in layer.leaves() {
                found.entry(name).or_insert_with(|| (value, from.clone()));
            }
        }
        let sections = [
            ("memory", Memory::FIELDS),
            ("disk", Disk::FIELDS),
            ("redis", Redis::FIELDS),
            ("server", Server::FIELDS),
            ("market", Market::FIELDS),
        ];
        for (section, fields) in sections {
            for field in fields {
                let none = || ("null".to_owned(), "built-in".to_owned());
                found.entry(format!("{section}.{field}")).or_insert_with(none);
            }
        }
        for policy in policies {
            for field in PolicyFields::FIELDS {
                let inherited = found.get(&format!("defaults.{field}")).cloned();
                if let Some((value, from)) = inherited {
                    let name = format!("policies.{policy}.{field}");
                    found.entry(name).or_insert((value, format!("defaults: {from}")));
                }
            }
        }
        let explained = |(name, (value, from))| Explained { name, value, from };
        Ok(found.into_iter().map(explained).collect())
    }
}

impl Layer {
    fn leaves(&self) -> Leaves {
        let mut leaves = Leaves::new();
        self.memory.leaves("memory", &mut leaves);
        self.disk.leaves("disk", &mut leaves);
        self.redis.leaves("redis", &mut leaves);
        self.server.leaves("server", &mut leaves);
        self.market.leaves("market", &mut leaves);
        for (name, provider) in &self.providers {
            provider.leaves(&format!("providers.{name}"), &mut leaves);
        }
        self.defaults.leaves("defaults", &mut leaves);
        for (name, policy) in &self.policies {
            policy.leaves(&format!("policies.{name}"), &mut leaves);
        }
        leaves
    }
}

/// A value as one writes it.
pub(crate) trait Shown {
    fn shown(&self) -> String;
}

macro_rules! by_display {
    ($($type:ty),*) => {$(
        impl Shown for $type {
            fn shown(&self) -> String {
                self.to_string()
            }
        }
    )*};
}

by_display!(bool, u64, NonZeroU32, String);

macro_rules! by_word {
    ($($type:ty),*) => {$(
        impl Shown for $type {
            fn shown(&self) -> String {
                format!("{self:?}").to_lowercase()
            }
        }
    )*};
}

by_word!(Eviction, Compression, Durability, ProviderKind);

impl Shown for StaleField {
    fn shown(&self) -> String {
        match self {
            StaleField::WithinGrace => "within grace".to_owned(),
            StaleField::Never => "never".to_owned(),
        }
    }
}

impl Shown for Hidden {
    fn shown(&self) -> String {
        "(hidden)".to_owned()
    }
}

impl Shown for PathBuf {
    fn shown(&self) -> String {
        self.display().to_string()
    }
}

impl Shown for Address {
    fn shown(&self) -> String {
        self.0.to_string()
    }
}

impl Shown for CalendarField {
    fn shown(&self) -> String {
        self.0.mic().to_owned()
    }
}

impl Shown for f64 {
    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Shown for Beta {
    fn shown(&self) -> String {
        self.0.to_string()
    }
}

impl Shown for Fraction {
    fn shown(&self) -> String {
        self.0.to_string()
    }
}

impl Shown for Vec<String> {
    fn shown(&self) -> String {
        format!("[{}]", self.join(", "))
    }
}

impl Shown for SeriesNames {
    fn shown(&self) -> String {
        let each: Vec<_> = self.iter().map(|(name, series)| format!("{name}: {series}")).collect();
        format!("{{ {} }}", each.join(", "))
    }
}

impl Shown for Size {
    fn shown(&self) -> String {
        let units = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)];
        let whole = units.iter().find(|(_, unit)| self.0 >= *unit && self.0.is_multiple_of(*unit));
        match whole {
            Some((name, unit)) => format!("{}{name}", self.0 / unit),
            None => format!("{}B", self.0),
        }
    }
}

impl Shown for Span {
    fn shown(&self) -> String {
        humantime::format_duration(self.0).to_string()
    }
}

impl Shown for TtlField {
    fn shown(&self) -> String {
        match *self {
            TtlField::Always(ttl) => Span(ttl).shown(),
            TtlField::BySession { open, closed } => {
                format!("{{ open: {}, closed: {} }}", Span(open).shown(), Span(closed).shown())
            }
        }
    }
}
