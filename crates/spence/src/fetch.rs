//! `get_or_fetch` beyond the hit path: look, board a flight, wait for it, or fall back on what is
//! stale.

use std::error::Error as StdError;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::ban::Verdict;
use crate::cache::Cache;
use crate::cached::Cached;
use crate::caller::Caller;
use crate::clock::Clock;
use crate::entry::{Entry, Standing};
use crate::error::{Error, ErrorKind};
use crate::fill::{Fill, FillCx};
use crate::flight::{Boarding, Flight, Ticket};
use crate::install::Landing;
use crate::key::Key;
use crate::lookup::Held;
use crate::outcome::{Freshness, MissCause, Source, StaleReason};

/// A stale entry, and the tier that held it.
pub(crate) type Stale<K, V> = Option<(Arc<Entry<K, V>>, Source)>;

/// What a caller without a fresh value does next.
pub(crate) enum Next<K: Key, V> {
    Answer(Result<Cached<V>, Error>),
    /// Look again: something has come in since.
    Look,
    /// Look again when this lands.
    LookAfter(watch::Receiver<bool>),
    /// Wait for another caller's flight.
    Wait(Arc<Flight<K, Landing<K, V>>>),
    /// Start this flight, then wait for it.
    Start(Arc<Flight<K, Landing<K, V>>>),
}

impl<K: Key, V: Send + Sync + 'static> Cache<K, V> {
    /// The cold path of `get_or_fetch`.
    #[cold]
    pub(crate) async fn fetch<F, R, E>(
        &self,
        mut caller: Caller<K, V>,
        fill: F,
    ) -> Result<Cached<V>, Error>
    where
        F: FnOnce(FillCx<K, V>) -> R + Send + 'static,
        R: Future<Output = Result<Fill<V>, E>> + Send + 'static,
        E: Into<Box<dyn StdError + Send + Sync>> + 'static,
    {
        let mut fill = Some(fill);
        loop {
            let ticket = self.engine.flights.ticket(caller.hash, &self.engine.log);
            let stale = match self.look(&mut caller, &ticket).await {
                Ok(stale) => stale,
                Err(answer) => return answer,
            };
            let flight = match self.board(&caller, &ticket, &stale) {
                Next::Answer(answer) => return answer,
                Next::Look => continue,
                Next::LookAfter(landing) => {
                    match self.outwait(&caller, &ticket, landing, &stale).await {
                        Some(answer) => return answer,
                        None => continue,
                    }
                }
                Next::Wait(flight) => flight,
                Next::Start(flight) => {
                    // A caller's own flight begins after it came, so it never comes by again.
                    let fill = fill.take().expect("a caller starts one flight at most");
                    self.take_off(&ticket, &flight, &caller, stale.as_ref(), fill);
                    caller.leads = true;
                    flight
                }
            };
            if let Some(stale) = self.meanwhile(&caller, &ticket, &stale) {
                return Ok(stale);
            }
            if let Some(answer) = self.land_with(&caller, &ticket, &flight, stale).await {
                return answer;
            }
        }
    }

    /// Looks into the tiers: a fresh answer is the `Err`; else what is stale, or to be refreshed
    /// early, if anything.
    pub(crate) async fn look(
        &self,
        caller: &mut Caller<K, V>,
        ticket: &Ticket,
    ) -> Result<Stale<K, V>, Result<Cached<V>, Error>> {
        let held = self.walk(ticket, &caller.key, &caller.text).await;
        self.looked(caller, held)
    }

    /// What to do with what the tiers hold: see [`Cache::look`].
    pub(crate) fn looked(
        &self,
        caller: &mut Caller<K, V>,
        held: Held<K, V>,
    ) -> Result<Stale<K, V>, Result<Cached<V>, Error>> {
        match held {
            Held::Fresh(entry, source) if !caller.is_content_with(&entry) => {
                caller.cause = MissCause::Short;
                Ok(Some((entry, source)))
            }
            // It is served all the same, unless something passes it: see `meanwhile`.
            Held::Fresh(entry, source) if self.engine.is_due_early(&*entry) => {
                caller.cause = MissCause::Expired;
                Ok(Some((entry, source)))
            }
            Held::Fresh(entry, source) => {
                let answer = self.serve_fresh(&caller.text, entry, source);
                Err(answer.ok_or_else(|| self.nothing_there()))
            }
            Held::Stale(entry, source) => {
                caller.cause = MissCause::Expired;
                Ok(Some((entry, source)))
            }
            Held::Nothing(cause) => {
                caller.cause = cause;
                Ok(None)
            }
        }
    }

    /// Decides how a caller that has found nothing fresh comes by a value.
    pub(crate) fn board(
        &self,
        caller: &Caller<K, V>,
        ticket: &Ticket,
        stale: &Stale<K, V>,
    ) -> Next<K, V> {
        let engine = &self.engine;
        let boarding = ticket.board(&caller.key, engine.clock.ticks(), &engine.log, |as_of| {
            // Its tags are not known before it lands; they are checked then.
            let name = &self.core.namespace.name;
            let verdict =
                engine.bans.verdict(name, || (&*caller.text).into(), std::iter::empty(), as_of);
            matches!(verdict, Verdict::Alive)
        });
        match boarding {
            Boarding::Changed => Next::Look,
            Boarding::Full(landing) => Next::LookAfter(landing),
            Boarding::Failed(error) => {
                let reason = StaleReason::OriginBackoff;
                Next::Answer(self.fall_back(caller, ticket, stale.clone(), reason, error))
            }
            Boarding::Join(flight) => Next::Wait(flight),
            Boarding::Lead(flight) => Next::Start(flight),
        }
    }

    /// What is served at once while a flight is on its way: what is fresh still, or stale within
    /// `stale_while_revalidate`.
    pub(crate) fn meanwhile(
        &self,
        caller: &Caller<K, V>,
        ticket: &Ticket,
        held: &Stale<K, V>,
    ) -> Option<Cached<V>> {
        if let Some(hit) = self.still_fresh(caller, ticket, held) {
            return Some(hit);
        }
        let serves = |entry| caller.cause != MissCause::Short && self.may_serve(ticket, entry);
        let (entry, source) = held.as_ref().filter(|(entry, _)| serves(entry))?;
        if !caller.policy.serves_while_revalidating(self.engine.stale_for(&**entry)) {
            return None;
        }
        self.tally_stale(&caller.text);
        let freshness = Freshness::Stale(StaleReason::Revalidating);
        Some(self.cached(Arc::clone(entry), freshness, *source))
    }

    /// What is refreshed early, as long as it is fresh and nothing has passed it.
    fn still_fresh(
        &self,
        caller: &Caller<K, V>,
        ticket: &Ticket,
        held: &Stale<K, V>,
    ) -> Option<Cached<V>> {
        let is_fresh = |entry: &Arc<Entry<K, V>>| {
            self.engine.standing(&**entry) == Standing::Fresh
                && caller.is_content_with(entry)
                && self.may_serve(ticket, entry)
        };
        let (entry, source) = held.as_ref().filter(|(entry, _)| is_fresh(entry))?;
        self.serve_fresh(&caller.text, Arc::clone(entry), *source)
    }

    /// Waits until two flights that the caller must not join have made room; `Some` if it cannot
    /// wait any longer.
    pub(crate) async fn outwait(
        &self,
        caller: &Caller<K, V>,
        ticket: &Ticket,
        mut landing: watch::Receiver<bool>,
        stale: &Stale<K, V>,
    ) -> Option<Result<Cached<V>, Error>> {
        if let Some(stale) = self.meanwhile(caller, ticket, stale) {
            return Some(Ok(stale));
        }
        let left = caller.left_of(caller.policy.hard_deadline);
        // A closed channel means that the flight is gone, which is as good.
        if self.engine.clock.timeout(left, landing.wait_for(|landed| *landed)).await.is_some() {
            return None;
        }
        let error = out_of_time(caller.policy.hard_deadline);
        Some(self.fall_back(caller, ticket, stale.clone(), StaleReason::Deadline, error))
    }

    /// Waits for a flight and serves what it brings. `None` if the caller must look again, since
    /// what comes was passed before the caller arrived, or may have been.
    pub(crate) async fn land_with(
        &self,
        caller: &Caller<K, V>,
        ticket: &Ticket,
        flight: &Flight<K, Landing<K, V>>,
        stale: Stale<K, V>,
    ) -> Option<Result<Cached<V>, Error>> {
        match self.landing(caller, ticket, flight, &stale).await {
            Err(stale) => Some(Ok(stale)),
            Ok(Landing::Failed(error)) => {
                let reason = match error.kind() {
                    ErrorKind::Deadline => StaleReason::Deadline,
                    _ => StaleReason::OriginFailed,
                };
                Some(self.fall_back(caller, ticket, stale, reason, error))
            }
            // Whoever arrived before the flight began came before anything that passed it.
            Ok(Landing::Brought { passed: Some(_), .. }) if ticket.as_of > flight.as_of => None,
            Ok(Landing::Brought { entry, source, passed: Some(passed) }) => {
                Some(self.give_way(caller, ticket, passed, (entry, source), stale).await)
            }
            Ok(Landing::Brought { entry, source, passed: None }) => {
                Some(self.serve_brought(caller, entry, source))
            }
        }
    }

    /// Serves what a flight has brought to who has waited for it.
    pub(crate) fn serve_brought(
        &self,
        caller: &Caller<K, V>,
        entry: Arc<Entry<K, V>>,
        source: Source,
    ) -> Result<Cached<V>, Error> {
        if source == Source::Redis {
            let answer = self.serve_fresh(&caller.text, entry, source);
            return answer.ok_or_else(|| self.nothing_there());
        }
        self.tally_miss(&caller.text, caller.cause);
        match entry.is_negative() {
            true => Err(self.nothing_there()),
            false => Ok(self.cached(entry, self.freshness_of_landing(caller), source)),
        }
    }

    /// What to say of what the origin has answered: it was asked for its leader, but before those
    /// came who have joined, and since then another node may have invalidated it.
    fn freshness_of_landing(&self, caller: &Caller<K, V>) -> Freshness {
        match caller.leads || self.core.namespace.is_verified(self.engine.clock.ticks()) {
            true => Freshness::Fresh,
            false => Freshness::Unverified,
        }
    }

    /// Waits for a flight to land, until the soft deadline if a stale value may stand in (which is
    /// then the `Err`), and until the hard one in any case: a fill that blocks its thread keeps no
    /// time itself.
    async fn landing(
        &self,
        caller: &Caller<K, V>,
        ticket: &Ticket,
        flight: &Flight<K, Landing<K, V>>,
        stale: &Stale<K, V>,
    ) -> Result<Landing<K, V>, Cached<V>> {
        let clock = &self.engine.clock;
        let stand_in = stale.as_ref().filter(|_| caller.cause != MissCause::Short);
        if let Some((entry, source)) = stand_in {
            let left = caller.left_of(caller.policy.soft_deadline);
            if let Some(landing) = clock.timeout(left, flight.wait()).await {
                return Ok(landing);
            }
            if self.may_stand_in(caller, ticket, entry) {
                self.tally_stale(&caller.text);
                let freshness = Freshness::Stale(StaleReason::Deadline);
                return Err(self.cached(Arc::clone(entry), freshness, *source));
            }
        }
        let left = caller.left_of(caller.policy.hard_deadline);
        let landing = clock.timeout(left, flight.wait()).await;
        Ok(landing.unwrap_or_else(|| Landing::Failed(out_of_time(caller.policy.hard_deadline))))
    }

    /// What is served in place of an error: what is fresh after all, or stale and may stand in.
    pub(crate) fn fall_back(
        &self,
        caller: &Caller<K, V>,
        ticket: &Ticket,
        stale: Stale<K, V>,
        reason: StaleReason,
        error: Error,
    ) -> Result<Cached<V>, Error> {
        if let Some(hit) = self.still_fresh(caller, ticket, &stale) {
            return Ok(hit);
        }
        match stale.filter(|(entry, _)| self.may_stand_in(caller, ticket, entry)) {
            Some((entry, source)) => {
                self.tally_stale(&caller.text);
                Ok(self.cached(entry, Freshness::Stale(reason), source).because_of(error))
            }
            None => {
                self.tally_miss(&caller.text, caller.cause);
                Err(error)
            }
        }
    }

    /// Whether a stale entry is within the grace of the caller's policy too.
    pub(crate) fn may_stand_in(
        &self,
        caller: &Caller<K, V>,
        ticket: &Ticket,
        entry: &Arc<Entry<K, V>>,
    ) -> bool {
        let stale_for = self.engine.stale_for(&**entry);
        stale_for < caller.policy.grace() && self.may_serve(ticket, entry)
    }

    /// Whether a stale entry is within its grace and nothing has passed it since it was found.
    fn may_serve(&self, ticket: &Ticket, entry: &Arc<Entry<K, V>>) -> bool {
        !entry.is_negative()
            && self.engine.standing(&**entry) != Standing::Gone
            && ticket.admits(entry.head.as_of)
            && !matches!(self.engine.verdict(&**entry), Verdict::Dead { .. })
    }
}

/// Runs `work` until the deadline of a fill.
pub(crate) async fn within<T>(
    clock: &Clock,
    deadline: Duration,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    clock.timeout(deadline, work).await.unwrap_or_else(|| Err(out_of_time(deadline)))
}

pub(crate) fn out_of_time(deadline: Duration) -> Error {
    Error::new(ErrorKind::Deadline, format!("the origin took longer than {deadline:?}"))
}
