//! Questions for market data, answered through the cache.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use spence::{Cache, Cached, Clock, Error, Fill, Policy, Spence, Ttl};
use spence_calendar::{ExchangeCalendar, Moment, Session};

use crate::bars::{BarKey, Bars};
use crate::call::now;
use crate::error::ProviderError;
use crate::provider::Provider;

/// The name of the cache of bars, and of its policy.
pub const BARS_CACHE: &str = "OHLCV";

/// How long after the close a session's figures may still be corrected: until eight in the evening
/// in New York on a whole day.
const SETTLE: Duration = Duration::from_secs(4 * 3600);
/// How long figures are fresh that will not change: a year.
const FINAL: Duration = Duration::from_secs(365 * 86_400);

/// Market data from one provider, cached.
#[derive(Debug, Clone)]
pub struct Market {
    bars: Cache<BarKey, Bars>,
    provider: Arc<Provider>,
    clock: Clock,
}

impl Market {
    /// Puts `provider` behind a cache of `spence`. `origin` names the provider; bars that were
    /// stored under another name are not served.
    ///
    /// # Errors
    /// When a cache of the same name with other types exists.
    pub fn new(spence: &Spence, provider: Provider, origin: &str) -> Result<Self, Error> {
        let bars = spence.cache(BARS_CACHE).schema(1).origin(origin).build()?;
        Ok(Self { bars, provider: Arc::new(provider), clock: spence.clock().clone() })
    }

    /// Where bars come from when no tier has them.
    #[must_use]
    pub fn provider(&self) -> &Provider {
        &self.provider
    }

    /// The bars that `key` asks for, tagged with their symbol; fewer than asked for if there are
    /// not as many.
    ///
    /// # Errors
    /// `NotFound` when the provider has no bars of the symbol up to then; `Origin` with a
    /// [`ProviderError`] when it failed and nothing permitted is held; `Deadline`.
    pub async fn bars(&self, key: &BarKey) -> Result<Cached<Bars>, Error> {
        // Handles only: this is the way of hits too.
        let market = self.clone();
        self.bars
            .get_or_fetch(key, |cx| async move {
                let Self { bars, provider, clock } = market;
                let found = provider.daily_bars(cx.key(), &clock, cx.deadline()).await?;
                let symbol = cx.key().symbol().as_str();
                Ok::<_, ProviderError>(match found {
                    Some(found) => {
                        let fill = Fill::new(found).tags([symbol]);
                        match fresh_for(cx.key().end(), &bars.policy(), now(&clock)) {
                            Some(ttl) => fill.ttl(ttl),
                            None => fill,
                        }
                    }
                    None => Fill::not_found().tags([symbol]),
                })
            })
            .await
    }
}

/// How long bars up to `end` are fresh: until there can be new ones, by the calendar of a policy
/// that follows sessions; what is given may be corrected for a while after a close. `None` if the
/// policy says it: while a session goes on, and if it follows none.
fn fresh_for(end: Option<Date>, policy: &Policy, now: Timestamp) -> Option<Duration> {
    let Ttl::BySession { open: unsettled, .. } = policy.ttl else { return None };
    let calendar = ExchangeCalendar::named(policy.calendar.as_deref()?).ok()?;
    let is_before = |session: &Session| end.is_some_and(|end| end < session.date());
    let between = |from: Timestamp, to: Timestamp| Duration::try_from(to.duration_since(from)).ok();
    match calendar.at(now)? {
        Moment::Open(session) => is_before(&session).then_some(FINAL),
        Moment::Closed { last, .. } if is_before(&last) => Some(FINAL),
        Moment::Closed { last, next } => match SETTLE.checked_sub(between(last.close(), now)?) {
            Some(left) if !left.is_zero() => Some(left.min(unsettled)),
            _ if is_before(&next) => Some(FINAL),
            _ => between(now, next.open()),
        },
    }
}
