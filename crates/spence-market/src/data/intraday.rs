//! Bars within the regular sessions of one symbol, as far as they are known.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use spence::key::Whole;
use spence::{Batch, Cached, Error, FillCx, Fills, Key, Weigh, allocation};
use spence_calendar::Session;

use crate::call::Patience;
use crate::data::frequency::Minutes;
use crate::data::{Frequency, IntradayBar, Params, RefusedRow, Rows};
use crate::error::ProviderError;
use crate::market::{FINAL, FLIGHTS, Market, follows_sessions};
use crate::series::{DayBar, Known, day_of, pack, unpack};
use crate::symbol::Symbol;

/// The name of the cache of bars within the day, and of its policy.
pub const INTRADAY_CACHE: &str = "OHLCV_INTRADAY";

/// How long before a session opens its slots begin, in minutes: sessions of New York open half
/// past an hour, and bars of an hour begin with the hour.
const BEFORE_OPEN: i64 = 30;

/// The key of the bars of a symbol by so many minutes.
///
/// Canonical text: `AAPL:5m`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct IntradayKey {
    pub(crate) symbol: Symbol,
    pub(crate) minutes: Minutes,
}

impl Key for IntradayKey {
    type Kept = Whole<Self>;
    const ARITY: usize = 2;

    fn parts(&self, feed: &mut impl FnMut(&str)) {
        feed(self.symbol.as_str());
        feed(&Frequency::Minutes(self.minutes).to_string());
    }
}

/// What is known of a symbol's bars within sessions: as [`Series`](crate::Series), but packed by
/// session, each bar by its slot.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Intraday {
    known: Known,
    /// Sessions that have bars, by day since 1970-01-01, in order.
    sessions: Vec<(i32, Box<[u8]>)>,
}

impl Weigh for Intraday {
    fn heap_bytes(&self) -> usize {
        let of_sessions: usize = self.sessions.iter().map(|(_, bars)| allocation(bars.len())).sum();
        of_sessions
            + allocation(self.sessions.capacity() * size_of::<(i32, Box<[u8]>)>())
            + self.known.heap_bytes()
    }
}

/// What came of a question about the days of some sessions.
struct Said<'a> {
    sessions: &'a [Session],
    bars: &'a [IntradayBar],
    minutes: Minutes,
    known: Known,
}

impl Intraday {
    fn extended(&self, told: &Said<'_>, now_ms: u64) -> Self {
        let days = told.known.days();
        let kept = self.sessions.iter().filter(|(day, _)| !days.have(*day)).cloned();
        let mut sessions: Vec<_> = kept.collect();
        for session in told.sessions {
            let slots = slots(session, told.bars, told.minutes);
            if !slots.is_empty() {
                sessions.push((day_of(session.date()), pack(0, &slots).into()));
            }
        }
        sessions.sort_by_key(|(day, _)| *day);
        Self { known: self.known.with(&told.known, now_ms), sessions }
    }

    /// The bars of sessions, oldest first.
    fn bars(&self, sessions: &[Session], minutes: Minutes) -> Vec<IntradayBar> {
        let mut bars = Vec::new();
        for session in sessions {
            let day = day_of(session.date());
            let Ok(place) = self.sessions.binary_search_by_key(&day, |(day, _)| *day) else {
                continue;
            };
            let Some((_, packed)) = self.sessions.get(place) else { continue };
            // They are readable: every tier has a checksum over what we have packed.
            let _readable = unpack(0, packed, |slot| {
                let after =
                    SignedDuration::from_mins(i64::from(slot.day) * i64::from(minutes.get()));
                let start = slots_begin(session) + after;
                let bar = DayBar { day, values: slot.values }.bar();
                bars.extend(bar.map(|bar| IntradayBar { start, bar }));
            });
        }
        bars
    }
}

fn slots_begin(session: &Session) -> Timestamp {
    session.open() - SignedDuration::from_mins(BEFORE_OPEN)
}

/// Whether something that begins then, and lasts so many minutes, overlaps a session.
fn overlaps(session: &Session, start: Timestamp, minutes: Minutes) -> bool {
    let length = SignedDuration::from_mins(i64::from(minutes.get()));
    start < session.close() && start.checked_add(length).is_ok_and(|end| end > session.open())
}

/// The bars that begin within a session, by slot: how many bars of their length fit before them.
fn slots(session: &Session, bars: &[IntradayBar], minutes: Minutes) -> Vec<DayBar> {
    let length = i64::from(minutes.get());
    let begin = slots_begin(session);
    let slot = |bar: &IntradayBar| {
        let minutes = bar.start.duration_since(begin).as_mins();
        let slot = i32::try_from(minutes / length).ok()?;
        let bar = DayBar::of(&bar.bar);
        (minutes >= 0 && minutes % length == 0).then_some(DayBar { day: slot, ..bar })
    };
    let mut slots: Vec<_> =
        bars.iter().filter(|bar| overlaps(session, bar.start, minutes)).filter_map(slot).collect();
    slots.sort_by_key(|bar| bar.day);
    slots.dedup_by_key(|bar| bar.day);
    slots
}

/// What is known of the bars that were asked for.
pub(crate) struct HeldIntraday {
    pub(crate) bars: Vec<IntradayBar>,
    pub(crate) held: Cached<Intraday>,
    pub(crate) is_known: bool,
    pub(crate) is_final: bool,
}

impl Market {
    /// Bars by so many minutes, from one day to another, both included.
    pub(crate) async fn intraday(
        &self,
        symbol: &Symbol,
        minutes: Minutes,
        (start, end): (Date, Date),
        may_call: bool,
    ) -> Result<HeldIntraday, Error> {
        let key = IntradayKey { symbol: symbol.clone(), minutes };
        let nothing = || Error::not_found(format!("no bars of {symbol} are held"));
        let held = match may_call {
            true => self.extended_intraday(&key, (start, end)).await?,
            false => self.intraday.get(&key).await.ok_or_else(nothing)?,
        };
        let sessions = self.sessions_of((start, end));
        let now_ms = self.now_ms();
        let mut days = sessions.iter().map(|session| day_of(session.date()));
        let is_known = days.clone().all(|day| held.known.knows(day, now_ms));
        let is_final = days.all(|day| held.known.is_final(day));
        Ok(HeldIntraday { bars: held.bars(sessions, minutes), held, is_known, is_final })
    }

    /// The sessions between two days that have begun.
    pub(crate) fn sessions_of(&self, (start, end): (Date, Date)) -> &'static [Session] {
        let begun = self.trading.begun(Some(end), self.now());
        let first = begun.partition_point(|session| session.date() < start);
        begun.get(first..).unwrap_or_default()
    }

    /// What is held after the provider was asked for what is lacking.
    async fn extended_intraday(
        &self,
        key: &IntradayKey,
        days: (Date, Date),
    ) -> Result<Cached<Intraday>, Error> {
        let mut flight = 0;
        loop {
            flight += 1;
            let (held, is_own) = self.extend_intraday(key, days).await?;
            // Who has joined another's fill may have got other days.
            let is_known = self.lacking_within(&held, days).is_none();
            if is_known || is_own || held.freshness().is_stale() || flight == FLIGHTS {
                return Ok(held);
            }
        }
    }

    async fn extend_intraday(
        &self,
        key: &IntradayKey,
        days: (Date, Date),
    ) -> Result<(Cached<Intraday>, bool), Error> {
        let market = Arc::new(self.clone());
        let is_own = Arc::new(AtomicBool::new(false));
        let covers = {
            let market = Arc::clone(&market);
            move |_: &IntradayKey, held: &Intraday| market.lacking_within(held, days).is_none()
        };
        let ran = Arc::clone(&is_own);
        let fill = move |mut missing: Vec<FillCx<IntradayKey, Intraday>>| {
            let (market, ran) = (Arc::clone(&market), Arc::clone(&ran));
            async move {
                ran.store(true, Ordering::Relaxed);
                let mut fills = Fills::new();
                if let Some(cx) = missing.pop() {
                    let held = cx.stale().filter(|held| !held.freshness().is_stale());
                    let held = held.map(|held| (**held).clone()).unwrap_or_default();
                    let patience = Patience::new(&market.clock, cx.deadline());
                    let all = market.fetch_intraday(cx.key(), held, days, &patience).await?;
                    let fill = spence::Fill::new(all).tags([cx.key().symbol.as_str()]);
                    let keeps = follows_sessions(&market.intraday.policy());
                    fills.put(cx.key().clone(), if keeps { fill.ttl(FINAL) } else { fill });
                }
                Ok::<_, ProviderError>(fills)
            }
        };
        let keys = std::slice::from_ref(key);
        let answer = self.intraday.get_many_or_extend(keys, Batch::default(), covers, fill).await;
        let answer = answer.into_iter().next();
        let held = answer.unwrap_or_else(|| Err(Error::not_found("no answer")))?;
        Ok((held, is_own.load(Ordering::Relaxed)))
    }

    /// The sessions from the first to the last that is not known of those between two days.
    fn lacking_within(&self, held: &Intraday, days: (Date, Date)) -> Option<&'static [Session]> {
        let (sessions, now_ms) = (self.sessions_of(days), self.now_ms());
        let is_lacking = |session: &Session| !held.known.knows(day_of(session.date()), now_ms);
        let first = sessions.iter().position(is_lacking)?;
        let last = sessions.iter().rposition(is_lacking)?;
        sessions.get(first..=last)
    }

    async fn fetch_intraday(
        &self,
        key: &IntradayKey,
        held: Intraday,
        days: (Date, Date),
        patience: &Patience,
    ) -> Result<Intraday, ProviderError> {
        let Some(sessions) = self.lacking_within(&held, days) else { return Ok(held) };
        let (first, last) = (sessions.first(), sessions.last());
        let Some((first, last)) = first.zip(last) else { return Ok(held) };
        let (now, days) = (self.now(), (first.date(), last.date()));
        let frequency = Frequency::Minutes(key.minutes);
        let told = self.ask(&key.symbol, days, frequency, Params::default(), patience).await?;
        let Rows::Intraday(bars) = told.rows else {
            return Err(ProviderError::Malformed("no bars within the day".to_owned()));
        };
        // Rows outside of the sessions would not be kept either.
        let is_within = |row: &&RefusedRow| {
            let start = row.time.unwrap_or(Timestamp::MIN);
            sessions.iter().any(|session| overlaps(session, start, key.minutes))
        };
        let refused: Vec<RefusedRow> = told.refused.iter().filter(is_within).cloned().collect();
        self.quarantine(&key.symbol, &frequency.to_string(), &refused).await;
        let refused: Vec<i32> = refused.iter().map(|row| day_of(row.date)).collect();
        let (settled, unsettled) = self.trading.apart(days.0, days.1, now);
        let until_ms = self.good_until_ms(&self.intraday.policy(), now);
        let known = Known { settled, unsettled, until_ms }.doubting(&refused, &held.known);
        let said = Said { sessions, bars: &bars, minutes: key.minutes, known };
        Ok(held.extended(&said, self.now_ms()))
    }
}

#[cfg(test)]
mod tests {
    use spence_calendar::ExchangeCalendar;

    use super::*;
    use crate::series::Days;

    #[test]
    fn bars_outside_of_the_session_are_left_out_and_the_others_come_back() {
        let day = jiff::civil::date(2024, 11, 29);
        let sessions = ExchangeCalendar::named("XNYS").unwrap().sessions(day, day).unwrap();
        let bar = |start: &str, close: f64| IntradayBar {
            start: start.parse().unwrap(),
            bar: crate::bars::Bar { date: day, open: 1.0, high: 9.0, low: 1.0, close, volume: 5.0 },
        };
        let Ok(Frequency::Minutes(hour)) = "1h".parse() else { panic!() };
        // A half day: 14:30 to 18:00 UTC.
        let bars = [
            bar("2024-11-29T13:00:00Z", 1.0),
            bar("2024-11-29T14:00:00Z", 2.0),
            bar("2024-11-29T17:00:00Z", 3.0),
            bar("2024-11-29T18:00:00Z", 4.0),
        ];
        let mut settled = Days::default();
        settled.add(day_of(day), day_of(day));
        let known = Known { settled, ..Known::default() };
        let told = Said { sessions, bars: &bars, minutes: hour, known };
        let held = Intraday::default().extended(&told, 0);
        assert_eq!(held.bars(sessions, hour), bars[1..3]);
        assert!(held.known.is_final(day_of(day)));
    }
}
