//! What an entry may do: how long it is fresh, how long it may stand in for an origin that fails.
//!
//! A policy is data. Layers of it are merged field by field, the more particular winning: call
//! over cache over named policy over `defaults` over [`Policy::default`]. Freshness is derived
//! from the policy in force and an entry's birth, never stored, so that a change of policy takes
//! effect at once and can be taken back exactly (contract C15).

use std::sync::Arc;
use std::time::Duration;

/// How long values stay fresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ttl {
    /// The same at all hours.
    Always(Duration),
    /// By the trading session of the policy's calendar, at the moment when the origin answered,
    /// and at most until that session opens or closes: the close itself ends the freshness. If
    /// the engine has no such calendar, or the calendar does not know the day, `open` is used.
    BySession {
        /// While the market is open.
        open: Duration,
        /// While it is closed.
        closed: Duration,
    },
}

/// Whether values may be served past their freshness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StaleUse {
    /// For as long as `stale_while_revalidate` and `stale_if_error` say.
    WithinGrace,
    /// Never, whatever these say.
    Never,
}

impl From<Duration> for Ttl {
    fn from(ttl: Duration) -> Self {
        Ttl::Always(ttl)
    }
}

macro_rules! policy {
    ($($(#[$doc:meta])* $field:ident: $type:ty = $default:expr;)*) => {
        /// All settings of a policy, each with a value.
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub struct Policy {
            $($(#[$doc])* pub $field: $type,)*
        }

        impl Default for Policy {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        /// Some settings of a policy; what is `None` is left to the layer below.
        ///
        /// ```
        /// use std::time::Duration;
        /// use spence::{Policy, PolicyLayer};
        ///
        /// let named = PolicyLayer::new().ttl(Duration::from_secs(300)).jitter(0.0);
        /// let cache = PolicyLayer::new().ttl(Duration::from_secs(60));
        /// let policy = cache.over(&named).resolve();
        /// assert_eq!(policy.ttl, Duration::from_secs(60).into());
        /// assert_eq!(policy.jitter, 0.0);
        /// assert_eq!(policy.negative_ttl, Policy::default().negative_ttl);
        /// ```
        #[derive(Debug, Clone, Default, PartialEq)]
        #[non_exhaustive]
        pub struct PolicyLayer {
            $($(#[$doc])* pub $field: Option<$type>,)*
        }

        impl PolicyLayer {
            /// A layer that sets nothing.
            #[must_use]
            pub fn new() -> Self {
                Self::default()
            }

            $($(#[$doc])*
            #[must_use]
            pub fn $field(mut self, $field: impl Into<$type>) -> Self {
                self.$field = Some($field.into());
                self
            })*

            /// This layer where it says something, `below` where it does not.
            #[must_use]
            pub fn over(&self, below: &Self) -> Self {
                Self { $($field: self.$field.clone().or_else(|| below.$field.clone()),)* }
            }

            /// This layer over `policy`.
            #[must_use]
            pub fn on(&self, policy: &Policy) -> Policy {
                Policy { $($field: self.$field.clone().unwrap_or_else(|| policy.$field.clone()),)* }
            }

            /// This layer over the built-in defaults.
            #[must_use]
            pub fn resolve(&self) -> Policy {
                self.on(&Policy::default())
            }
        }

        /// Each setting of layers over the built-in defaults, the nearest first, with the name of
        /// the layer that it comes from.
        pub(crate) fn settings(layers: &[(&'static str, &PolicyLayer)]) -> Vec<Setting> {
            let built_in = Policy::default();
            vec![$({
                let from = layers.iter().find_map(|(name, layer)| {
                    layer.$field.as_ref().map(|value| (value.in_words(), *name))
                });
                let (value, from) =
                    from.unwrap_or_else(|| (built_in.$field.in_words(), "built-in"));
                Setting { name: stringify!($field), value, from }
            },)*]
        }
    };
}

policy! {
    /// How long a value is fresh, from the moment the origin answered. Default 1 hour. Counted in
    /// steps of 1/64 second, rounded down. A fill's own `ttl` goes before it.
    ttl: Ttl = Ttl::Always(Duration::from_secs(3600));
    /// How long "the origin has nothing under this key" is believed. Default 30 seconds.
    negative_ttl: Duration = Duration::from_secs(30);
    /// By up to which fraction of itself a time to live is shortened, so that entries filled
    /// together do not expire together. 0 to 0.5, default 0.1; never lengthens (contract C9).
    jitter: f64 = 0.1;
    /// How eagerly a value that is about to expire is refreshed by `get_or_fetch`, while it is
    /// served as fresh still: the beta of XFetch, 0 to 100. At 1 the next fill begins about as
    /// long before the expiry as the last one took; larger is earlier. Fills that take less than
    /// a few milliseconds are not worth it and not refreshed eagerly. Default 0: not at all.
    eager_refresh: f64 = 0.0;
    /// How long beyond its freshness a value is served at once, labelled stale, while one fill
    /// fetches the next. Default 0: callers wait for the fill.
    stale_while_revalidate: Duration = Duration::ZERO;
    /// How long beyond its freshness a value may be served, labelled stale, when the origin fails
    /// or takes longer than the soft deadline. Default 0: never.
    stale_if_error: Duration = Duration::ZERO;
    /// Whether values may be served past their freshness at all. Default: within these graces.
    stale: StaleUse = StaleUse::WithinGrace;
    /// Whether only values are served of which the node can prove that no invalidation was lost.
    /// Default: no; others are served within their time to live, labelled unverified.
    verified_only: bool = false;
    /// Whether nothing is kept: callers of one key still share one fill, and each later read
    /// fetches anew. What is held already is not served while this is set. Default: no.
    no_store: bool = false;
    /// How long a caller waits for a fill before it gets a stale value that `stale_if_error`
    /// permits; the fill goes on. Default 1 second.
    soft_deadline: Duration = Duration::from_secs(1);
    /// How long a fill may take before everyone who waits for it gets an error (or a permitted
    /// stale value). Default 30 seconds.
    hard_deadline: Duration = Duration::from_secs(30);
    /// How long after a failed fill the origin is left alone for that key; doubles with each
    /// failure in a row, up to [`Policy::error_backoff_max`]. Default 100 milliseconds; 0 switches
    /// the back-off off.
    error_backoff: Duration = Duration::from_millis(100);
    /// The longest back-off after failures. Default 5 seconds.
    error_backoff_max: Duration = Duration::from_secs(5);
    /// The market calendar whose sessions [`Ttl::BySession`] follows, such as `XNYS`. Default
    /// none.
    calendar: Option<Arc<str>> = None;
    /// Whether values are compressed on disk, by LZ4 and if that makes them an eighth smaller.
    /// Default: yes, if the engine compresses at all. Say no for bodies compressed already.
    compress: bool = true;
    /// Bytes of memory that the cache has for itself, taken from the budget that the others share.
    /// Counts when the cache is built. At least 64 KiB; default none.
    memory_budget: Option<u64> = None;
}

/// A value as one writes it in a configuration.
trait InWords {
    fn in_words(&self) -> String;
}

impl InWords for Duration {
    fn in_words(&self) -> String {
        let nanos = self.as_nanos();
        let units = [("h", 3_600_000_000_000), ("m", 60_000_000_000), ("s", 1_000_000_000)];
        match units.iter().find(|(_, unit)| nanos > 0 && nanos.is_multiple_of(*unit)) {
            Some((name, unit)) => format!("{}{name}", nanos / unit),
            None if self.is_zero() => "0s".to_owned(),
            None => format!("{self:?}"),
        }
    }
}

impl InWords for Ttl {
    fn in_words(&self) -> String {
        match self {
            Ttl::Always(ttl) => ttl.in_words(),
            Ttl::BySession { open, closed } => {
                format!("{{ open: {}, closed: {} }}", open.in_words(), closed.in_words())
            }
        }
    }
}

impl InWords for StaleUse {
    fn in_words(&self) -> String {
        match self {
            StaleUse::WithinGrace => "within grace".to_owned(),
            StaleUse::Never => "never".to_owned(),
        }
    }
}

impl InWords for bool {
    fn in_words(&self) -> String {
        self.to_string()
    }
}

impl InWords for f64 {
    fn in_words(&self) -> String {
        self.to_string()
    }
}

impl<T: std::fmt::Display> InWords for Option<T> {
    fn in_words(&self) -> String {
        self.as_ref().map_or_else(|| "none".to_owned(), T::to_string)
    }
}

/// A setting in force, and the layer that it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Setting {
    /// Its name, as in [`Policy`].
    pub name: &'static str,
    /// Its value, in words.
    pub value: String,
    /// `cache`, `policy`, `defaults` or `built-in`.
    pub from: &'static str,
}

impl Policy {
    /// How long beyond its freshness a value may be served at all.
    pub(crate) fn grace(&self) -> Duration {
        match self.stale {
            StaleUse::WithinGrace => self.stale_if_error.max(self.stale_while_revalidate),
            StaleUse::Never => Duration::ZERO,
        }
    }

    /// Whether a value that has been stale for so long is served while a fill fetches the next.
    pub(crate) fn serves_while_revalidating(&self, stale_for: Duration) -> bool {
        self.stale == StaleUse::WithinGrace && stale_for < self.stale_while_revalidate
    }
}
