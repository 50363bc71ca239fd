//! Providers of data beside the one of `market`.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use serde::Deserialize;

use crate::load::ConfigError;
use crate::model::ProviderFields;
use crate::secret::Secret;
use crate::settings::{DEFAULT_PROVIDER, not_empty, required};

const FRED: &str = "https://api.stlouisfed.org";

/// How a provider speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProviderKind {
    /// As Massive (formerly Polygon.io).
    Massive,
    /// As FRED.
    Fred,
}

/// Series by the type of data that is taken from them, as in `{ TREASURY_3M: DTB3 }`.
pub type SeriesNames = BTreeMap<String, String>;

/// A provider of data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderSettings {
    /// What it is called.
    pub name: String,
    /// How it speaks.
    pub kind: ProviderKind,
    /// Base URL without a slash at the end.
    pub base_url: String,
    /// Its key.
    pub api_key: Option<Secret>,
    /// Calls a minute at most.
    pub calls_per_minute: Option<NonZeroU32>,
    /// Calls a day (of UTC) at most.
    pub max_calls_per_day: Option<NonZeroU32>,
    /// The types of data that it serves, in upper case.
    pub types: Vec<String>,
    /// Of FRED: the series that types are taken from, if not from the usual ones.
    pub series: SeriesNames,
}

impl ProviderKind {
    /// The types of data that a provider of this kind can serve.
    #[must_use]
    pub fn types(self) -> &'static [&'static str] {
        match self {
            ProviderKind::Massive => &["OHLCV", "SPLIT", "DIVIDEND"],
            ProviderKind::Fred => &[
                "CPI_INDEX",
                "PCE_INDEX",
                "TREASURY_3M",
                "TREASURY_6M",
                "TREASURY_1Y",
                "TREASURY_2Y",
                "TREASURY_5Y",
                "TREASURY_10Y",
                "TREASURY_30Y",
                "FED_FUNDS",
                "SOFR",
            ],
        }
    }
}

impl ProviderSettings {
    /// All providers, in the order in which they are asked: by `order`, then by name.
    pub(crate) fn all(
        providers: BTreeMap<String, ProviderFields>,
    ) -> Result<Vec<Self>, ConfigError> {
        for name in providers.keys() {
            let alike = |other: &&String| *other != name && other.eq_ignore_ascii_case(name);
            if let Some(other) = providers.keys().find(alike) {
                let message = format!("providers: {name:?} and {other:?} differ in case only");
                return Err(ConfigError::new(message));
            }
        }
        let order = |fields: &ProviderFields| fields.order.unwrap_or(0);
        let mut all: Vec<_> = providers.into_iter().collect();
        all.sort_by_key(|(_, fields)| order(fields));
        all.into_iter().map(|(name, fields)| Self::of(name, fields)).collect()
    }

    fn of(name: String, fields: ProviderFields) -> Result<Self, ConfigError> {
        let at = |field: &str| format!("providers.{name}.{field}");
        if name.is_empty() {
            return Err(ConfigError::new("providers: a name is empty"));
        }
        if name.eq_ignore_ascii_case("market") {
            let message = "providers: `market` is the section of that name; choose another name";
            return Err(ConfigError::new(message));
        }
        let kind = fields.kind.ok_or_else(|| {
            ConfigError::new(format!("{}: is missing, expected massive or fred", at("kind")))
        })?;
        let api_key = not_empty(&at("api_key"), fields.api_key.map(|key| key.0))?.map(Secret::new);
        let given = base_url(&at("base_url"), fields.base_url)?;
        let usual = match kind {
            ProviderKind::Massive => DEFAULT_PROVIDER,
            ProviderKind::Fred => FRED,
        };
        if given.is_none() && api_key.is_none() {
            let message = format!("{}: is missing; {usual} wants one", at("api_key"));
            return Err(ConfigError::new(message));
        }
        let all = || kind.types().iter().map(|name| (*name).to_owned()).collect();
        let types = match fields.types {
            None => all(),
            Some(types) => {
                let each = types.iter().map(|text| type_of(kind, &at("types"), text));
                each.collect::<Result<_, _>>()?
            }
        };
        let mut series = SeriesNames::new();
        for (text, id) in fields.series.unwrap_or_default() {
            if kind != ProviderKind::Fred {
                let message = format!("{}: only providers of kind fred have series", at("series"));
                return Err(ConfigError::new(message));
            }
            let field = at(&format!("series.{text}"));
            let id = required(&field, not_empty(&field, Some(id))?)?;
            series.insert(type_of(kind, &at("series"), &text)?, id);
        }
        Ok(Self {
            kind,
            base_url: given.unwrap_or_else(|| usual.to_owned()),
            api_key,
            calls_per_minute: fields.calls_per_minute,
            max_calls_per_day: fields.max_calls_per_day,
            types,
            series,
            name,
        })
    }
}

fn type_of(kind: ProviderKind, field: &str, text: &str) -> Result<String, ConfigError> {
    let known = kind.types().iter().find(|known| known.eq_ignore_ascii_case(text));
    known.map(|known| (*known).to_owned()).ok_or_else(|| {
        let there_are = kind.types().join(", ");
        ConfigError::new(format!("{field}: `{text}` is none of its types, which are {there_are}"))
    })
}

/// A base URL without a slash at the end.
pub(crate) fn base_url(name: &str, url: Option<String>) -> Result<Option<String>, ConfigError> {
    match not_empty(name, url)? {
        Some(url) if url.starts_with("http://") || url.starts_with("https://") => {
            let host = url.split_once("://").map_or("", |(_, rest)| rest);
            if host.is_empty() || host.starts_with('/') || url.contains(['@', '?', '#', ' ']) {
                // It is shown, so nothing secret may be in it.
                let message = format!("{name}: expected a host and at most a path, no more");
                return Err(ConfigError::new(message));
            }
            Ok(Some(url.trim_end_matches('/').to_owned()))
        }
        Some(url) => {
            let message = format!("{name}: `{url}` does not begin with http:// or https://");
            Err(ConfigError::new(message))
        }
        None => Ok(None),
    }
}
