//! Some calls of a plan, made together; what each symbol gets of them is kept.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt;
use futures_util::stream::{self, StreamExt};
use jiff::civil::Date;
use rayon::prelude::*;
use spence::{Error, Fill, FillCx, Fills};
use spence_calendar::Session;

use crate::call::Patience;
use crate::error::ProviderError;
use crate::gather::{Progress, Tell, Window};
use crate::market::{Market, trusted};
use crate::series::{DayBar, News, Series, SeriesKey, day_of};
use crate::symbol::Symbol;

/// Calls that are under way at a time.
const PARALLEL: usize = 8;
/// The most bars of a call about one symbol.
const MAX_BARS: usize = 50_000;

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
    sessions: Vec<&'static Session>,
    /// Symbols that get bars of the sessions or are asked for themselves, by name.
    wanting: HashMap<Symbol, Wanting>,
    tell: Tell,
    before: Progress,
    done: AtomicUsize,
    calls: AtomicUsize,
}

/// What a symbol gets in a round.
struct Wanting {
    place: usize,
    /// The days that will be known of it.
    days: Vec<i32>,
    /// The first and the last session of the call that is made for it alone.
    own: Option<(Date, Date)>,
}

/// What a call has brought.
enum Brought {
    Session(&'static Session, Vec<(usize, DayBar)>),
    Symbol(usize, News),
}

impl Round {
    pub(crate) fn new(
        market: &Market,
        window: &Window,
        errands: &[Errand],
        lacking: &[Vec<usize>],
        symbols: &[Symbol],
        tell: &Tell,
        before: Progress,
    ) -> Self {
        let session = |place: usize| window.sessions.get(place);
        let (mut of_all, mut own) = (BTreeSet::new(), BTreeSet::new());
        for errand in errands {
            match errand {
                Errand::Session(place) => of_all.insert(*place),
                Errand::Symbol(place) => own.insert(*place),
            };
        }
        let mut wanting = HashMap::new();
        for (place, (lacks, symbol)) in lacking.iter().zip(symbols).enumerate() {
            let is_own = own.contains(&place);
            let gets = lacks.iter().filter(|session| is_own || of_all.contains(session));
            let gets: Vec<&Session> = gets.filter_map(|place| session(*place)).collect();
            if let (Some(first), Some(last)) = (gets.first(), gets.last()) {
                let own = is_own.then(|| (market.trading.run_up_to(first.date()), last.date()));
                let days = gets.iter().map(|session| day_of(session.date())).collect();
                wanting.insert(symbol.clone(), Wanting { place, days, own });
            }
        }
        Self {
            market: market.clone(),
            sessions: of_all.into_iter().rev().filter_map(session).collect(),
            wanting,
            tell: tell.clone(),
            before,
            done: AtomicUsize::new(0),
            calls: AtomicUsize::new(0),
        }
    }

    /// The symbols that are about to get something, with their places.
    pub(crate) fn keys(&self) -> impl Iterator<Item = (usize, SeriesKey)> {
        self.wanting.iter().map(|(symbol, one)| (one.place, SeriesKey::daily(symbol.clone())))
    }

    /// Whether a series has what this round is to bring.
    pub(crate) fn covers(&self, key: &SeriesKey, series: &Series) -> bool {
        let now_ms = self.market.now_ms();
        let knows = |wanting: &Wanting| wanting.days.iter().all(|day| series.knows(*day, now_ms));
        self.wanting.get(key.symbol()).is_none_or(knows)
    }

    /// How far it all is.
    pub(crate) fn progress(&self) -> Progress {
        Progress {
            calls_done: self.before.calls_done + self.done.load(Ordering::Relaxed),
            calls: self.before.calls + self.calls.load(Ordering::Relaxed),
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
        let patience = Patience::new(&self.market.clock, deadline / 5 * 4);
        let names: Vec<Symbol> = missing.iter().map(|cx| cx.key().symbol().clone()).collect();
        let places: HashMap<&str, usize> = names.iter().map(Symbol::as_str).zip(0..).collect();
        let errands = self.errands(&missing, &places);
        let errands =
            errands.into_iter().map(|errand| self.run(errand, &places, &patience).boxed());
        let mut brought = stream::iter(errands).buffer_unordered(PARALLEL);
        let (mut common, mut error) = (News::default(), None);
        let mut own: Vec<News> = vec![News::default(); missing.len()];
        while let Some(brought) = brought.next().await {
            match brought {
                Ok(Brought::Session(session, bars)) => {
                    self.know_session(session, &mut common);
                    for (place, bar) in bars {
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
                    let is_hopeless = failed.is_hopeless();
                    error = Some(Error::origin(failed));
                    if is_hopeless {
                        break;
                    }
                }
            }
        }
        self.calls.store(patience.calls() as usize, Ordering::Relaxed);
        let unanswered = error.unwrap_or_else(|| Error::not_found("no call was made for it"));
        self.keep(missing, own, &common, &unanswered)
    }

    /// The calls that are needed for those that are missing.
    fn errands(
        &self,
        missing: &[FillCx<SeriesKey, Series>],
        places: &HashMap<&str, usize>,
    ) -> Vec<Call> {
        let mut calls: Vec<_> =
            self.sessions.iter().map(|session| Call::Session(session)).collect();
        for cx in missing {
            let symbol = cx.key().symbol();
            if let Some(wanting) = self.wanting.get(symbol)
                && let (Some(days), Some(place)) = (wanting.own, places.get(symbol.as_str()))
            {
                calls.push(Call::Symbol { name: symbol.clone(), place: *place, days });
            }
        }
        calls
    }

    async fn run(
        &self,
        call: Call,
        places: &HashMap<&str, usize>,
        patience: &Patience,
    ) -> Result<Brought, ProviderError> {
        let provider = &self.market.provider;
        let brought = match call {
            Call::Session(session) => provider
                .bars_on(session.date(), places, patience)
                .await
                .map(|bars| Brought::Session(session, bars)),
            Call::Symbol { name, place, days } => {
                let now = self.market.now();
                provider.bars_of(&name, days, MAX_BARS, patience).await.map(|bars| {
                    let (settled, unsettled) = self.market.trading.apart(days.0, days.1, now);
                    let until_ms = self.market.good_until_ms(now);
                    let bars = bars.iter().map(DayBar::of).collect();
                    Brought::Symbol(place, News { settled, unsettled, until_ms, bars })
                })
            }
        };
        self.done.fetch_add(1, Ordering::Relaxed);
        self.calls.store(patience.calls() as usize, Ordering::Relaxed);
        (self.tell)(self.progress());
        brought
    }

    /// Every symbol knows of a session that was given as a whole.
    fn know_session(&self, session: &Session, common: &mut News) {
        let trading = &self.market.trading;
        let (now, date) = (self.market.now(), session.date());
        let (settled, unsettled) = trading.apart(trading.run_up_to(date), date, now);
        let until_ms = self.market.good_until_ms(now);
        common.add(News { settled, unsettled, until_ms, bars: Vec::new() });
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
            news.add(common.clone());
            let symbol = cx.key().symbol().as_str();
            let fill = || self.market.fill(trusted(&cx).extended(news.clone()), symbol);
            let fill: Option<Fill<Series>> = (!news.is_nothing()).then(fill);
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
    /// With what another call has said; the earlier end of what is not settled counts.
    fn add(&mut self, news: News) {
        if !news.unsettled.is_empty() {
            self.until_ms = match self.unsettled.is_empty() {
                true => news.until_ms,
                false => self.until_ms.min(news.until_ms),
            };
        }
        self.settled.add_all(&news.settled);
        self.unsettled.add_all(&news.unsettled);
        self.bars.extend(news.bars);
    }

    fn is_nothing(&self) -> bool {
        self.settled.is_empty() && self.unsettled.is_empty()
    }
}
