//! An answer to a question for data, with what is to be known about it.

use std::time::Duration;

use jiff::civil::Date;
use spence::{Cached, Error, Freshness, Source, StaleReason};
use spence_calendar::Session;

use crate::bars::Bar;
use crate::data::{DataQuestion, DataType, Frequency, InvalidData, Params, Rows};
use crate::lacks::Wanted;
use crate::market::Market;
use crate::series::{Series, SeriesKey, date_of, day_of};
use crate::symbol::Symbol;
use crate::trading::Trading;

/// Rows, and how far they can be relied on.
#[derive(Debug, Clone)]
pub struct Data {
    pub(crate) rows: Rows,
    pub(crate) trust: Trust,
    pub(crate) is_final: bool,
    pub(crate) known_on: Option<Date>,
}

/// Why there are no data.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The question makes no sense.
    #[error(transparent)]
    Invalid(#[from] InvalidData),
    /// Nobody who could be asked has data of this type.
    #[error("no provider serves {0}; name one under `providers`")]
    Unserved(DataType),
    /// As for [`Market::bars`].
    #[error(transparent)]
    Failed(#[from] Error),
}

/// How far something that is held can be relied on.
#[derive(Debug, Clone)]
pub(crate) struct Trust {
    freshness: Freshness,
    source: Source,
    age: Duration,
    is_verified: bool,
    cause: Option<Error>,
}

impl Trust {
    pub(crate) fn of<V>(held: &Cached<V>) -> Self {
        Self {
            freshness: held.freshness(),
            source: held.source(),
            age: held.age(),
            is_verified: held.is_verified(),
            cause: held.stale_cause().cloned(),
        }
    }

    /// As stale if not all that was asked for is known.
    pub(crate) fn if_known(self, is_known: bool) -> Self {
        match self.freshness {
            // What is due to be asked for again was not asked for.
            Freshness::Fresh if !is_known => {
                Self { freshness: Freshness::Stale(StaleReason::NotRefreshed), ..self }
            }
            _ => self,
        }
    }

    /// Of what is made of both: as bad as the worse one, from the farther one.
    pub(crate) fn and(self, other: Self) -> Self {
        let badness = |freshness| match freshness {
            Freshness::Fresh => 0,
            Freshness::Unverified => 1,
            _ => 2,
        };
        let worse = badness(other.freshness) > badness(self.freshness);
        let distance = |source| match source {
            Source::Memory => 0,
            Source::Disk => 1,
            Source::Redis => 2,
            _ => 3,
        };
        let farther = distance(other.source) > distance(self.source);
        Self {
            freshness: if worse { other.freshness } else { self.freshness },
            source: if farther { other.source } else { self.source },
            age: self.age.max(other.age),
            is_verified: self.is_verified && other.is_verified,
            cause: self.cause.or(other.cause),
        }
    }
}

impl Data {
    /// The rows, oldest first.
    #[must_use]
    pub fn rows(&self) -> &Rows {
        &self.rows
    }

    /// Whether the rows can change no more.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.is_final
    }

    /// Of published figures: the day on which they were known so.
    #[must_use]
    pub fn known_on(&self) -> Option<Date> {
        self.known_on
    }

    /// Fresh as long as nothing newer can exist, or as the policy says; else stale, and why.
    #[must_use]
    pub fn freshness(&self) -> Freshness {
        self.trust.freshness
    }

    /// The farthest tier that was gone to; of what was computed anew, the origin.
    #[must_use]
    pub fn source(&self) -> Source {
        self.trust.source
    }

    /// Time since the provider was asked for the oldest part.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.trust.age
    }

    /// The error on whose account stale data are served.
    #[must_use]
    pub fn stale_cause(&self) -> Option<&Error> {
        self.trust.cause.as_ref()
    }

    /// Whether no invalidation by another node can have been missed.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        self.trust.is_verified
    }
}

/// The most bars within the day that can be asked for at once.
const MOST_INTRADAY: usize = 100_000;
/// Of a session, with the half hour before it.
const SESSION_MINUTES: usize = 420;

/// Daily bars that are held.
pub(crate) struct HeldDays {
    series: Cached<Series>,
    sessions: &'static [Session],
    /// The first and the last day.
    span: (i32, i32),
    pub(crate) trust: Trust,
    /// A number that is another one if a bar is another one.
    pub(crate) version: u64,
}

impl HeldDays {
    /// The bars, unpacked.
    pub(crate) fn bars(&self) -> Vec<Bar> {
        let mut bars = Vec::new();
        self.series.each(self.span.0, self.span.1, |bar| bars.extend(bar.bar()));
        bars
    }

    /// The sessions of which what is known is final.
    pub(crate) fn settled(&self) -> impl Iterator<Item = Date> {
        let is_settled = |day: &Date| self.series.known().is_final(day_of(*day));
        self.sessions.iter().map(Session::date).filter(is_settled)
    }

    pub(crate) fn is_final(&self) -> bool {
        self.settled().count() == self.sessions.len()
    }

    /// Whether that there are no bars is known.
    pub(crate) fn is_asked(&self) -> bool {
        !self.trust.freshness.is_stale() && self.settled().next().is_some()
    }
}

impl Market {
    /// Data of any type: from the cache, or from the first provider that serves the type and does
    /// not fail. Only what is not known yet is asked for.
    ///
    /// # Errors
    /// [`DataError::Invalid`] when the question is about days that have not come;
    /// [`DataError::Unserved`] when no provider has such data; [`DataError::Failed`] as for
    /// [`Market::bars`].
    pub async fn get_data(&self, question: &DataQuestion) -> Result<Data, DataError> {
        self.check(question)?;
        let question = &self.with_past_vintage(question);
        for input in question.data_type.inputs(question.params.index) {
            if self.providers.serving(*input).next().is_none() {
                return Err(DataError::Unserved(*input));
            }
        }
        self.data(question, true).await
    }

    /// As [`Market::get_data`], from what is held alone: no provider is called.
    ///
    /// # Errors
    /// As for [`Market::get_data`]; [`DataError::Failed`] with `NotFound` when nothing is held.
    pub async fn held_data(&self, question: &DataQuestion) -> Result<Data, DataError> {
        self.check(question)?;
        self.data(&self.with_past_vintage(question), false).await
    }

    /// What is known today is what is known now: it may be more in an hour.
    fn with_past_vintage(&self, question: &DataQuestion) -> DataQuestion {
        let today = self.today();
        let vintage = question.params.vintage.filter(|vintage| *vintage < today);
        DataQuestion { params: Params { vintage, ..question.params.clone() }, ..question.clone() }
    }

    pub(crate) fn check(&self, question: &DataQuestion) -> Result<(), InvalidData> {
        // It may be tomorrow already where the question comes from.
        let last = self.today().tomorrow().unwrap_or(Date::MAX);
        let is_of_bars = question.data_type.inputs(None).contains(&DataType::Ohlcv);
        let first = self.trading.beginning();
        if is_of_bars && question.end < first {
            let message = format!("{}: bars reach back to {first}", question.end);
            return Err(InvalidData::new("end", message));
        }
        let vintage = question.params.vintage.map(|vintage| ("vintage", vintage));
        let days = [Some(("end", question.end)), Some(("start", question.start)), vintage];
        match days.into_iter().flatten().find(|(_, day)| *day > last) {
            Some((name, day)) => Err(InvalidData::new(
                name,
                format!("{day} has not come; today is {}", self.today()),
            )),
            None => Ok(()),
        }
    }

    async fn data(&self, question: &DataQuestion, may_call: bool) -> Result<Data, DataError> {
        let (data_type, days) = (question.data_type, (question.start, question.end));
        let no_ticker = || InvalidData::new("ticker", "is missing");
        if data_type.is_computed() {
            return self.computed_data(question, may_call).await;
        }
        if data_type.is_published() {
            let figures = self.figures(data_type, question.params.vintage, may_call).await?;
            return Ok(Data {
                rows: Rows::Values(figures.between(days.0, days.1)),
                is_final: question.params.vintage.is_some(),
                known_on: date_of(figures.known_on),
                trust: Trust::of(&figures),
            });
        }
        let ticker = question.ticker.as_ref().ok_or_else(no_ticker)?;
        let is_of = |date: Date| (days.0..=days.1).contains(&date);
        Ok(match (data_type, question.frequency) {
            (DataType::Split, _) => {
                let held = self.splits_of(ticker, may_call).await?;
                let rows = held.all().filter(|row| is_of(row.date)).collect();
                Data::of_history(Rows::Splits(rows), Trust::of(&held))
            }
            (DataType::Dividend, _) => {
                let held = self.dividends(ticker, may_call).await?;
                let rows = held.all().filter(|row| is_of(row.date)).collect();
                Data::of_history(Rows::Dividends(rows), Trust::of(&held))
            }
            (_, Frequency::Minutes(minutes)) => {
                self.check_length(days, minutes.get())?;
                let held = self.intraday(ticker, minutes, days, may_call).await?;
                self.expect_some(ticker, days, held.bars.is_empty() && held.is_known)?;
                Data {
                    rows: Rows::Intraday(held.bars),
                    trust: Trust::of(&held.held).if_known(held.is_known),
                    is_final: held.is_final,
                    known_on: None,
                }
            }
            (_, Frequency::Daily) => {
                let held = self.days_of(ticker, days, may_call).await?;
                let (bars, is_final) = (held.bars(), held.is_final());
                self.expect_some(ticker, days, bars.is_empty() && held.is_asked())?;
                let trust = held.trust;
                Data { rows: Rows::Bars(bars), trust, is_final, known_on: None }
            }
        })
    }

    /// Whether not too many bars are asked for at once.
    fn check_length(&self, (start, end): (Date, Date), minutes: u8) -> Result<(), InvalidData> {
        let of_session = SESSION_MINUTES / usize::from(minutes);
        let (sessions, most) = (self.sessions_of((start, end)).len(), MOST_INTRADAY / of_session);
        match sessions <= most {
            true => Ok(()),
            false => {
                let message = format!("{start} is {sessions} sessions before end; at most {most}");
                Err(InvalidData::new("start", message))
            }
        }
    }

    /// Daily bars from one day to another, both included.
    pub(crate) async fn days_of(
        &self,
        symbol: &Symbol,
        (start, end): (Date, Date),
        may_call: bool,
    ) -> Result<HeldDays, Error> {
        let wanted = Wanted::Between(symbol.clone(), start, end);
        let nothing = || Error::not_found(format!("no bars of {symbol} are held"));
        let (series, is_known) = match may_call {
            true => self.series(&wanted).await?,
            false => {
                let key = SeriesKey::daily(symbol.clone());
                let series = self.bars.get(&key).await.ok_or_else(nothing)?;
                let is_known = self.gap(&series, &wanted, self.now()).is_none();
                (series, is_known)
            }
        };
        Ok(HeldDays {
            sessions: self.sessions_of((start, end)),
            span: (day_of(start), day_of(end)),
            trust: Trust::of(&series).if_known(is_known),
            version: series.fingerprint(i32::MIN, i32::MAX),
            series,
        })
    }

    /// That a ticker has no bars on days with sessions is told as that, unless they may still come.
    pub(crate) fn expect_some(
        &self,
        ticker: &Symbol,
        (start, end): (Date, Date),
        is_nothing: bool,
    ) -> Result<(), Error> {
        let oldest = self.sessions_of((start, end)).first();
        let is_over = oldest.is_some_and(|session| Trading::is_settled(session, self.now()));
        match is_nothing && is_over {
            true => Err(Error::not_found(format!("no bars of {ticker} from {start} to {end}"))),
            false => Ok(()),
        }
    }
}

impl Data {
    fn of_history(rows: Rows, trust: Trust) -> Self {
        Self { rows, trust, is_final: false, known_on: None }
    }
}
