//! From a policy and what is known about an entry to how long it may be served.

use std::sync::Arc;
use std::time::Duration;

use crate::calendar::{Calendar, Phase};
use crate::eager;
use crate::envelope::StoredEntry;
use crate::install::jitter_seed;
use crate::policy::{Policy, Ttl};

/// The two ends of an entry's life, as ages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Lifetime {
    /// Fresh while younger than this.
    pub(crate) fresh: Duration,
    /// May not be served at all from this age on.
    pub(crate) hard: Duration,
    /// How long before the end of its freshness a read may refresh it.
    pub(crate) early: Duration,
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
    /// How long the origin took.
    pub(crate) fetch: Duration,
    /// When the origin answered, in milliseconds of Unix time.
    pub(crate) born_ms: u64,
    /// Seed of its jitter; the same seed gives the same jitter.
    pub(crate) seed: u64,
}

/// The seed of an entry's jitter, by its key and version: the same in memory and on disk, now and
/// after a restart (contract C9).
pub(crate) fn seed(key: u32, as_of: u64) -> u64 {
    u64::from(key) << 32 ^ as_of
}

impl Life {
    pub(crate) fn of_stored(entry: &StoredEntry, unverified: bool) -> Self {
        let expired = entry.expired_at_ms.map(|at| at.saturating_sub(entry.born_ms));
        Self {
            own_ttl: entry.ttl_ms.map(Duration::from_millis),
            negative: entry.negative,
            unverified,
            expired: expired.map(Duration::from_millis),
            fetch: Duration::from_micros(u64::from(entry.fetch_micros)),
            born_ms: entry.born_ms,
            seed: seed(jitter_seed(&entry.key), entry.as_of),
        }
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
            return Lifetime::default();
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
        let early = match life.negative {
            true => Duration::ZERO,
            false => eager::window(policy.eager_refresh, life.fetch).min(fresh),
        };
        Lifetime { fresh, hard: fresh.saturating_add(grace), early }
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
    use crate::policy::{PolicyLayer, StaleUse};

    const SECOND: Duration = Duration::from_secs(1);
    /// Noon; the market of [`Noon`] has just closed.
    const NOON_MS: u64 = 43_200_000;

    fn life() -> Life {
        let (own_ttl, expired) = (None, None);
        let (negative, unverified, fetch) = (false, false, SECOND);
        Life { own_ttl, negative, unverified, expired, fetch, born_ms: NOON_MS, seed: 1 }
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
        let gone = Lifetime::default();
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
