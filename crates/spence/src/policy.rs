//! What an entry may do: how long it is fresh, how long it may stand in for an origin that fails.
//!
//! A policy is data. Layers of it are merged field by field, the more particular winning: call
//! over cache over named policy over `defaults` over [`Policy::default`]. Freshness is derived
//! from the policy in force and an entry's birth, never stored, so that a change of policy takes
//! effect at once and can be taken back exactly (contract C15).

use std::time::Duration;

/// How long values stay fresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ttl {
    /// The same at all hours.
    Always(Duration),
    /// By the trading session of the policy's calendar. Until calendars exist, `open` is used.
    BySession {
        /// While the market is open.
        open: Duration,
        /// While it is closed.
        closed: Duration,
    },
}

impl Ttl {
    /// The time to live in force.
    #[must_use]
    pub fn current(self) -> Duration {
        match self {
            Ttl::Always(ttl) => ttl,
            Ttl::BySession { open, .. } => open,
        }
    }
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
    /// How long beyond its freshness a value may be served, labelled stale, when the origin fails.
    /// Default 0: never.
    stale_if_error: Duration = Duration::ZERO;
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
    calendar: Option<String> = None;
}

/// The two ends of an entry's life, as ages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lifetime {
    /// Fresh while younger than this.
    pub(crate) fresh: Duration,
    /// May not be served at all from this age on.
    pub(crate) hard: Duration,
}

/// What about an entry decides its lifetime.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Life {
    /// The time to live that its fill asked for.
    pub(crate) own_ttl: Option<Duration>,
    /// Whether it says that the origin has nothing.
    pub(crate) negative: bool,
    /// The age at which it was expired by hand.
    pub(crate) expired: Option<Duration>,
    /// Seed of its jitter; the same seed gives the same jitter.
    pub(crate) seed: u64,
}

impl Policy {
    /// Derives an entry's lifetime.
    pub(crate) fn lifetime(&self, life: Life) -> Lifetime {
        let asked = match (life.own_ttl, life.negative) {
            (Some(own), _) => own,
            (None, true) => self.negative_ttl,
            (None, false) => self.ttl.current(),
        };
        let mut fresh = shorten(asked, self.jitter, life.seed);
        if let Some(expired) = life.expired {
            fresh = fresh.min(expired);
        }
        // "Nothing there" never stands in for an answer.
        let grace = if life.negative { Duration::ZERO } else { self.stale_if_error };
        Lifetime { fresh, hard: fresh.saturating_add(grace) }
    }
}

/// `ttl` shortened by a fraction of at most `jitter`, chosen by `seed`.
fn shorten(ttl: Duration, jitter: f64, seed: u64) -> Duration {
    if jitter <= 0.0 {
        return ttl;
    }
    // Fibonacci hashing spreads neighbouring seeds; the top 53 bits make a fraction below 1.
    let fraction = (seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 11) as f64 / (1_u64 << 53) as f64;
    let seconds = ttl.as_secs_f64() * (1.0 - jitter.min(0.5) * fraction);
    Duration::try_from_secs_f64(seconds).unwrap_or(ttl).min(ttl)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn life() -> Life {
        Life { own_ttl: None, negative: false, expired: None, seed: 1 }
    }

    #[test]
    fn jitter_only_shortens_and_is_the_same_for_the_same_seed() {
        let policy = PolicyLayer::new().ttl(SECOND * 100).jitter(0.1).resolve();
        let mut shortest = SECOND * 100;
        for seed in 0..1000 {
            let fresh = policy.lifetime(Life { seed, ..life() }).fresh;
            assert!(fresh <= SECOND * 100 && fresh >= SECOND * 90, "{fresh:?}");
            assert_eq!(fresh, policy.lifetime(Life { seed, ..life() }).fresh);
            shortest = shortest.min(fresh);
        }
        assert!(shortest < SECOND * 91);
    }

    #[test]
    fn the_fills_own_ttl_goes_first_and_expiry_only_shortens() {
        let policy = PolicyLayer::new().ttl(SECOND * 100).jitter(0.0).stale_if_error(SECOND * 7);
        let policy = policy.resolve();
        let own = policy.lifetime(Life { own_ttl: Some(SECOND * 5), ..life() });
        assert_eq!((own.fresh, own.hard), (SECOND * 5, SECOND * 12));
        let expired = policy.lifetime(Life { expired: Some(SECOND * 3), ..life() });
        assert_eq!((expired.fresh, expired.hard), (SECOND * 3, SECOND * 10));
        let late = policy.lifetime(Life { expired: Some(SECOND * 300), ..life() });
        assert_eq!(late.fresh, SECOND * 100);
    }

    #[test]
    fn a_negative_entry_has_its_own_ttl_and_no_grace() {
        let policy = PolicyLayer::new().stale_if_error(SECOND * 9).jitter(0.0).resolve();
        let lifetime = policy.lifetime(Life { negative: true, ..life() });
        assert_eq!((lifetime.fresh, lifetime.hard), (SECOND * 30, SECOND * 30));
    }
}
