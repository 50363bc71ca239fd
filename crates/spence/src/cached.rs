//! A value as a caller gets it, with what is known about it.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Ticks, duration_of};
use crate::entry::Valued;
use crate::error::Error;
use crate::outcome::{Freshness, Source};

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
    verified: bool,
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
        let verified = freshness != Freshness::Unverified;
        Self { entry, freshness, source, verified, age, cause: None }
    }

    /// The same value, served as stale by a node that may have missed its invalidation.
    pub(crate) fn unverified(mut self) -> Self {
        self.verified = false;
        self
    }

    /// The same value, served as stale because of `cause`.
    pub(crate) fn because_of(mut self, cause: Error) -> Self {
        self.cause = Some(cause);
        self
    }

    /// Whether the value is fresh, stale (and why) or unverified.
    #[must_use]
    pub fn freshness(&self) -> Freshness {
        self.freshness
    }

    /// Whether no invalidation of the value by another node can have been missed for longer than
    /// `max_lag`, and none have been lost with the power. `false` where the freshness is
    /// [`Freshness::Unverified`], and for some values that are stale.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        self.verified
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
