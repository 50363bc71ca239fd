//! Some calls of a plan, made together; what each symbol gets of them is kept.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::stream::{self, StreamExt};
use jiff::Timestamp;
use jiff::civil::Date;
use parking_lot::Mutex;
use rayon::prelude::*;
use spence::{Error, Fill, FillCx, Fills};
use spence_calendar::Session;

use crate::call::Patience;
use crate::data::{DataType, Frequency, Params};
use crate::error::ProviderError;
use crate::gather::{Progress, Tell, Window};
use crate::market::{Market, trusted};
use crate::plan::plan_apart;
use crate::provider::{Provider, SessionBars};
use crate::series::{News, Series, SeriesKey, day_of};
use crate::symbol::Symbol;

/// Calls that are under way at a time.
const PARALLEL: usize = 8;
/// Calls that fail for a reason which others will have too, before no more are made.
const HOPELESS: u32 = 3;

/// A call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Errand {
    /// For all bars of a session, by its place in the window.
    Session(usize),
    /// For all sessions that a symbol lacks, by its place among the symbols.
    Symbol(usize),
}

/// Calls that are made together.
pub(crate) struct Round {
    market: Market,
    window: Window,
    /// Symbols that get bars of some sessions, by name.
    wanting: HashMap<Symbol, Wanting>,
    tell: Tell,
    before: Progress,
    done: AtomicUsize,
    calls: AtomicUsize,
    trouble: Mutex<Option<Error>>,
    time_limit: Duration,
    is_over: AtomicBool,
}

/// What a symbol gets in a round.
struct Wanting {
    place: usize,
    /// The sessions that will be known of it, by their places in the window; in order.
    lacks: Vec<usize>,
    /// Whether it was not traded if a whole session's answer leaves it out.
    is_listed: bool,
}

/// What a call has brought.
enum Brought {
    /// With the moment at which it was asked for.
    Session(&'static Session, Timestamp, SessionBars),
    Symbol(usize, News),
}

impl Round {
    pub(crate) fn new(
        market: &Market,
        window: &Window,
        (errands, lacking, unlisted): (&[Errand], &[Vec<usize>], &HashSet<usize>),
        symbols: &[Symbol],
        tell: &Tell,
        before: Progress,
        time_limit: Duration,
    ) -> Self {
        let (mut of_all, mut alone) = (BTreeSet::new(), BTreeSet::new());
        for errand in errands {
            match errand {
                Errand::Session(place) => of_all.insert(*place),
                Errand::Symbol(place) => alone.insert(*place),
            };
        }
        let mut wanting = HashMap::new();
        for (place, (lacks, symbol)) in lacking.iter().zip(symbols).enumerate() {
            let is_listed = !unlisted.contains(&place);
            let gets = |session: &&usize| {
                alone.contains(&place) || (is_listed && of_all.contains(*session))
            };
            let lacks: Vec<usize> = lacks.iter().filter(gets).copied().collect();
            if !lacks.is_empty() {
                wanting.insert(symbol.clone(), Wanting { place, lacks, is_listed });
            }
        }
        Self {
            market: market.clone(),
            window: window.clone(),
            wanting,
            tell: tell.clone(),
            before,
            done: AtomicUsize::new(0),
            calls: AtomicUsize::new(0),
            trouble: Mutex::default(),
            time_limit,
            is_over: AtomicBool::new(false),
        }
    }

    /// The symbols that are about to get something, with their places.
    pub(crate) fn keys(&self) -> impl Iterator<Item = (usize, SeriesKey)> {
        self.wanting.iter().map(|(symbol, one)| (one.place, SeriesKey::daily(symbol.clone())))
    }

    /// Whether a series has what this round is to bring.
    pub(crate) fn covers(&self, key: &SeriesKey, series: &Series) -> bool {
        self.lacking(key, series, self.market.now_ms()).is_empty()
    }

    /// The sessions that a series lacks of what this round is to bring.
    fn lacking(&self, key: &SeriesKey, series: &Series, now_ms: u64) -> Vec<usize> {
        let lacks = self.wanting.get(key.symbol()).map(|wanting| wanting.lacks.iter());
        let is_lacking = |place: &&usize| {
            self.window.days.get(**place).is_some_and(|day| !series.known().knows(*day, now_ms))
        };
        lacks.into_iter().flatten().filter(is_lacking).copied().collect()
    }

    fn is_listed(&self, symbol: &Symbol) -> bool {
        self.wanting.get(symbol).is_none_or(|one| one.is_listed)
    }

    /// Why a call has failed, if one has.
    pub(crate) fn trouble(&self) -> Option<Error> {
        self.trouble.lock().clone()
    }

    /// How far it all is.
    pub(crate) fn progress(&self) -> Progress {
        Progress {
            calls_done: self.before.calls_done + self.done.load(Ordering::Relaxed),
            calls: self.before.calls + self.calls.load(Ordering::Relaxed),
            is_over: self.is_over.load(Ordering::Relaxed),
            ..self.before
        }
    }

    /// Makes the calls, and gives each series what they say of it. Of calls that fail others may
    /// have succeeded: what they brought is kept.
    pub(crate) async fn fill(
        &self,
        missing: Vec<FillCx<SeriesKey, Series>>,
    ) -> Fills<SeriesKey, Series> {
        let Some(deadline) = missing.first().map(FillCx::deadline) else { return Fills::new() };
        // So that there is time left to keep what has come.
        let (clock, since) = (&self.market.clock, self.market.clock.stopwatch());
        let limit = (deadline / 5 * 4).min(self.time_limit);
        let patience = Patience::new(clock, limit);
        let names: Vec<Symbol> = missing.iter().map(|cx| cx.key().symbol().clone()).collect();
        let places: HashMap<&str, usize> = names.iter().map(Symbol::as_str).zip(0..).collect();
        let calls = self.calls_for(&missing).into_iter();
        let calls = calls.map(|call| self.run(call, &places, &patience).boxed());
        let mut brought = stream::iter(calls).buffer_unordered(PARALLEL);
        let (mut common, mut error, mut hopeless) = (News::default(), None, 0);
        let mut own: Vec<News> = vec![News::default(); missing.len()];
        loop {
            let left = limit.saturating_sub(since.elapsed());
            let brought = match clock.timeout(left, brought.next()).await {
                Some(Some(brought)) => brought,
                Some(None) => break,
                // What has come until now is kept.
                None => {
                    error.get_or_insert_with(|| Error::origin("the time for calls was over"));
                    break;
                }
            };
            match brought {
                Ok(Brought::Session(session, asked, told)) => {
                    self.know_session(session, asked, &mut common);
                    for (place, row) in told.refused {
                        let (own, name) = (own.get_mut(place), names.get(place));
                        if let Some((own, name)) = own.zip(name) {
                            own.add(self.market.said(row.date, row.date, asked, (&[], &[])));
                            own.refused.push(day_of(row.date));
                            self.market.quarantine(name, "", &[row]).await;
                        }
                    }
                    for (place, bar) in told.bars {
                        if let Some(own) = own.get_mut(place) {
                            own.bars.push(bar);
                        }
                    }
                }
                Ok(Brought::Symbol(place, news)) => {
                    if let Some(own) = own.get_mut(place) {
                        own.add(news);
                    }
                }
                Err(failed) => {
                    hopeless += u32::from(failed.is_hopeless());
                    error = Some(Error::origin(failed));
                    if hopeless == HOPELESS {
                        break;
                    }
                }
            }
        }
        self.calls.store(patience.calls() as usize, Ordering::Relaxed);
        let is_over = limit == self.time_limit && since.elapsed() >= limit;
        self.is_over.store(is_over, Ordering::Relaxed);
        if let Some(error) = &error {
            *self.trouble.lock() = Some(error.clone());
        }
        let unanswered = error.unwrap_or_else(|| Error::not_found("no call was made for it"));
        self.keep(missing, own, &common, &unanswered)
    }

    /// The fewest calls for those that are missing, which may be only some of the round's.
    fn calls_for(&self, missing: &[FillCx<SeriesKey, Series>]) -> Vec<Call> {
        let now_ms = self.market.now_ms();
        let lacking = |cx| self.lacking(FillCx::key(cx), &trusted(cx), now_ms);
        let lacking: Vec<Vec<usize>> = missing.iter().map(lacking).collect();
        let is_alone =
            |place: usize| missing.get(place).is_some_and(|cx| !self.is_listed(cx.key().symbol()));
        let plan = plan_apart(&lacking, is_alone);
        let session = |place: &usize| self.window.sessions.get(*place);
        let of_all = plan.sessions.iter().rev().filter_map(session).map(Call::Session);
        let alone = plan.symbols.iter().filter_map(|place| {
            let lacks = lacking.get(*place)?;
            let (first, last) = (lacks.first().and_then(session)?, lacks.last().and_then(session)?);
            let days = (self.market.trading.run_up_to(first.date()), last.date());
            let name = missing.get(*place)?.key().symbol().clone();
            Some(Call::Symbol { name, place: *place, days })
        });
        of_all.chain(alone).collect()
    }

    async fn run<'p>(
        &'p self,
        call: Call,
        places: &'p HashMap<&str, usize>,
        patience: &Patience,
    ) -> Result<Brought, ProviderError> {
        let (market, now) = (&self.market, self.market.now());
        let brought = match call {
            Call::Session(session) => {
                let ask = |provider: &'p Provider, patience: Patience| {
                    let bars =
                        async move { provider.bars_on(session.date(), places, &patience).await };
                    bars.boxed()
                };
                let bars = market.providers.ask_market(DataType::Ohlcv, patience, ask).await;
                bars.map(|told| Brought::Session(session, now, told))
            }
            Call::Symbol { name, place, days } => {
                let params = Params::default();
                match market.ask(&name, days, Frequency::Daily, params, patience).await {
                    Ok(told) => {
                        let (bars, refused) = market.of_sessions(told)?;
                        market.quarantine(&name, "", &refused).await;
                        let said = market.said(days.0, days.1, now, (&bars, &refused));
                        Ok(Brought::Symbol(place, said))
                    }
                    Err(error) => Err(error),
                }
            }
        };
        self.done.fetch_add(1, Ordering::Relaxed);
        self.calls.store(patience.calls() as usize, Ordering::Relaxed);
        (self.tell)(self.progress());
        brought
    }

    /// Every symbol knows of a session that was given as a whole.
    fn know_session(&self, session: &Session, now: Timestamp, common: &mut News) {
        let date = session.date();
        common.add(self.market.said(self.market.trading.run_up_to(date), date, now, (&[], &[])));
    }

    /// The series with what has come, each with its own; those that nothing has come for fail.
    fn keep(
        &self,
        missing: Vec<FillCx<SeriesKey, Series>>,
        own: Vec<News>,
        common: &News,
        unanswered: &Error,
    ) -> Fills<SeriesKey, Series> {
        let kept = missing.into_par_iter().zip(own).map(|(cx, mut news)| {
            let symbol = cx.key().symbol();
            if self.is_listed(symbol) {
                news.add(common.clone());
            }
            let fill = || {
                self.market.fill(
                    trusted(&cx).extended(news.clone(), self.market.now_ms()),
                    symbol.as_str(),
                )
            };
            let fill: Option<Fill<Series>> = (!news.told.is_nothing()).then(fill);
            (cx.key().clone(), fill)
        });
        let mut fills = Fills::new();
        for (key, fill) in kept.collect::<Vec<_>>() {
            match fill {
                Some(fill) => fills.put(key, fill),
                None => fills.fail(key, unanswered.clone()),
            }
        }
        fills
    }
}

/// A call that is about to be made.
enum Call {
    Session(&'static Session),
    /// `place` among those that are missing.
    Symbol {
        name: Symbol,
        place: usize,
        days: (Date, Date),
    },
}

impl News {
    /// With what another call has said.
    fn add(&mut self, news: News) {
        self.told.add(&news.told);
        self.bars.extend(news.bars);
        self.refused.extend(news.refused);
    }
}
