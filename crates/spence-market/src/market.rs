//! Questions for market data, answered through the cache.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use spence::{Batch, Cache, Cached, Clock, Error, Fill, FillCx, Fills, Policy, Spence, Ttl};
use spence_calendar::Session;

use crate::bars::{Bar, Bars, LastBars};
use crate::call::{Patience, now};
use crate::data::actions::{self, Dividends};
use crate::data::computed::ComputedCaches;
use crate::data::economy::{self, Economy};
use crate::data::intraday::{INTRADAY_CACHE, Intraday, IntradayKey};
use crate::data::massive::SERVES as MASSIVE_SERVES;
use crate::data::status::{self, ToldStatus};
use crate::data::{DataQuestion, DataType, Frequency, Params, Providers, RefusedRow, Rows, Told};
use crate::demand::{self, Demand, Remembered};
use crate::error::ProviderError;
use crate::held::HeldBars;
use crate::lacks::Wanted;
use crate::listed::{LISTINGS_CACHE, Listed};
use crate::provider::Provider;
use crate::quality::quarantine::{self, Quarantined};
use crate::rows::{ROWS_CACHE, RowKey, Scored};
use crate::series::{DayBar, Known, News, Series, SeriesKey, day_of};
use crate::splits::{SPLITS_CACHE, Splits, SplitsKey};
use crate::symbol::Symbol;
use crate::trading::Trading;

/// The name of the cache of bars, and of its policy.
pub const BARS_CACHE: &str = "OHLCV";

/// How long final bars are kept before they are fetched anew, under a policy that follows sessions.
pub(crate) const FINAL: Duration = Duration::from_secs(365 * 86_400);
/// A question is answered by two calls at most, and by another two if it meets others.
const ROUNDS: usize = 4;
/// Fills of others that a question joins before it gives up.
pub(crate) const FLIGHTS: u32 = 1_000;

/// Bars, and the rows that cannot be.
pub(crate) type Said<'a> = (&'a [Bar], &'a [RefusedRow]);

/// Market data from providers, cached.
#[derive(Debug, Clone)]
pub struct Market {
    pub(crate) bars: Cache<SeriesKey, Series>,
    pub(crate) splits: Cache<SplitsKey, Splits>,
    pub(crate) listings: Cache<String, Listed>,
    pub(crate) rows: Cache<RowKey, Scored>,
    pub(crate) intraday: Cache<IntradayKey, Intraday>,
    pub(crate) dividends: Cache<String, Dividends>,
    pub(crate) quarantined: Cache<String, Quarantined>,
    pub(crate) told_status: Cache<String, ToldStatus>,
    pub(crate) economy: Economy,
    pub(crate) computed: ComputedCaches,
    pub(crate) providers: Providers,
    pub(crate) demand: Arc<Demand>,
    pub(crate) remembered: Cache<String, Remembered>,
    pub(crate) trading: Trading,
    pub(crate) clock: Clock,
}

impl Market {
    /// Puts `provider` behind caches of `spence`. `origin` names the provider; what was stored
    /// under another name is not served.
    ///
    /// # Errors
    /// When a cache of the same name with other types exists.
    pub fn new(spence: &Spence, provider: Provider, origin: &str) -> Result<Self, Error> {
        let providers = Providers::default();
        let providers = providers.with_origin("market", &MASSIVE_SERVES, provider, origin);
        Self::with_providers(spence, providers)
    }

    /// Puts several providers behind caches of `spence`, which are asked one after the other.
    ///
    /// # Errors
    /// As for [`Market::new`].
    pub fn with_providers(spence: &Spence, providers: Providers) -> Result<Self, Error> {
        let origin = |data_type| providers.origin(data_type);
        let of_bars = origin(DataType::Ohlcv);
        let intraday = spence.cache(INTRADAY_CACHE).schema(1);
        providers.keep_in(spence)?;
        Ok(Self {
            bars: spence.cache(BARS_CACHE).schema(2).origin(&of_bars).build()?,
            splits: spence.cache(SPLITS_CACHE).schema(1).origin(origin(DataType::Split)).build()?,
            listings: spence.cache(LISTINGS_CACHE).schema(1).origin(&of_bars).build()?,
            rows: spence.cache(ROWS_CACHE).memory_only().build()?,
            intraday: intraday.origin(&of_bars).build()?,
            dividends: actions::cache(spence, &providers)?,
            quarantined: quarantine::cache(spence)?,
            told_status: status::cache(spence, &of_bars)?,
            economy: economy::caches(spence, &providers)?,
            computed: ComputedCaches::new(spence, &providers)?,
            trading: Trading::in_new_york().map_err(Error::origin)?,
            clock: spence.clock().clone(),
            demand: Arc::default(),
            remembered: demand::cache(spence)?,
            providers,
        })
    }

    /// Whom data come from.
    #[must_use]
    pub fn providers(&self) -> &Providers {
        &self.providers
    }

    /// The bars that are asked for; fewer if there are not as many. Only what is not known yet is
    /// asked of the provider, and what may have changed since it was.
    ///
    /// # Errors
    /// `NotFound` when there are no bars of the symbol up to then; `Origin` with a
    /// [`ProviderError`] when the provider failed and nothing permitted is held; `Deadline`.
    pub async fn bars(&self, question: &LastBars) -> Result<HeldBars, Error> {
        let (series, is_known) = self.series(&Wanted::Last(question.clone())).await?;
        let nothing = || Error::not_found(format!("no bars of {}", question.symbol()));
        self.answer(question, series, is_known).ok_or_else(nothing)
    }

    /// What is held of a symbol after the provider was asked for what is wanted, and whether
    /// nothing is lacking then.
    pub(crate) async fn series(&self, wanted: &Wanted) -> Result<(Cached<Series>, bool), Error> {
        self.note_demand([wanted.symbol()]);
        let key = SeriesKey::daily(wanted.symbol().clone());
        let mut flight = 0;
        loop {
            flight += 1;
            let (series, is_own) = self.extend(&key, wanted).await?;
            let is_known = self.gap(&series, wanted, self.now()).is_none();
            // Whoever has joined another's fill may have got less than asked for, and asks again.
            // What is over as soon as it has come is not asked for for ever.
            if is_known || is_own || series.freshness().is_stale() || flight == FLIGHTS {
                return Ok((series, is_known));
            }
        }
    }

    /// What is held of a symbol, after the provider was asked for what is lacking of it; and
    /// whether it was asked on behalf of this call, and not of another that was joined.
    async fn extend(
        &self,
        key: &SeriesKey,
        wanted: &Wanted,
    ) -> Result<(Cached<Series>, bool), Error> {
        // Handles only: this is the way of hits too.
        let asked = Arc::new((self.clone(), wanted.clone(), AtomicBool::new(false)));
        let covers = {
            let asked = Arc::clone(&asked);
            move |_: &SeriesKey, series: &Series| {
                let (market, wanted, _) = &*asked;
                market.gap(series, wanted, market.now()).is_none()
            }
        };
        let fill = {
            let asked = Arc::clone(&asked);
            move |mut missing: Vec<FillCx<SeriesKey, Series>>| {
                let asked = Arc::clone(&asked);
                async move {
                    let (market, wanted, is_own) = &*asked;
                    is_own.store(true, Ordering::Relaxed);
                    let mut fills = Fills::new();
                    if let Some(cx) = missing.pop() {
                        let series = market.fetch(wanted, &cx).await?;
                        let fill = market.fill(series, wanted.symbol().as_str());
                        fills.put(cx.key().clone(), fill);
                    }
                    Ok::<_, ProviderError>(fills)
                }
            }
        };
        let keys = std::slice::from_ref(key);
        let answer = self.bars.get_many_or_extend(keys, Batch::default(), covers, fill).await;
        let answer = answer.into_iter().next();
        let series = answer.unwrap_or_else(|| Err(Error::not_found("no answer")))?;
        Ok((series, asked.2.load(Ordering::Relaxed)))
    }

    /// Asks the provider for what is lacking.
    async fn fetch(
        &self,
        wanted: &Wanted,
        cx: &FillCx<SeriesKey, Series>,
    ) -> Result<Series, ProviderError> {
        let patience = Patience::new(&self.clock, cx.deadline());
        let (mut series, mut asked) = (trusted(cx), None);
        for _ in 0..ROUNDS {
            let now = self.now();
            let Some(gap) = self.gap(&series, wanted, now) else { break };
            let (to, limit) = (gap.to, gap.limit);
            // It may be over again already, if it is good for a moment only.
            if asked.replace(to.date()) == Some(to.date()) {
                break;
            }
            let start = gap.from.unwrap_or_else(|| self.trading.beginning());
            let params = Params { last: limit, ..Params::default() };
            let days = (start, to.date());
            let told = self.ask(wanted.symbol(), days, Frequency::Daily, params, &patience).await?;
            let (bars, refused) = self.of_sessions(told)?;
            self.quarantine(wanted.symbol(), "", &refused).await;
            let said = (bars.as_slice(), refused.as_slice());
            let news = match limit {
                Some(limit) => self.news(said, to, limit, now),
                None => self.said(start, to.date(), now, said),
            };
            series = series.extended(news, self.now_ms());
        }
        Ok(series)
    }

    /// Asks for bars of a symbol.
    pub(crate) async fn ask(
        &self,
        symbol: &Symbol,
        (start, end): (Date, Date),
        frequency: Frequency,
        params: Params,
        patience: &Patience,
    ) -> Result<Told, ProviderError> {
        let (data_type, ticker) = (DataType::Ohlcv, Some(symbol.clone()));
        let question = DataQuestion { data_type, start, end, ticker, frequency, params };
        self.providers.get_data(&question, patience).await
    }

    /// Daily bars of days with sessions; a row of another day cannot be.
    pub(crate) fn of_sessions(
        &self,
        told: Told,
    ) -> Result<(Vec<Bar>, Vec<RefusedRow>), ProviderError> {
        let Told { rows: Rows::Bars(bars), mut refused } = told else {
            return Err(ProviderError::Malformed("no daily bars".to_owned()));
        };
        let is_session = |bar: &Bar| self.trading.is_session(bar.date);
        let (bars, others): (Vec<Bar>, Vec<Bar>) = bars.into_iter().partition(is_session);
        let row = |bar: &Bar| RefusedRow {
            date: bar.date,
            time: None,
            row: format!("there was no session on that day: {bar:?}"),
        };
        refused.extend(others.iter().map(row));
        Ok((bars, refused))
    }

    /// What the last `limit` bars up to a session say.
    fn news(&self, said: Said<'_>, to: &Session, limit: usize, now: Timestamp) -> News {
        let (bars, refused) = said;
        let dates = bars.iter().map(|bar| bar.date).chain(refused.iter().map(|row| row.date));
        let from = match dates.min() {
            Some(oldest) if bars.len() + refused.len() >= limit => self.trading.run_up_to(oldest),
            // There are no more before these.
            _ => self.trading.beginning(),
        };
        self.said(from, to.date(), now, said)
    }

    /// What bars say that were asked for at a moment, of all days from one to another.
    pub(crate) fn said(&self, from: Date, to: Date, asked: Timestamp, said: Said<'_>) -> News {
        let (settled, unsettled) = self.trading.apart(from, to, asked);
        let until_ms = self.good_until_ms(&self.bars.policy(), asked);
        let (bars, refused) = said;
        let bars = bars.iter().map(DayBar::of).collect();
        let refused = refused.iter().map(|row| day_of(row.date)).collect();
        News { told: Known { settled, unsettled, until_ms }, bars, refused }
    }

    /// Until when figures that may change are good enough, in milliseconds of Unix time.
    pub(crate) fn good_until_ms(&self, policy: &Policy, now: Timestamp) -> u64 {
        let given = match policy.ttl {
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
        self.back(&series, question.end(), now, |_, day, has_bar| {
            left -= usize::from(has_bar);
            is_final &= series.known().is_final(day);
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
        match self.providers.market().and_then(Provider::budget) {
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
