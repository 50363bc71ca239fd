//! What an entry may do: how long it is fresh, how long it may stand in for an origin that fails.
//!
//! A policy is data. Layers of it are merged field by field, the more particular winning: call
//! over cache over named policy over `defaults` over [`Policy::default`]. Freshness is derived
//! from the policy in force and an entry's birth, never stored, so that a change of policy takes
//! effect at once and can be taken back exactly (contract C15).

use std::sync::Arc;
use std::time::Duration;

use crate::calendar::{Calendar, Phase};

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
    /// Bytes of memory that the cache has for itself, taken from the budget that the others share.
    /// Counts when the cache is built. At least 64 KiB; default none.
    memory_budget: Option<u64> = None;
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
    /// Whether an invalidation of it may have been lost.
    pub(crate) unverified: bool,
    /// The age at which it was expired by hand.
    pub(crate) expired: Option<Duration>,
    /// When the origin answered, in milliseconds of Unix time.
    pub(crate) born_ms: u64,
    /// Seed of its jitter; the same seed gives the same jitter.
    pub(crate) seed: u64,
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

/// A policy in force, with the calendar that it names.
#[derive(Clone)]
pub(crate) struct Rules {
    pub(crate) policy: Policy,
    /// `None` too if the engine has no calendar of that name.
    pub(crate) calendar: Option<Arc<dyn Calendar>>,
}

impl Rules {
    /// Derives an entry's lifetime.
    pub(crate) fn lifetime(&self, life: Life) -> Lifetime {
        let policy = &self.policy;
        if policy.no_store || (life.unverified && policy.verified_only) {
            return Lifetime { fresh: Duration::ZERO, hard: Duration::ZERO };
        }
        let phase = self.phase(life.born_ms);
        let asked = match (life.own_ttl, life.negative) {
            (Some(own), _) => own,
            (None, true) => policy.negative_ttl,
            (None, false) => policy.ttl.during(phase),
        };
        let mut fresh = shorten(asked, policy.jitter, life.seed);
        if let (None, false, Ttl::BySession { .. }, Some(phase)) =
            (life.own_ttl, life.negative, policy.ttl, phase)
        {
            fresh = fresh.min(Duration::from_millis(phase.until_ms.saturating_sub(life.born_ms)));
        }
        if let Some(expired) = life.expired {
            fresh = fresh.min(expired);
        }
        // "Nothing there" never stands in for an answer.
        let grace = if life.negative { Duration::ZERO } else { policy.grace() };
        Lifetime { fresh, hard: fresh.saturating_add(grace) }
    }

    fn phase(&self, unix_ms: u64) -> Option<Phase> {
        match self.policy.ttl {
            Ttl::Always(_) => None,
            Ttl::BySession { .. } => self.calendar.as_ref()?.phase(unix_ms),
        }
    }
}

impl Ttl {
    /// The time to live of what was fetched in `phase`.
    pub(crate) fn during(self, phase: Option<Phase>) -> Duration {
        match self {
            Ttl::Always(ttl) => ttl,
            Ttl::BySession { closed, .. } if phase.is_some_and(|phase| !phase.open) => closed,
            Ttl::BySession { open, .. } => open,
        }
    }
}

impl std::fmt::Debug for Rules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let calendar = self.calendar.is_some();
        f.debug_struct("Rules").field("policy", &self.policy).field("calendar", &calendar).finish()
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
    /// Noon; the market of [`Noon`] has just closed.
    const NOON_MS: u64 = 43_200_000;

    fn life() -> Life {
        let (own_ttl, expired) = (None, None);
        Life { own_ttl, negative: false, unverified: false, expired, born_ms: NOON_MS, seed: 1 }
    }

    fn rules(layer: &PolicyLayer) -> Rules {
        Rules { policy: layer.resolve(), calendar: None }
    }

    #[test]
    fn jitter_only_shortens_and_is_the_same_for_the_same_seed() {
        let rules = rules(&PolicyLayer::new().ttl(SECOND * 100).jitter(0.1));
        let mut shortest = SECOND * 100;
        for seed in 0..1000 {
            let fresh = rules.lifetime(Life { seed, ..life() }).fresh;
            assert!(fresh <= SECOND * 100 && fresh >= SECOND * 90, "{fresh:?}");
            assert_eq!(fresh, rules.lifetime(Life { seed, ..life() }).fresh);
            shortest = shortest.min(fresh);
        }
        assert!(shortest < SECOND * 91);
    }

    #[test]
    fn the_fills_own_ttl_goes_first_and_expiry_only_shortens() {
        let layer = PolicyLayer::new().ttl(SECOND * 100).jitter(0.0).stale_if_error(SECOND * 7);
        let rules = rules(&layer);
        let own = rules.lifetime(Life { own_ttl: Some(SECOND * 5), ..life() });
        assert_eq!((own.fresh, own.hard), (SECOND * 5, SECOND * 12));
        let expired = rules.lifetime(Life { expired: Some(SECOND * 3), ..life() });
        assert_eq!((expired.fresh, expired.hard), (SECOND * 3, SECOND * 10));
        let late = rules.lifetime(Life { expired: Some(SECOND * 300), ..life() });
        assert_eq!(late.fresh, SECOND * 100);
    }

    #[test]
    fn a_negative_entry_has_its_own_ttl_and_no_grace() {
        let rules = rules(&PolicyLayer::new().stale_if_error(SECOND * 9).jitter(0.0));
        let lifetime = rules.lifetime(Life { negative: true, ..life() });
        assert_eq!((lifetime.fresh, lifetime.hard), (SECOND * 30, SECOND * 30));
    }

    #[test]
    fn the_longer_grace_counts_unless_stale_is_never() {
        let layer = PolicyLayer::new().ttl(SECOND).jitter(0.0).stale_if_error(SECOND * 9);
        let layer = layer.stale_while_revalidate(SECOND * 20);
        assert_eq!(rules(&layer).lifetime(life()).hard, SECOND * 21);
        let never = rules(&layer.stale(StaleUse::Never));
        assert_eq!(never.lifetime(life()).hard, SECOND);
    }

    #[test]
    fn what_is_unproved_or_not_to_be_stored_has_no_life() {
        let gone = Lifetime { fresh: Duration::ZERO, hard: Duration::ZERO };
        let unverified = Life { unverified: true, ..life() };
        let strict = rules(&PolicyLayer::new().verified_only(true));
        assert_eq!(strict.lifetime(unverified), gone);
        assert_ne!(strict.lifetime(life()), gone);
        assert_eq!(rules(&PolicyLayer::new().no_store(true)).lifetime(life()), gone);
    }

    /// Open until noon, closed after it, on the first day of Unix time.
    struct Noon;

    impl Calendar for Noon {
        fn phase(&self, unix_ms: u64) -> Option<Phase> {
            let open = unix_ms < NOON_MS;
            let until_ms = if open { NOON_MS } else { 2 * NOON_MS };
            (unix_ms < 2 * NOON_MS).then_some(Phase { open, until_ms })
        }
    }

    #[test]
    fn a_session_chooses_the_ttl_and_its_end_ends_the_freshness() {
        let ttl = Ttl::BySession { open: SECOND * 300, closed: SECOND * 86_400 };
        let policy = PolicyLayer::new().ttl(ttl).jitter(0.0).resolve();
        let rules = Rules { policy, calendar: Some(Arc::new(Noon)) };
        let fresh = |born_ms| rules.lifetime(Life { born_ms, ..life() }).fresh;
        assert_eq!(fresh(0), SECOND * 300);
        assert_eq!(fresh(NOON_MS - 1_000), SECOND, "at most until the close");
        assert_eq!(fresh(NOON_MS), SECOND * 43_200, "at most until the next open");
        assert_eq!(fresh(2 * NOON_MS), SECOND * 300, "a day that the calendar does not know");
        let own = Life { own_ttl: Some(SECOND * 9), born_ms: NOON_MS - 1_000, ..life() };
        assert_eq!(rules.lifetime(own).fresh, SECOND * 9, "a fill's own goes before");
    }
}
