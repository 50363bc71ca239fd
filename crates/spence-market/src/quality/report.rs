//! What is to be known about the bars of a symbol before they are relied on.

use crate::data::answer::Trust;
use crate::data::{Data, DataError, DataQuestion, InvalidData, Rows};
use crate::market::Market;
use crate::quality::inspect::{Finding, inspect};
use crate::series::day_of;

/// The daily bars of a symbol between two days, and what is odd about them.
#[derive(Debug, Clone)]
pub struct Quality {
    /// The sessions that there were.
    pub sessions: usize,
    /// The bars, and how far they can be relied on.
    pub data: Data,
    /// What is odd, in the order of days.
    pub findings: Vec<Finding>,
}

impl Market {
    /// Looks for what is odd about the daily bars that a question for OHLCV is about: missing
    /// sessions, rows that were refused, opens and closes outside of low and high, jumps that no split explains, and splits that no price shows. Bars and splits that
    /// are not known are asked for if `may_call`.
    ///
    /// # Errors
    /// As for [`Market::get_data`].
    pub async fn quality(
        &self,
        question: &DataQuestion,
        may_call: bool,
    ) -> Result<Quality, DataError> {
        self.check(question)?;
        let (ticker, days) = (question.ticker.as_ref(), (question.start, question.end));
        let symbol = ticker.ok_or_else(|| InvalidData::new("ticker", "is missing"))?;
        let held = self.days_of(symbol, days, may_call).await?;
        let quarantined = self.quarantined(symbol, day_of(days.0), day_of(days.1)).await;
        let bars = held.bars();
        let is_nothing = bars.is_empty() && held.is_asked() && quarantined.is_empty();
        self.expect_some(symbol, days, is_nothing)?;
        let splits = self.splits_of(symbol, may_call).await?;
        let all: Vec<_> = splits.all().collect();
        let findings = inspect(&held.settled().collect::<Vec<_>>(), &bars, &all, quarantined);
        let (rows, is_final) = (Rows::Bars(bars), held.is_final());
        let trust = held.trust.and(Trust::of(&splits));
        let data = Data { rows, trust, is_final, known_on: None };
        Ok(Quality { sessions: self.sessions_of(days).len(), data, findings })
    }
}
