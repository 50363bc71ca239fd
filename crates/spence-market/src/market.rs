//! Questions for market data, answered through the cache.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use spence::{Batch, Cache, Cached, Clock, Error, Fill, FillCx, Fills, Policy, Spence, Ttl};
use spence_calendar::Session;

use crate::bars::{Bar, Bars, LastBars};
use crate::call::{Patience, now};
use crate::error::ProviderError;
use crate::held::HeldBars;
use crate::listed::{LISTINGS_CACHE, Listed};
use crate::provider::Provider;
use crate::rows::{ROWS_CACHE, RowKey, Scored};
use crate::series::{DayBar, News, Series, SeriesKey, day_of};
use crate::splits::{SPLITS_CACHE, Splits, SplitsKey};
use crate::trading::Trading;

/// The name of the cache of bars, and of its policy.
pub const BARS_CACHE: &str = "OHLCV";

/// How long final bars are kept before they are fetched anew, under a policy that follows sessions.
pub(crate) const FINAL: Duration = Duration::from_secs(365 * 86_400);
/// A question is answered by two calls at most, and by another two if it meets others.
const ROUNDS: usize = 4;

/// Market data from one provider, cached.
#[derive(Debug, Clone)]
pub struct Market {
    pub(crate) bars: Cache<SeriesKey, Series>,
    pub(crate) splits: Cache<SplitsKey, Splits>,
    pub(crate) listings: Cache<String, Listed>,
    pub(crate) rows: Cache<RowKey, Scored>,
    pub(crate) provider: Arc<Provider>,
    pub(crate) trading: Trading,
    pub(crate) clock: Clock,
}

impl Market {
    /// Puts `provider` behind a cache of `spence`. `origin` names the provider; bars that were
    /// stored under another name are not served.
    ///
    /// # Errors
    /// When a cache of the same name with other types exists.
    pub fn new(spence: &Spence, provider: Provider, origin: &str) -> Result<Self, Error> {
        let bars = spence.cache(BARS_CACHE).schema(2).origin(origin).build()?;
        let splits = spence.cache(SPLITS_CACHE).schema(1).origin(origin).build()?;
        let listings = spence.cache(LISTINGS_CACHE).schema(1).origin(origin).build()?;
        let rows = spence.cache(ROWS_CACHE).memory_only().build()?;
        if let Some(budget) = provider.budget() {
            budget.keep_in(spence, origin)?;
        }
        let trading = Trading::in_new_york().map_err(Error::origin)?;
        let (provider, clock) = (Arc::new(provider), spence.clock().clone());
        Ok(Self { bars, splits, listings, rows, provider, trading, clock })
    }

    /// Where bars come from when no tier has them.
    #[must_use]
    pub fn provider(&self) -> &Provider {
        &self.provider
    }

    /// The bars that are asked for; fewer if there are not as many. Only what is not known yet is
    /// asked of the provider, and what may have changed since it was.
    ///
    /// # Errors
    /// `NotFound` when there are no bars of the symbol up to then; `Origin` with a
    /// [`ProviderError`] when the provider failed and nothing permitted is held; `Deadline`.
    pub async fn bars(&self, question: &LastBars) -> Result<HeldBars, Error> {
        let key = SeriesKey::daily(question.symbol().clone());
        let mut series = self.extend(&key, question).await?;
        let mut gap = self.gap(&series, question, self.now());
        // Whoever has joined another's fill may have got less than asked for.
        for _ in 1..ROUNDS {
            if series.freshness().is_stale() || gap.is_none() {
                break;
            }
            series = self.extend(&key, question).await?;
            let before = std::mem::replace(&mut gap, self.gap(&series, question, self.now()));
            // What is over as soon as it has come is not asked for for ever.
            if gap == before {
                break;
            }
        }
        let nothing = || Error::not_found(format!("no bars of {}", question.symbol()));
        self.answer(question, series, gap.is_none()).ok_or_else(nothing)
    }

    /// What is held of a symbol, after the provider was asked for what `question` lacks of it.
    async fn extend(&self, key: &SeriesKey, question: &LastBars) -> Result<Cached<Series>, Error> {
        // Handles only: this is the way of hits too.
        let asked = Arc::new((self.clone(), question.clone()));
        let covers = {
            let asked = Arc::clone(&asked);
            move |_: &SeriesKey, series: &Series| {
                let (market, question) = &*asked;
                market.gap(series, question, market.now()).is_none()
            }
        };
        let fill = move |mut missing: Vec<FillCx<SeriesKey, Series>>| {
            let asked = Arc::clone(&asked);
            async move {
                let (market, question) = &*asked;
                let mut fills = Fills::new();
                if let Some(cx) = missing.pop() {
                    let series = market.fetch(question, &cx).await?;
                    fills.put(cx.key().clone(), market.fill(series, question.symbol().as_str()));
                }
                Ok::<_, ProviderError>(fills)
            }
        };
        let keys = std::slice::from_ref(key);
        let answer = self.bars.get_many_or_extend(keys, Batch::default(), covers, fill).await;
        answer.into_iter().next().unwrap_or_else(|| Err(Error::not_found("no answer")))
    }

    /// Asks the provider for what a question lacks.
    async fn fetch(
        &self,
        question: &LastBars,
        cx: &FillCx<SeriesKey, Series>,
    ) -> Result<Series, ProviderError> {
        let patience = Patience::new(&self.clock, cx.deadline());
        let (mut series, mut asked) = (trusted(cx), None);
        for _ in 0..ROUNDS {
            let now = self.now();
            let Some(Gap { to, limit }) = self.gap(&series, question, now) else { break };
            // It may be over again already, if it is good for a moment only.
            if asked.replace(to.date()) == Some(to.date()) {
                break;
            }
            let days = (self.trading.beginning(), to.date());
            let bars = self.provider.bars_of(question.symbol(), days, limit, &patience).await?;
            series = series.extended(self.news(&bars, to, limit, now));
        }
        Ok(series)
    }

    /// What the last `limit` bars up to a session say.
    fn news(&self, bars: &[Bar], to: &Session, limit: usize, now: Timestamp) -> News {
        let oldest = bars.iter().map(|bar| bar.date).min();
        let from = match oldest {
            Some(oldest) if bars.len() >= limit => self.trading.run_up_to(oldest),
            // There are no more before these.
            _ => self.trading.beginning(),
        };
        self.said(from, to.date(), now, bars)
    }

    /// What bars say that were asked for at a moment, of all days from one to another.
    pub(crate) fn said(&self, from: Date, to: Date, asked: Timestamp, bars: &[Bar]) -> News {
        let (settled, unsettled) = self.trading.apart(from, to, asked);
        let until_ms = self.good_until_ms(asked);
        News { settled, unsettled, until_ms, bars: bars.iter().map(DayBar::of).collect() }
    }

    /// Until when figures that may change are good enough, in milliseconds of Unix time.
    fn good_until_ms(&self, now: Timestamp) -> u64 {
        let given = match self.bars.policy().ttl {
            Ttl::BySession { open, .. } => open,
            Ttl::Always(ttl) => ttl,
        };
        let until = self.trading.good_until(now, given);
        u64::try_from(until.as_millisecond()).unwrap_or(0)
    }

    /// A series to be kept. What is final stays for long under a policy that follows sessions,
    /// since the days that are not have their own time; any other policy means what it says.
    pub(crate) fn fill(&self, series: Series, symbol: &str) -> Fill<Series> {
        let fill = Fill::new(series).tags([symbol]);
        if follows_sessions(&self.bars.policy()) { fill.ttl(FINAL) } else { fill }
    }

    /// What a question lacks of a series; `None` if it can be answered.
    fn gap(&self, series: &Series, question: &LastBars, now: Timestamp) -> Option<Gap> {
        let now_ms = self.clock.unix_ms();
        let (mut left, mut limit) = (question.bars() as usize, 0);
        // The newest session that is lacking, and how many bars were left to find there.
        let mut newest: Option<(&Session, usize)> = None;
        self.back(series, question, now, |session, day, has_bar| {
            let is_lacking = !series.knows(day, now_ms);
            if is_lacking {
                let (_, left_there) = *newest.get_or_insert((session, left));
                limit = left_there - left + 1;
            }
            left -= usize::from(is_lacking || has_bar);
            left > 0
        });
        newest.map(|(to, _)| Gap { to, limit })
    }

    /// Goes back over the sessions that a question may be about, with their days and whether there
    /// is a bar, for as long as `visit` wants to.
    fn back(
        &self,
        series: &Series,
        question: &LastBars,
        now: Timestamp,
        mut visit: impl FnMut(&'static Session, i32, bool) -> bool,
    ) {
        let mut days = series.days_back().peekable();
        for session in self.trading.begun(question.end(), now).iter().rev() {
            let day = day_of(session.date());
            while days.next_if(|newer| *newer > day).is_some() {}
            if !visit(session, day, days.peek() == Some(&day)) {
                return;
            }
        }
    }

    /// The answer that a series has; `None` if there are no bars.
    fn answer(
        &self,
        question: &LastBars,
        series: Cached<Series>,
        is_known: bool,
    ) -> Option<HeldBars> {
        let now = self.now();
        let (mut left, mut oldest, mut newest) = (question.bars() as usize, i32::MAX, i32::MIN);
        let mut is_final = true;
        self.back(&series, question, now, |_, day, has_bar| {
            left -= usize::from(has_bar);
            is_final &= series.is_final(day);
            (oldest, newest) = (day, newest.max(day));
            left > 0
        });
        let mut bars = Vec::new();
        series.each(oldest, newest, |bar| bars.extend(bar.bar()));
        let bars = Bars::new(bars);
        (!bars.is_empty()).then(|| HeldBars::new(bars, series, is_known, is_final))
    }

    /// How many calls are left today; nothing if there is no bound.
    pub async fn calls_left(&self) -> Option<u32> {
        match self.provider.budget() {
            Some(budget) => Some(budget.left(&self.clock).await),
            None => None,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        now(&self.clock)
    }
}

/// Whether a policy leaves it to the calendar how long something is fresh.
pub(crate) fn follows_sessions(policy: &Policy) -> bool {
    policy.calendar.is_some() && matches!(policy.ttl, Ttl::BySession { .. })
}

/// What is held that can be built upon: not what has been expired.
pub(crate) fn trusted(cx: &FillCx<SeriesKey, Series>) -> Series {
    let held = cx.stale().filter(|held| !held.freshness().is_stale());
    held.map(|held| (**held).clone()).unwrap_or_default()
}

/// What a question lacks: the last `limit` bars up to a session.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Gap {
    to: &'static Session,
    limit: usize,
}
