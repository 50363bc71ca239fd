//! The bars of many symbols over the same sessions: what the tiers hold, and for what they lack the
//! fewest calls, in rounds that each leave something behind.

mod round;
mod unlisted;

use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use spence::{Batch, Cached, Error};
use spence_calendar::Session;

use crate::call::CallCount;
use crate::gather::round::{Errand, Round};
use crate::market::Market;
use crate::plan::{Plan, plan_apart};
use crate::series::{Series, SeriesKey, day_of};
use crate::symbol::Symbol;

/// Calls that are made before what they have brought is kept.
const ROUND: usize = 64;
/// With so many symbols; with more the rounds are smaller, since what comes is held until it is
/// kept.
const USUAL_SYMBOLS: usize = 5_000;
/// How often calls are planned anew for what is lacking after all. Who has joined another's round
/// comes by here too.
const PLANS: usize = 4;

/// How far a gathering is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Calls of the plan, if each is answered on one page and at once.
    pub calls_planned: usize,
    /// Calls of the plan that have been made.
    pub calls_done: usize,
    /// Calls that were made, with those that were made again.
    pub calls: usize,
    /// Whether the time for calls is over.
    pub is_over: bool,
}

/// What a gathering may do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Whether the provider may be called.
    pub(crate) may_call: bool,
    /// How long.
    pub(crate) time_limit: Duration,
}

/// Is told of every step.
pub type Tell = Arc<dyn Fn(Progress) + Send + Sync>;

/// Tells nobody.
pub(crate) fn untold() -> Tell {
    Arc::new(|_| ())
}

/// Sessions that all symbols are wanted for, oldest first.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    sessions: &'static [Session],
    days: Arc<[i32]>,
}

/// What has come together.
pub(crate) struct Gathered {
    /// For each symbol what is held now, or why nothing is.
    pub(crate) series: Vec<Result<Cached<Series>, Error>>,
    /// For each symbol why something may be lacking, as far as that is known.
    pub(crate) causes: Vec<Option<Error>>,
    /// Why a call has failed, whomever it was for.
    pub(crate) trouble: Option<Error>,
    pub(crate) progress: Progress,
}

impl Window {
    /// The last `bars` sessions that have begun, up to `end`.
    pub(crate) fn last(market: &Market, bars: usize, end: Option<Date>) -> Self {
        let begun = market.trading.begun(end, market.now());
        let sessions = begun.get(begun.len().saturating_sub(bars)..).unwrap_or_default();
        Self { sessions, days: sessions.iter().map(|session| day_of(session.date())).collect() }
    }

    /// The first and the last day; nothing if there are no sessions.
    pub(crate) fn span(&self) -> Option<(i32, i32)> {
        self.days.first().copied().zip(self.days.last().copied())
    }

    /// The day of a session.
    pub(crate) fn day(&self, place: usize) -> Option<i32> {
        self.days.get(place).copied()
    }

    pub(crate) fn dates(&self) -> Option<(Date, Date)> {
        Some((self.sessions.first()?.date(), self.sessions.last()?.date()))
    }

    /// Whether a series knows all of it.
    pub(crate) fn is_known_in(&self, series: &Series, now_ms: u64) -> bool {
        let is_final = |(first, last)| series.known().is_final_throughout(first, last);
        self.span().is_some_and(is_final)
            || self.days.iter().all(|day| series.known().knows(*day, now_ms))
    }

    /// The places of the sessions that a series does not know.
    fn lacking(&self, series: &Series, now_ms: u64) -> Vec<usize> {
        if self.is_known_in(series, now_ms) {
            return Vec::new();
        }
        let days = self.days.iter().enumerate();
        days.filter(|(_, day)| !series.known().knows(**day, now_ms))
            .map(|(place, _)| place)
            .collect()
    }
}

impl Market {
    /// For each symbol the places of the sessions that are not known.
    fn lacking(&self, held: &[Option<Cached<Series>>], window: &Window) -> Vec<Vec<usize>> {
        let (now_ms, nothing) = (self.now_ms(), Series::default());
        let lacking = |held: &Option<Cached<Series>>| {
            // What has been expired is to be asked for again, all of it.
            let known = held.as_ref().filter(|held| !held.freshness().is_stale());
            window.lacking(known.map_or(&nothing, |held| held), now_ms)
        };
        held.iter().map(lacking).collect()
    }

    /// The calls that a gathering would make.
    pub(crate) async fn plan(&self, symbols: &[Symbol], window: &Window) -> Plan {
        let held = self.bars.get_many(&keys_of(symbols)).await;
        let (mut lacking, calls) = (self.lacking(&held, window), CallCount::default());
        let unlisted = self.unlisted((symbols, &held), &lacking, window, false, &calls).await;
        unlisted.leave_out(&mut lacking);
        plan_apart(&lacking, |place| unlisted.alone.contains(&place))
    }

    /// Brings together the bars of these symbols; without calls, what is held of them.
    pub(crate) async fn gather(
        &self,
        symbols: &[Symbol],
        window: &Window,
        Limits { may_call, time_limit }: Limits,
        tell: Tell,
    ) -> Gathered {
        let since = self.clock.stopwatch();
        let round_calls = (ROUND * USUAL_SYMBOLS / symbols.len().max(USUAL_SYMBOLS)).max(1);
        let keys = keys_of(symbols);
        let mut held = self.bars.get_many(&keys).await;
        let mut causes: Vec<Option<Error>> = vec![None; keys.len()];
        let (mut progress, mut trouble) = (Progress::default(), None);
        let (plans, listing) = (if may_call { PLANS } else { 0 }, CallCount::default());
        let lacking = self.lacking(&held, window);
        let unlisted = self.unlisted((symbols, &held), &lacking, window, may_call, &listing).await;
        progress.calls = listing.total();
        for place in unlisted.unasked.iter().filter(|_| may_call) {
            causes.get_mut(*place).map(|cause| cause.replace(unlisted.cause()));
        }
        for _ in 0..plans {
            let mut lacking = self.lacking(&held, window);
            unlisted.leave_out(&mut lacking);
            if lacking.iter().all(Vec::is_empty) {
                break;
            }
            let plan = plan_apart(&lacking, |place| unlisted.alone.contains(&place));
            progress.calls_planned = progress.calls_done + plan.calls();
            tell(progress);
            let mut is_better = false;
            for errands in errands_of(&plan).chunks(round_calls) {
                let left = time_limit.saturating_sub(since.elapsed());
                if left.is_zero() {
                    progress.is_over = true;
                    break;
                }
                let parts = (errands, lacking.as_slice(), &unlisted.alone);
                let round = Round::new(self, window, parts, symbols, &tell, progress, left);
                let (places, wanted): (Vec<usize>, Vec<SeriesKey>) = round.keys().unzip();
                let round = Arc::new(round);
                let answers = self.run(Arc::clone(&round), &wanted).await;
                progress = round.progress();
                trouble = round.trouble().or(trouble);
                let answers = places.into_iter().zip(answers);
                is_better |= take(answers, &mut held, &mut causes);
                if !is_better {
                    break;
                }
            }
            if !is_better || progress.is_over {
                break;
            }
        }
        let series = held.into_iter().zip(&causes).map(|(held, cause)| {
            let nothing = || Error::not_found("nothing is held");
            held.ok_or_else(|| cause.clone().or_else(|| trouble.clone()).unwrap_or_else(nothing))
        });
        Gathered { series: series.collect(), causes, trouble, progress }
    }

    /// Makes the calls of a round, for those that nobody else makes them for.
    async fn run(
        &self,
        round: Arc<Round>,
        keys: &[SeriesKey],
    ) -> Vec<Result<Cached<Series>, Error>> {
        let covers = {
            let round = Arc::clone(&round);
            move |key: &SeriesKey, series: &Series| round.covers(key, series)
        };
        let fill = {
            let round = Arc::clone(&round);
            move |missing| {
                let round = Arc::clone(&round);
                async move { Ok::<_, Error>(round.fill(missing).await) }
            }
        };
        let all_at_once = Batch::chunks(keys.len()).parallel(1);
        self.bars.get_many_or_extend(keys, all_at_once, covers, fill).await
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.clock.unix_ms()
    }
}

/// Takes what is fresh, and why other answers are not; whether anything is.
fn take(
    answers: impl Iterator<Item = (usize, Result<Cached<Series>, Error>)>,
    held: &mut [Option<Cached<Series>>],
    causes: &mut [Option<Error>],
) -> bool {
    let mut is_better = false;
    for (place, answer) in answers {
        match answer {
            Ok(series) if !series.freshness().is_stale() => {
                is_better = true;
                held.get_mut(place).map(|held| held.replace(series));
            }
            // What is held is as good, and what of it is fresh stays that.
            Ok(series) => {
                let cause = series.stale_cause().cloned();
                causes.get_mut(place).map(|known| std::mem::replace(known, cause));
            }
            Err(error) => {
                causes.get_mut(place).map(|known| known.replace(error));
            }
        }
    }
    is_better
}

fn keys_of(symbols: &[Symbol]) -> Vec<SeriesKey> {
    symbols.iter().cloned().map(SeriesKey::daily).collect()
}

/// The calls of a plan: sessions first, the newest before the others.
fn errands_of(plan: &Plan) -> Vec<Errand> {
    let sessions = plan.sessions.iter().rev().map(|place| Errand::Session(*place));
    sessions.chain(plan.symbols.iter().map(|place| Errand::Symbol(*place))).collect()
}
