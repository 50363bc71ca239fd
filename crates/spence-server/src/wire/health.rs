//! What `/health` says.

use std::collections::BTreeMap;

use serde::Serialize;
use spence::RedisStats;
use utoipa::ToSchema;

/// GET /health
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    pub(crate) status: &'static str,
    pub(crate) version: &'static str,
    pub(crate) uptime_seconds: u64,
    pub(crate) tiers: Tiers,
    /// Whom data come from, by name.
    pub(crate) origins: BTreeMap<String, OriginHealth>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Tiers {
    pub(crate) memory: TierHealth,
    pub(crate) disk: TierHealth,
    /// Absent without a shared tier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) redis: Option<RedisHealth>,
}

/// The shared tier as this node sees it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RedisHealth {
    /// Whether it is in use.
    connected: bool,
    /// Why it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    away: Option<String>,
    /// Why it refused the last value or question, as when its memory is full.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
    /// Whether this node is certain to be no further behind the others than `redis.max_lag`; if
    /// not, what it serves is labelled unverified.
    verified: bool,
    /// Invalidations that the tier has yet to be told of.
    queued: u64,
    /// Calls that it did not answer, or refused.
    errors: u64,
    /// Hits in memory that were compared with what it had.
    shadow_checked: u64,
    /// Of these, those that it had another value for, newer by more than `redis.max_lag`.
    shadow_differed: u64,
}

impl RedisHealth {
    pub(crate) fn is_well(&self) -> bool {
        self.connected && self.verified && self.refused.is_none()
    }
}

impl From<&RedisStats> for RedisHealth {
    fn from(stats: &RedisStats) -> Self {
        Self {
            connected: stats.away.is_none(),
            away: stats.away.clone(),
            refused: stats.refused.clone(),
            verified: stats.verified,
            queued: stats.queued,
            errors: stats.errors,
            shadow_checked: stats.shadow_checked,
            shadow_differed: stats.shadow_differed,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TierHealth {
    pub(crate) enabled: bool,
    pub(crate) bytes: u64,
    pub(crate) budget_bytes: u64,
    pub(crate) errors: u64,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OriginHealth {
    #[serde(skip)]
    pub(crate) name: String,
    /// `demo-feed` or `provider`.
    pub(crate) kind: &'static str,
    pub(crate) base_url: String,
    /// How often the demo feed was called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) calls: Option<u64>,
}
