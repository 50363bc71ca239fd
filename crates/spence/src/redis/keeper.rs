//! The task that keeps the link: connects, reads the log, pays what is owed, and starts over when
//! something fails.

use std::pin::pin;
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::future::{Either, join_all, select};

use super::Notice;
use super::Shared;
use super::home::Keeping;
use super::join::{GREETING, Joined};
use super::link::{Link, Published, Stamp};
use super::place::Place;
use super::stream::{self, Cursor, News};
use super::tell::id_of;
use super::wire::{Connection, Failure};
use crate::ban::Ban;
use crate::clock::{Ticks, ticks_in};
use crate::engine::Engine;

/// The first wait before connecting again; doubled up to [`SOON`], and after [`PATIENT_AFTER`]
/// attempts (about a minute) to [`LATER`].
const FIRST: Duration = Duration::from_millis(20);
const SOON: Duration = Duration::from_millis(80);
const LATER: Duration = Duration::from_millis(200);
const PATIENT_AFTER: u32 = 750;
/// The longest wait for a record before the read is sent anew.
const LONGEST_BLOCK: Duration = Duration::from_millis(500);

/// Why a session ends.
enum End {
    Failed(Failure),
    /// Records are missing, or the state has changed.
    Gap(&'static str),
    /// The engine is gone.
    Closed,
}

impl From<Failure> for End {
    fn from(failure: Failure) -> Self {
        End::Failed(failure)
    }
}

/// Keeps the link of `shared` for as long as the engine lives.
pub(super) async fn keep(shared: Arc<Shared>, engine: Weak<Engine>) {
    let left = shared.left.clone();
    if let (Some(left), Some(engine)) = (&left, engine.upgrade()) {
        engine.doubt_below(left.doubt);
    }
    let mut cursor = left.map(|left| left.cursor).unwrap_or_default();
    let (mut gap, mut attempts, mut keeping) = (false, 0_u32, Keeping::default());
    while engine.strong_count() > 0 {
        let end = match shared.join(&cursor, gap).await {
            Err(failure) => End::Failed(failure),
            Ok(joined) => {
                let Joined { link, tail, cursor: from, probe, missed } = joined;
                let (shared, engine, keeping) = (&shared, &engine, &mut keeping);
                let mut session = Session { shared, engine, link, tail, cursor: from, keeping };
                let end = match session.begin(probe, missed).await {
                    Ok(()) => {
                        attempts = 0;
                        session.follow().await
                    }
                    Err(end) => end,
                };
                cursor = session.cursor;
                end
            }
        };
        gap = matches!(end, End::Gap(_));
        match end {
            End::Failed(Failure::Away(why) | Failure::Unfit(why) | Failure::Refused(why)) => {
                shared.close(&why);
            }
            End::Failed(Failure::Full) => shared.close("it has no memory left"),
            End::Gap(what) => shared.close(what),
            End::Closed => return,
        }
        let most = if attempts < PATIENT_AFTER { SOON } else { LATER };
        let wait = FIRST.saturating_mul(1 << attempts.min(4)).min(most);
        attempts = attempts.saturating_add(1);
        shared.clock.sleep(wait).await;
    }
}

/// A pair of connections in use.
struct Session<'a> {
    shared: &'a Arc<Shared>,
    engine: &'a Weak<Engine>,
    link: Arc<Link>,
    tail: Connection,
    cursor: Cursor,
    keeping: &'a mut Keeping,
}

impl Session<'_> {
    /// Catches up with the log up to a record of our own, pays what is owed, and puts the link in
    /// use.
    async fn begin(&mut self, probe: u64, missed: Option<Vec<Ban>>) -> Result<(), End> {
        if let Some(bans) = missed {
            let engine = self.engine.upgrade().ok_or(End::Closed)?;
            engine.missed(bans).into_iter().for_each(|ack| self.keeping.note(ack));
        }
        while self.cursor.position < probe {
            let before = self.cursor.position;
            self.read(None).await?;
            if self.cursor.position == before {
                return Err(End::Gap("what is told does not come through"));
            }
        }
        self.pay().await
    }

    /// Tells what is owed, in order, then puts the link in use.
    async fn pay(&self) -> Result<(), End> {
        let paid = self.pay_all().await;
        self.shared.owed.lock().stopped();
        paid
    }

    async fn pay_all(&self) -> Result<(), End> {
        loop {
            let next = {
                let mut owed = self.shared.owed.lock();
                let next = owed.next();
                if next.is_empty() {
                    self.shared.open(&self.link);
                    self.shared.strike_out();
                }
                next
            };
            if next.is_empty() {
                return Ok(());
            }
            let stamp = |notice| Stamp { notice: Some(notice), node: &self.shared.node };
            let told = next.iter().map(async |(_, notice)| {
                self.link.forget(id_of(notice), &stamp(notice), GREETING).await
            });
            for ((number, notice), published) in next.iter().zip(join_all(told).await) {
                self.has_told(*number, notice, &published?)?;
            }
        }
    }

    fn has_told(&self, number: u64, notice: &Notice, published: &Published) -> Result<(), End> {
        if !self.shared.acknowledged(&self.link, notice, published) {
            return Err(End::Gap("it has lost its state"));
        }
        self.shared.owed.lock().paid(number);
        if notice.is_of_everything() {
            // It may stand for others of which this node has not forgotten everything.
            let engine = self.engine.upgrade().ok_or(End::Closed)?;
            drop(engine.heard(notice));
        }
        Ok(())
    }

    /// Reads the log until something fails.
    async fn follow(&mut self) -> End {
        let block = (self.shared.settings.max_lag / 4).min(LONGEST_BLOCK);
        let mut behind = false;
        let mut looked = self.shared.clock.stopwatch();
        loop {
            if self.link.is_cluster() && looked.elapsed() >= block {
                looked = self.shared.clock.stopwatch();
                match self.link.identity().await {
                    Ok(identity) if identity == *self.shared.identity.lock() => {}
                    Ok(_) => return End::Gap("a server of the cluster has been replaced"),
                    Err(failure) => return End::Failed(failure),
                }
            }
            let before = self.cursor.position;
            match self.read((!behind).then_some(block)).await {
                Err(end) => return end,
                Ok(position) if behind && self.cursor.position == before && position > before => {
                    return End::Gap("records are missing");
                }
                Ok(position) => behind = position > self.cursor.position,
            }
        }
    }

    /// One read of the log, applied; the position that the state says it has. Meanwhile the link
    /// is looked after.
    async fn read(&mut self, block: Option<Duration>) -> Result<u64, End> {
        let shared = Arc::clone(self.shared);
        let turn = shared.belief.write().ask();
        let sent = shared.clock.ticks();
        let (tail, cursor) = (self.tail.clone(), self.cursor.clone());
        let mut reading = pin!(stream::read(&tail, &shared.clock, &shared.names, &cursor, block));
        let news = loop {
            match select(reading.as_mut(), pin!(shared.disturbed.notified())).await {
                Either::Left((news, _)) => break news?,
                Either::Right(_) => self.look_after().await?,
            }
        };
        self.apply(news, sent, turn)
    }

    /// A call has failed, or something is owed: if the server answers, that is paid and the link
    /// put in use again.
    async fn look_after(&self) -> Result<(), End> {
        if self.shared.link.load().is_some() {
            return Ok(());
        }
        match self.shared.failed.lock().take() {
            Some(failure @ Failure::Unfit(_)) => return Err(End::Failed(failure)),
            // Which of its servers did not answer, and who takes its place, is found out anew.
            Some(failure) if self.link.is_cluster() => return Err(End::Failed(failure)),
            _ => {}
        }
        self.link.ping(GREETING).await?;
        self.pay().await
    }

    /// `turn` is the newest that was known when the news were asked for.
    fn apply(&mut self, news: News, sent: Ticks, turn: u64) -> Result<u64, End> {
        let engine = self.engine.upgrade().ok_or(End::Closed)?;
        for record in news.records {
            if self.cursor.position.checked_add(1) != Some(record.cursor.position) {
                return Err(End::Gap("records are missing"));
            }
            if let Some(notice) = &record.notice {
                self.shared.heard(notice, record.cursor.position);
                if record.node != self.shared.node {
                    self.keeping.note(engine.heard(notice));
                }
            }
            self.cursor = record.cursor;
            self.shared.has_seen(&self.cursor);
        }
        if let Some(last) = news.last {
            self.cursor.record = last;
        }
        let mut belief = self.shared.belief.write();
        let state = news.state.filter(|state| state.epoch == belief.epoch());
        let Some(state) = state else { return Err(End::Gap("it has lost its state")) };
        if state.position < self.cursor.position || state.turn < turn {
            return Err(End::Gap("it has gone back to an earlier state"));
        }
        belief.told(state.turn);
        drop(belief);
        let (epoch, cursor) = (state.epoch, self.cursor.clone());
        let place = Place { epoch, cursor, doubt: engine.doubtful_below() };
        self.keeping.reached(self.shared, place);
        if state.position == self.cursor.position {
            engine.verified_until(sent.saturating_add(ticks_in(self.shared.settings.max_lag)));
        }
        Ok(state.position)
    }
}
