//! The words for what happened: how fresh, where from, how far a call reached.

/// Whether a value is as fresh as its policy asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Freshness {
    /// Within its time to live.
    Fresh,
    /// Past it, and served because the policy permits it.
    Stale(StaleReason),
    /// Within its time to live, but it cannot be proved that no other node has invalidated it.
    Unverified,
}

/// Why a stale value was served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StaleReason {
    /// The origin was asked and failed.
    OriginFailed,
    /// The origin failed a moment ago and is being left alone.
    OriginBackoff,
    /// The fill took longer than its hard deadline, or than the soft one and goes on.
    Deadline,
    /// A fill is fetching the next value; nobody waits for it.
    Revalidating,
    /// Nobody asked the origin: this call only reads what is held.
    NotRefreshed,
}

/// Why a read found nothing that it could serve as fresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MissCause {
    /// No tier has it: it was never there, was invalidated by name, or gave way to others.
    Absent,
    /// Its time is over.
    Expired,
    /// It was invalidated by tag, prefix, glob or namespace.
    Banned,
    /// It was stored by another schema, codec or origin.
    Schema,
    /// The disk or the shared tier failed, or took too long.
    Failed,
    /// It is fresh, and does not cover what this read wants.
    Short,
}

impl MissCause {
    /// `absent`, `expired`, `banned`, `schema`, `failed` or `short`: the word used in JSON and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            MissCause::Absent => "absent",
            MissCause::Expired => "expired",
            MissCause::Banned => "banned",
            MissCause::Schema => "schema",
            MissCause::Failed => "failed",
            MissCause::Short => "short",
        }
    }
}

impl Freshness {
    /// `fresh`, `stale` or `unverified`: the word used in headers, JSON and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Freshness::Fresh => "fresh",
            Freshness::Stale(_) => "stale",
            Freshness::Unverified => "unverified",
        }
    }

    /// Whether this is [`Freshness::Stale`].
    #[must_use]
    pub fn is_stale(self) -> bool {
        matches!(self, Freshness::Stale(_))
    }
}

impl StaleReason {
    /// The reason as one hyphenated word, as used in headers and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            StaleReason::OriginFailed => "origin-failed",
            StaleReason::OriginBackoff => "origin-backoff",
            StaleReason::Deadline => "deadline",
            StaleReason::Revalidating => "revalidating",
            StaleReason::NotRefreshed => "not-refreshed",
        }
    }
}

/// Where a value was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Source {
    /// In this process.
    Memory,
    /// On this machine's disk.
    Disk,
    /// In the tier that several nodes share.
    Redis,
    /// Nowhere: it was fetched.
    Origin,
}

impl Source {
    /// `memory`, `disk`, `redis` or `origin`: the word used in headers, JSON and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Source::Memory => "memory",
            Source::Disk => "disk",
            Source::Redis => "redis",
            Source::Origin => "origin",
        }
    }
}

/// How far an invalidation or expiry reached when the call returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scope {
    /// This node, all of its tiers, and durably where it has a disk. There is no shared tier.
    Node,
    /// This node, and the shared tier, which has acknowledged it: the other nodes follow within
    /// their `max_lag`.
    Cluster,
    /// This node. The shared tier is away, and will be told in order when it returns.
    Queued {
        /// Whether that survives the end of this process.
        durable: bool,
    },
}

impl Scope {
    /// `node`, `cluster` or `queued`: the word used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::Node => "node",
            Scope::Cluster => "cluster",
            Scope::Queued { .. } => "queued",
        }
    }
}
