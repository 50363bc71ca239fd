//! What a caller gets: the value, how fresh it is, where it came from, how far a call reached.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Ticks, duration_of};
use crate::entry::Valued;
use crate::error::Error;

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
    /// The fill took longer than its deadline.
    Deadline,
    /// Nobody asked the origin: this call only reads what is held.
    NotRefreshed,
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
    /// Nowhere: it was fetched.
    Origin,
}

impl Source {
    /// `memory`, `disk` or `origin`: the word used in headers, JSON and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Source::Memory => "memory",
            Source::Disk => "disk",
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
}

impl Scope {
    /// `node`: the word used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::Node => "node",
        }
    }
}

/// A value together with what is known about it. Dereferences to the value; cloning shares it.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), spence::Error> {
/// use spence::{Fill, Freshness, Source, Spence};
///
/// let spence = Spence::builder().build().await?;
/// let squares = spence.cache::<u64, u64>("squares").build()?;
/// let nine = squares.get_or_fetch(&3, |cx| async move { Ok::<_, spence::Error>(Fill::new(cx.key() * cx.key())) }).await?;
/// assert_eq!(*nine, 9);
/// assert_eq!((nine.source(), nine.freshness()), (Source::Origin, Freshness::Fresh));
/// # Ok(()) }
/// ```
pub struct Cached<V> {
    entry: Arc<dyn Valued<V>>,
    freshness: Freshness,
    source: Source,
    age: Ticks,
    cause: Option<Error>,
}

impl<V> Cached<V> {
    /// The entry must hold a value; entries for "nothing there" never get here.
    pub(crate) fn new(
        entry: Arc<dyn Valued<V>>,
        freshness: Freshness,
        source: Source,
        now: Ticks,
    ) -> Self {
        debug_assert!(entry.value().is_some());
        let age = now.saturating_sub(entry.head().born);
        Self { entry, freshness, source, age, cause: None }
    }

    /// The same value, served as stale because of `cause`.
    pub(crate) fn stale(mut self, reason: StaleReason, cause: Error) -> Self {
        self.freshness = Freshness::Stale(reason);
        self.cause = Some(cause);
        self
    }

    /// Whether the value is fresh, stale (and why) or unverified.
    #[must_use]
    pub fn freshness(&self) -> Freshness {
        self.freshness
    }

    /// The tier that held the value.
    #[must_use]
    pub fn source(&self) -> Source {
        self.source
    }

    /// Time since the origin answered, in steps of 1/64 second.
    #[must_use]
    pub fn age(&self) -> Duration {
        duration_of(self.age)
    }

    /// The error on whose account a stale value was served.
    #[must_use]
    pub fn stale_cause(&self) -> Option<&Error> {
        self.cause.as_ref()
    }

    /// The tags that the fill gave.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.entry.head().detail.iter().flat_map(|detail| detail.tags.iter().map(|tag| &**tag))
    }

    /// What the fill said that its call cost, in US dollars.
    #[must_use]
    pub fn cost_usd(&self) -> f64 {
        let detail = self.entry.head().detail.as_ref();
        detail.map_or(0.0, |detail| detail.cost_micro_usd as f64 / 1e6)
    }
}

impl<V> Deref for Cached<V> {
    type Target = V;

    fn deref(&self) -> &V {
        self.entry.value().expect("Cached::new is only given entries that hold a value")
    }
}

impl<V> Clone for Cached<V> {
    fn clone(&self) -> Self {
        Self { entry: Arc::clone(&self.entry), cause: self.cause.clone(), ..*self }
    }
}

impl<V: fmt::Debug> fmt::Debug for Cached<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cached")
            .field("value", &**self)
            .field("freshness", &self.freshness)
            .field("source", &self.source)
            .field("age", &self.age())
            .finish()
    }
}
