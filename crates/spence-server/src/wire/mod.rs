//! The JSON of the API.

pub(crate) mod acg;
pub(crate) mod data;
mod health;
pub(crate) mod scan;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use spence::{CacheStats, Event, Explanation, Happening, Holding, Scope, Setting, Target};
use spence_market::Bar;
use utoipa::ToSchema;

pub(crate) use health::{Health, OriginHealth, RedisHealth, TierHealth, Tiers};

/// Every error answer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorBody {
    pub(crate) timestamp: String,
    pub(crate) status: u16,
    pub(crate) error: String,
    pub(crate) message: String,
    pub(crate) path: String,
    pub(crate) errors: Vec<FieldError>,
}

/// An argument that cannot be used.
#[derive(Debug, Clone, Serialize, ToSchema)]
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
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Stats {
    pub(crate) timestamp: String,
    pub(crate) caches: BTreeMap<String, CacheFigures>,
    pub(crate) total: CacheFigures,
    pub(crate) memory_budget_bytes: u64,
    pub(crate) disk_budget_bytes: u64,
    pub(crate) disk_entries: u64,
    pub(crate) disk_errors: u64,
    /// Absent without a shared tier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) redis: Option<RedisHealth>,
    pub(crate) bans: u64,
    pub(crate) bans_in_force: u64,
}

/// The figures of one cache, or of all.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CacheFigures {
    hits: u64,
    stale_hits: u64,
    misses: u64,
    misses_expired: u64,
    misses_banned: u64,
    misses_schema: u64,
    misses_failed: u64,
    total: u64,
    hit_rate: f64,
    memory_hits: u64,
    disk_hits: u64,
    redis_hits: u64,
    unverified_hits: u64,
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
            misses_expired: stats.misses_expired,
            misses_banned: stats.misses_banned,
            misses_schema: stats.misses_schema,
            misses_failed: stats.misses_failed,
            total: stats.total,
            hit_rate: stats.hit_rate,
            memory_hits: stats.memory_hits,
            disk_hits: stats.disk_hits,
            redis_hits: stats.redis_hits,
            unverified_hits: stats.unverified_hits,
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

/// POST /api/v1/cache/invalidate and /expire: a tag, a namespace with at most one of key, prefix
/// and glob, or everything.
#[derive(Debug, Default, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TargetBody {
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub(crate) namespace: Option<String>,
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub(crate) key: Option<String>,
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub(crate) tag: Option<String>,
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub(crate) prefix: Option<String>,
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub(crate) glob: Option<String>,
    /// All of all namespaces; needs `yes` too.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) everything: bool,
    /// Count only.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) dry_run: bool,
    /// Everything, or a glob that matches everything, is meant.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) yes: bool,
}

const ALL: &str = "this matches everything; say \"yes\": true (--yes) if you mean it";

/// A field that is there has a value: what was meant to narrow a target must not widen it.
fn given<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    String::deserialize(from).map(Some)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

impl TargetBody {
    /// The target, or the field that is wrong and why.
    pub(crate) fn target(self) -> Result<Target, (&'static str, &'static str)> {
        let sure = self.yes || self.dry_run;
        match self {
            Self { everything: true, tag: None, namespace: None, .. } if sure => {
                Ok(Target::Everything)
            }
            Self { everything: true, tag: None, namespace: None, .. } => Err((
                "yes",
                "this is everything in all namespaces; say \"yes\": true (--yes) if you mean it",
            )),
            Self { everything: true, .. } => Err(("everything", "everything goes alone")),
            Self {
                tag: Some(tag), namespace: None, key: None, prefix: None, glob: None, ..
            } => Ok(Target::Tag(tag)),
            Self { tag: Some(_), .. } => Err(("tag", "a tag goes alone: it covers all namespaces")),
            Self { namespace: None, .. } => {
                Err(("namespace", "expected a tag, or a namespace with a key, prefix or glob"))
            }
            Self { namespace: Some(namespace), key, prefix, glob, .. } => {
                match (key, prefix, glob) {
                    (None, None, None) => Ok(Target::Namespace(namespace)),
                    (Some(key), None, None) => Ok(Target::Key { namespace, key }),
                    (None, Some(prefix), None) => Ok(Target::Prefix { namespace, prefix }),
                    (None, None, Some(pattern)) => {
                        let glob = Target::Glob { namespace, pattern };
                        match glob.is_glob_of_everything() && !sure {
                            true => Err(("glob", ALL)),
                            false => Ok(glob),
                        }
                    }
                    _ => Err(("key", "expected one of key, prefix and glob")),
                }
            }
        }
    }
}

/// How far an invalidation or expiry reached; or, of a dry run, how far it would.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Reached {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scope: Option<&'static str>,
    /// Of what is queued: whether it survives the end of this process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) durable: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) would_reach: Option<ReachBody>,
    pub(crate) target: TargetBody,
}

impl Reached {
    pub(crate) fn done(scope: Scope, target: TargetBody) -> Self {
        let durable = match scope {
            Scope::Queued { durable } => Some(durable),
            _ => None,
        };
        Self { scope: Some(scope.as_str()), durable, would_reach: None, target }
    }

    pub(crate) fn dry(would_reach: ReachBody, target: TargetBody) -> Self {
        Self { scope: None, durable: None, would_reach: Some(would_reach), target }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReachBody {
    pub(crate) memory_entries: u64,
    pub(crate) disk_entries: u64,
    /// Whether `disk_entries` was counted; else it is estimated.
    pub(crate) exact: bool,
}

/// GET /api/v1/cache/explain/{namespace}/{key}
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExplanationBody {
    namespace: String,
    key: String,
    memory: Option<HoldingBody>,
    disk: Option<HoldingBody>,
    redis: Option<HoldingBody>,
    banned_by: Option<String>,
    last_miss: Option<LastMissBody>,
    policy: Vec<SettingBody>,
}

#[derive(Debug, Serialize, ToSchema)]
struct HoldingBody {
    state: &'static str,
    negative: bool,
    age_seconds: f64,
    fresh_for_seconds: f64,
    gone_in_seconds: f64,
    size_bytes: u64,
    tags: Vec<String>,
    as_of: u64,
}

#[derive(Debug, Serialize, ToSchema)]
struct LastMissBody {
    cause: &'static str,
    at: String,
}

#[derive(Debug, Serialize, ToSchema)]
struct SettingBody {
    name: &'static str,
    value: String,
    from: &'static str,
}

impl From<Explanation> for ExplanationBody {
    fn from(explanation: Explanation) -> Self {
        let holding = |holding: Holding| HoldingBody {
            state: holding.state,
            negative: holding.negative,
            age_seconds: holding.age.as_secs_f64(),
            fresh_for_seconds: holding.fresh_for.as_secs_f64(),
            gone_in_seconds: holding.gone_in.as_secs_f64(),
            size_bytes: holding.bytes,
            tags: holding.tags,
            as_of: holding.as_of,
        };
        let setting = |setting: Setting| SettingBody {
            name: setting.name,
            value: setting.value,
            from: setting.from,
        };
        Self {
            memory: explanation.memory.map(holding),
            disk: explanation.disk.map(holding),
            redis: explanation.redis.map(holding),
            banned_by: explanation.banned_by,
            last_miss: explanation
                .last_miss
                .map(|miss| LastMissBody { cause: miss.cause.as_str(), at: timestamp(miss.at_ms) }),
            policy: explanation.policy.into_iter().map(setting).collect(),
            namespace: explanation.namespace,
            key: explanation.key,
        }
    }
}

/// A line of GET /api/v1/events
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventBody {
    pub(crate) what: &'static str,
    at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

impl From<&Event> for EventBody {
    fn from(event: &Event) -> Self {
        let detail = match &event.what {
            Happening::Hit { source } => Some(source.as_str().to_owned()),
            Happening::Miss { cause } => Some(cause.as_str().to_owned()),
            Happening::FillFinished { took } => Some(format!("{took:?}")),
            Happening::FillFailed { error } => Some(error.clone()),
            Happening::Banned { target } => Some(target.clone()),
            Happening::Missed { events } => Some(events.to_string()),
            _ => None,
        };
        Self {
            what: event.what.as_str(),
            at: timestamp(event.at_ms),
            cache: event.cache.as_deref().map(str::to_owned),
            key_hash: event.key_hash.map(|hash| format!("{hash:016x}")),
            detail,
        }
    }
}

/// GET /api/v1/market/bars/{symbol}
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BarsBody {
    pub(crate) symbol: String,
    pub(crate) frequency: &'static str,
    pub(crate) adjusted: bool,
    /// Whether the figures can change no more.
    #[serde(rename = "final")]
    pub(crate) is_final: bool,
    pub(crate) count: usize,
    pub(crate) bars: Vec<BarBody>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BarBody {
    date: String,
    open: f64,
    high: f64,
    low: f64,
    close: f64,
    volume: Volume,
}

/// A whole number of shares is written as one.
#[derive(Debug, Serialize, ToSchema)]
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
