//! The JSON of the API.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use spence::{CacheStats, Target};
use spence_market::Bar;

/// Every error answer.
#[derive(Debug, Serialize)]
pub(crate) struct ErrorBody {
    pub(crate) timestamp: String,
    pub(crate) status: u16,
    pub(crate) error: String,
    pub(crate) message: String,
    pub(crate) path: String,
    pub(crate) errors: Vec<FieldError>,
}

/// An argument that cannot be used.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct FieldError {
    pub(crate) field: String,
    pub(crate) message: String,
}

/// Unix milliseconds as RFC 3339 in UTC.
pub(crate) fn timestamp(unix_ms: u64) -> String {
    let time = i64::try_from(unix_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    time.unwrap_or_default().to_string()
}

/// GET /api/v1/cache/stats
#[derive(Debug, Serialize)]
pub(crate) struct Stats {
    pub(crate) timestamp: String,
    pub(crate) caches: BTreeMap<String, CacheFigures>,
    pub(crate) total: CacheFigures,
    pub(crate) memory_budget_bytes: u64,
    pub(crate) disk_budget_bytes: u64,
    pub(crate) disk_entries: u64,
    pub(crate) disk_errors: u64,
    pub(crate) bans: u64,
    pub(crate) bans_in_force: u64,
}

/// The figures of one cache, or of all.
#[derive(Debug, Serialize)]
pub(crate) struct CacheFigures {
    hits: u64,
    stale_hits: u64,
    misses: u64,
    total: u64,
    hit_rate: f64,
    memory_hits: u64,
    disk_hits: u64,
    negative_hits: u64,
    cache_size: u64,
    memory_bytes: u64,
    disk_bytes: u64,
    origin_calls: u64,
    origin_errors: u64,
    origin_seconds: f64,
    origin_seconds_saved: f64,
    inserts: u64,
    installs_refused: u64,
    evictions: u64,
    invalidations: u64,
}

impl From<&CacheStats> for CacheFigures {
    fn from(stats: &CacheStats) -> Self {
        Self {
            hits: stats.hits,
            stale_hits: stats.stale_hits,
            misses: stats.misses,
            total: stats.total,
            hit_rate: stats.hit_rate,
            memory_hits: stats.memory_hits,
            disk_hits: stats.disk_hits,
            negative_hits: stats.negative_hits,
            cache_size: stats.cache_size,
            memory_bytes: stats.memory_bytes,
            disk_bytes: stats.disk_bytes,
            origin_calls: stats.origin_calls,
            origin_errors: stats.origin_errors,
            origin_seconds: stats.origin_seconds,
            origin_seconds_saved: stats.origin_seconds_saved,
            inserts: stats.inserts,
            installs_refused: stats.installs_refused,
            evictions: stats.evictions,
            invalidations: stats.invalidations,
        }
    }
}

/// POST /api/v1/cache/invalidate and /expire: a tag, or a namespace with at most one of key,
/// prefix and glob.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TargetBody {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) namespace: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tag: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) prefix: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) glob: Option<String>,
}

impl TargetBody {
    /// The target, or the field that is wrong and why.
    pub(crate) fn target(self) -> Result<Target, (&'static str, &'static str)> {
        match self {
            Self { tag: Some(tag), namespace: None, key: None, prefix: None, glob: None } => {
                Ok(Target::Tag(tag))
            }
            Self { tag: Some(_), .. } => Err(("tag", "a tag goes alone: it covers all namespaces")),
            Self { namespace: None, .. } => {
                Err(("namespace", "expected a tag, or a namespace with a key, prefix or glob"))
            }
            Self { namespace: Some(namespace), key, prefix, glob, tag: None } => {
                match (key, prefix, glob) {
                    (None, None, None) => Ok(Target::Namespace(namespace)),
                    (Some(key), None, None) => Ok(Target::Key { namespace, key }),
                    (None, Some(prefix), None) => Ok(Target::Prefix { namespace, prefix }),
                    (None, None, Some(pattern)) => Ok(Target::Glob { namespace, pattern }),
                    _ => Err(("key", "expected one of key, prefix and glob")),
                }
            }
        }
    }
}

/// How far an invalidation or expiry reached.
#[derive(Debug, Serialize)]
pub(crate) struct Reached {
    pub(crate) scope: &'static str,
    pub(crate) target: TargetBody,
}

/// GET /api/v1/market/bars/{symbol}
#[derive(Debug, Serialize)]
pub(crate) struct BarsBody {
    pub(crate) symbol: String,
    pub(crate) frequency: &'static str,
    pub(crate) adjusted: bool,
    pub(crate) count: usize,
    pub(crate) bars: Vec<BarBody>,
}

#[derive(Debug, Serialize)]
pub(crate) struct BarBody {
    date: String,
    open: f64,
    high: f64,
    low: f64,
    close: f64,
    volume: Volume,
}

/// A whole number of shares is written as one.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Volume {
    Whole(u64),
    Fraction(f64),
}

impl From<&Bar> for BarBody {
    fn from(bar: &Bar) -> Self {
        let Bar { date, open, high, low, close, volume } = *bar;
        let is_whole = volume.fract() == 0.0 && (0.0..9e15).contains(&volume);
        let volume = if is_whole { Volume::Whole(volume as u64) } else { Volume::Fraction(volume) };
        Self { date: date.to_string(), open, high, low, close, volume }
    }
}

/// GET /health
#[derive(Debug, Serialize)]
pub(crate) struct Health {
    pub(crate) status: &'static str,
    pub(crate) version: &'static str,
    pub(crate) uptime_seconds: u64,
    pub(crate) tiers: Tiers,
    pub(crate) origins: Origins,
}

#[derive(Debug, Serialize)]
pub(crate) struct Tiers {
    pub(crate) memory: TierHealth,
    pub(crate) disk: TierHealth,
}

#[derive(Debug, Serialize)]
pub(crate) struct TierHealth {
    pub(crate) enabled: bool,
    pub(crate) bytes: u64,
    pub(crate) budget_bytes: u64,
    pub(crate) errors: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Origins {
    pub(crate) market: OriginHealth,
}

#[derive(Debug, Serialize)]
pub(crate) struct OriginHealth {
    /// `demo-feed` or `provider`.
    pub(crate) kind: &'static str,
    pub(crate) base_url: String,
    /// How often the demo feed was called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) calls: Option<u64>,
}
