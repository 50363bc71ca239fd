//! What is computed from other data: kept with the version of what it was computed from, so that
//! it is computed again when that is another one, and only then.

use std::hash::Hasher;
use std::sync::Arc;

use jiff::Span;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use spence::{Batch, Cache, Cached, Error, Fill, FillCx, Fills, Spence, Weigh, allocation};
use twox_hash::XxHash3_64;

use crate::bars::Bar;
use crate::data::actions::Dividends;
use crate::data::answer::{HeldDays, Trust};
use crate::data::economy::Figures;
use crate::data::question::Method;
use crate::data::{
    Data, DataError, DataQuestion, DataType, Dividend, InvalidData, Observation, Providers, Rows,
    SplitAction,
};
use crate::market::Market;
use crate::series::{date_of, day_of};
use crate::splits::Splits;

/// The session before a day lies within so many days, if the ticker was traded at all.
const DAYS_BEFORE: i64 = 10;

/// The caches of what is computed.
#[derive(Debug, Clone)]
pub(crate) struct ComputedCaches {
    adjusted: Cache<String, Computed>,
    returns: Cache<String, Computed>,
    inflation: Cache<String, Computed>,
}

impl ComputedCaches {
    pub(crate) fn new(spence: &Spence, providers: &Providers) -> Result<Self, Error> {
        let cache = |data_type: DataType| {
            let indices = [DataType::CpiIndex, DataType::PceIndex].map(Some);
            let inputs = indices.iter().flat_map(|index| data_type.inputs(*index));
            let origins: Vec<_> = inputs.map(|input| providers.origin(*input)).collect();
            spence.cache(data_type.as_str()).schema(1).origin(origins.join(" ")).build()
        };
        Ok(Self {
            adjusted: cache(DataType::AdjustedClose)?,
            returns: cache(DataType::TotalReturn)?,
            inflation: cache(DataType::InflationRate)?,
        })
    }
}

/// Computed figures of the days from one to another, both included (since 1970-01-01).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Computed {
    /// What they were computed from.
    version: u64,
    from: i32,
    to: i32,
    rows: Vec<(i32, f64)>,
}

impl Weigh for Computed {
    fn heap_bytes(&self) -> usize {
        allocation(self.rows.capacity() * size_of::<(i32, f64)>())
    }
}

impl Computed {
    fn covers(&self, version: u64, from: i32, to: i32) -> bool {
        self.version == version && self.from <= from && to <= self.to
    }

    fn between(&self, from: i32, to: i32) -> Vec<Observation> {
        let those = self.rows.iter().filter(|(day, _)| (from..=to).contains(day));
        those
            .filter_map(|(day, value)| Some(Observation { date: date_of(*day)?, value: *value }))
            .collect()
    }
}

impl DataType {
    /// What a type is made of: itself, if it is not computed.
    pub(crate) fn inputs(&self, index: Option<DataType>) -> &'static [DataType] {
        const OF_TICKER: &[DataType] = &[DataType::Ohlcv, DataType::Split, DataType::Dividend];
        match (self, index) {
            (DataType::AdjustedClose | DataType::TotalReturn, _) => OF_TICKER,
            (DataType::InflationRate, Some(DataType::PceIndex)) => &[DataType::PceIndex],
            (DataType::InflationRate, _) => &[DataType::CpiIndex],
            _ => {
                let place = Self::ALL.iter().position(|known| known == self).unwrap_or(0);
                Self::ALL.get(place..=place).unwrap_or_default()
            }
        }
    }
}

/// What something is computed from, as it is now.
struct Inputs {
    of: Of,
    version: u64,
    trust: Trust,
    is_final: bool,
}

/// Unpacked only where something is computed.
enum Of {
    Ticker { days: HeldDays, splits: Cached<Splits>, dividends: Cached<Dividends> },
    Index(Cached<Figures>),
}

impl Market {
    pub(crate) async fn computed_data(
        &self,
        question: &DataQuestion,
        may_call: bool,
    ) -> Result<Data, DataError> {
        let (start, end) = (day_of(question.start), day_of(question.end));
        let cache = match question.data_type {
            DataType::AdjustedClose => &self.computed.adjusted,
            DataType::TotalReturn => &self.computed.returns,
            _ => &self.computed.inflation,
        };
        let (key, tag) = key_of(question)?;
        let known_on = |inputs: &Inputs| match &inputs.of {
            Of::Index(figures) => date_of(figures.known_on),
            Of::Ticker { .. } => None,
        };
        // Read anew each time: what was invalidated is in none of them.
        let inputs = Arc::new(self.inputs(question, may_call).await?);
        let version = inputs.version;
        let covers = move |_: &String, held: &Computed| held.covers(version, start, end);
        let fill = {
            let (inputs, question) = (Arc::clone(&inputs), question.clone());
            move |missing: Vec<FillCx<String, Computed>>| {
                let mut fills = Fills::new();
                for cx in missing {
                    let computed = compute(&question, &inputs);
                    fills.put(cx.key().clone(), Fill::new(computed).tags([tag.as_str()]));
                }
                async move { Ok::<_, Error>(fills) }
            }
        };
        let keys = std::slice::from_ref(&key);
        let answer = cache.get_many_or_extend(keys, Batch::default(), covers, fill).await;
        let nothing = || Err(Error::not_found("no answer"));
        let held = answer.into_iter().next().unwrap_or_else(nothing)?;
        // Who has joined another's fill may have got other days.
        let rows = match held.covers(version, start, end) {
            true => held.between(start, end),
            false => compute(question, &inputs).between(start, end),
        };
        if let (true, Of::Ticker { days, .. }, Some(ticker)) =
            (rows.is_empty(), &inputs.of, &question.ticker)
        {
            let is_nothing = days.bars().is_empty() && days.is_asked();
            self.expect_some(ticker, (question.start, question.end), is_nothing)?;
        }
        Ok(Data {
            rows: Rows::Values(rows),
            trust: Trust::of(&held).and(inputs.trust.clone()),
            is_final: inputs.is_final,
            known_on: known_on(&inputs),
        })
    }

    /// What an answer is computed from.
    async fn inputs(&self, question: &DataQuestion, may_call: bool) -> Result<Inputs, DataError> {
        let DataQuestion { data_type, start, end, ticker, params, .. } = question;
        let Some(ticker) = ticker else {
            let index = params.index.unwrap_or(DataType::CpiIndex);
            let figures = self.figures(index, params.vintage, may_call).await?;
            let mut hasher = XxHash3_64::with_seed(0);
            figures.hash_into(&mut hasher);
            let is_final = params.vintage.is_some();
            let (version, trust) = (hasher.finish(), Trust::of(&figures));
            return Ok(Inputs { of: Of::Index(figures), version, trust, is_final });
        };
        // Adjusted for all that has happened until now, so all that has happened has to be known.
        let days = match data_type {
            DataType::AdjustedClose => (*start, self.today()),
            _ => (before(*start), *end),
        };
        let days = self.days_of(ticker, days, may_call).await?;
        let splits = self.splits_of(ticker, may_call).await?;
        let dividends = self.dividends(ticker, may_call).await?;
        let trust = days.trust.clone().and(Trust::of(&splits)).and(Trust::of(&dividends));
        let mut hasher = XxHash3_64::with_seed(days.version);
        for split in splits.all() {
            hasher.write_i32(day_of(split.date));
            hasher.write_u64((split.to / split.from).to_bits());
        }
        for dividend in dividends.all() {
            hasher.write_i32(day_of(dividend.date));
            hasher.write_u64(dividend.cash.to_bits());
        }
        Ok(Inputs {
            of: Of::Ticker { days, splits, dividends },
            version: hasher.finish(),
            trust,
            // Splits and dividends may still become known.
            is_final: false,
        })
    }
}

/// The key of what a question is about, and its tag: whoever invalidates a ticker or an index
/// reaches what was computed from it.
fn key_of(question: &DataQuestion) -> Result<(String, String), InvalidData> {
    let DataQuestion { data_type, start, ticker, params, .. } = question;
    if *data_type == DataType::InflationRate {
        let index = params.index.unwrap_or(DataType::CpiIndex).to_string();
        let method = if params.method == Method::MonthOverMonth { "mom" } else { "yoy" };
        let vintage = params.vintage.map(|vintage| format!(":{vintage}")).unwrap_or_default();
        return Ok((format!("{index}:{method}{vintage}"), index));
    }
    let ticker = ticker.as_ref().ok_or_else(|| InvalidData::new("ticker", "is missing"))?;
    let ticker = ticker.to_string();
    let key = match (data_type, params.method) {
        (DataType::AdjustedClose, _) => ticker.clone(),
        (_, Method::Log) => format!("{ticker}:log"),
        // It depends on where it begins.
        (_, Method::Cumulative) => format!("{ticker}:cumulative:{start}"),
        _ => format!("{ticker}:simple"),
    };
    Ok((key, ticker))
}

fn before(day: Date) -> Date {
    day.checked_sub(Span::new().days(DAYS_BEFORE)).unwrap_or(day)
}

fn compute(question: &DataQuestion, inputs: &Inputs) -> Computed {
    let DataQuestion { start, end, params, .. } = question;
    let (from, to, version) = (day_of(*start), day_of(*end), inputs.version);
    let rows: Vec<Observation> = match &inputs.of {
        Of::Index(figures) => {
            let months = if params.method == Method::MonthOverMonth { 1 } else { 12 };
            inflation(figures, (*start, *end), months)
        }
        Of::Ticker { days, splits, dividends } => {
            let splits: Vec<SplitAction> = splits.all().collect();
            let dividends: Vec<Dividend> = dividends.all().collect();
            of_ticker(question, &days.bars(), &splits, &dividends)
        }
    };
    let rows = rows.iter().map(|row| (day_of(row.date), row.value)).collect();
    Computed { version, from, to, rows }
}

fn of_ticker(
    question: &DataQuestion,
    bars: &[Bar],
    splits: &[SplitAction],
    dividends: &[Dividend],
) -> Vec<Observation> {
    if question.data_type == DataType::AdjustedClose {
        return adjusted(bars, splits, dividends);
    }
    let mut rows = returns(bars, splits, dividends);
    rows.retain(|row| row.date >= question.start);
    match question.params.method {
        Method::Log => rows.iter_mut().for_each(|row| row.value = row.value.ln_1p()),
        Method::Cumulative => {
            let first = bars.iter().map(|bar| bar.date).find(|date| *date >= question.start);
            rows = compounded(first, &rows);
        }
        _ => {}
    }
    rows
}

/// What happened to a share between two bars: how many there are for one, and what each was paid.
fn happened(
    (after, until): (Date, Date),
    splits: &[SplitAction],
    dividends: &[Dividend],
) -> (f64, f64) {
    let is_between = |date: Date| after < date && date <= until;
    let those = splits.iter().filter(|split| is_between(split.date));
    let shares = those.map(|split| split.to / split.from).product();
    let cash = dividends.iter().filter(|one| is_between(one.date)).map(|one| one.cash).sum();
    (shares, cash)
}

/// Closes, each multiplied by what became of a share since: 1/s for a split in s, and
/// (P - D) / P for a dividend D after a close P, as CRSP's factors are (CRSP, Data Descriptions
/// Guide, "cumulative factor to adjust price", with dividends reinvested at the close before).
fn adjusted(bars: &[Bar], splits: &[SplitAction], dividends: &[Dividend]) -> Vec<Observation> {
    let mut factor = 1.0;
    let mut rows = Vec::with_capacity(bars.len());
    for (place, bar) in bars.iter().enumerate().rev() {
        rows.push(Observation { date: bar.date, value: bar.close * factor });
        let Some(before) = place.checked_sub(1).and_then(|place| bars.get(place)) else { break };
        let (shares, cash) = happened((before.date, bar.date), splits, dividends);
        let left = 1.0 - shares * cash / before.close;
        // A share that has paid more than it cost would have a price below nothing.
        factor *= if left > 0.0 { left / shares } else { 1.0 / shares };
    }
    rows.reverse();
    rows
}

/// From one bar to the next: s (P + D) / P' - 1, with s new shares for an old one, dividends D and
/// closes P and P' (CRSP, Data Descriptions Guide, "holding period total return").
fn returns(bars: &[Bar], splits: &[SplitAction], dividends: &[Dividend]) -> Vec<Observation> {
    let pairs = bars.iter().zip(bars.iter().skip(1));
    let gain = |(before, bar): (&Bar, &Bar)| {
        let (shares, cash) = happened((before.date, bar.date), splits, dividends);
        let value = shares * (bar.close + cash) / before.close - 1.0;
        Observation { date: bar.date, value }
    };
    pairs.map(gain).collect()
}

/// The gain from the first bar on.
fn compounded(first: Option<Date>, returns: &[Observation]) -> Vec<Observation> {
    let mut growth = 1.0;
    let later = returns.iter().filter(|row| first.is_some_and(|first| row.date > first));
    let later = later.map(|row| {
        growth *= 1.0 + row.value;
        Observation { date: row.date, value: growth - 1.0 }
    });
    first.map(|date| Observation { date, value: 0.0 }).into_iter().chain(later).collect()
}

/// The rise of an index over so many months, in per cent; no row where there is no figure then or
/// now.
fn inflation(figures: &Figures, (start, end): (Date, Date), months: i64) -> Vec<Observation> {
    let rise = |row: Observation| {
        let before = row.date.checked_sub(Span::new().months(months)).ok()?;
        let before = figures.on(before);
        let value = (row.value / before - 1.0) * 100.0;
        let is_index = row.value > 0.0 && before > 0.0;
        is_index.then_some(Observation { date: row.date, value })
    };
    figures.between(start, end).into_iter().filter_map(rise).collect()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn bar(day: i8, close: f64) -> Bar {
        let date = date(2024, 1, day);
        Bar { date, open: close, high: close, low: close, close, volume: 1.0 }
    }

    fn near(rows: &[Observation], expected: &[f64]) {
        let values: Vec<f64> = rows.iter().map(|row| row.value).collect();
        assert_eq!(values.len(), expected.len());
        for (value, expected) in values.iter().zip(expected) {
            assert!((value - expected).abs() < 1e-12, "{values:?}");
        }
    }

    #[test]
    fn a_holder_neither_gains_nor_loses_by_a_split_and_gains_a_dividend() {
        let bars = [bar(2, 100.0), bar(3, 50.0), bar(4, 49.0), bar(5, 12.0)];
        let splits = [
            SplitAction { date: date(2024, 1, 3), from: 1.0, to: 2.0 },
            SplitAction { date: date(2024, 1, 5), from: 1.0, to: 4.0 },
        ];
        let dividends = [
            Dividend { date: date(2024, 1, 4), cash: 1.0 },
            // On the day of the split: paid for the new shares.
            Dividend { date: date(2024, 1, 5), cash: 0.25 },
        ];
        let rows = returns(&bars, &splits, &dividends);
        near(&rows, &[0.0, 0.0, 4.0 * 12.25 / 49.0 - 1.0]);
        near(&compounded(Some(date(2024, 1, 2)), &rows), &[0.0; 4]);
        near(&compounded(Some(date(2024, 1, 4)), &rows), &[0.0; 2]);
        let left = 48.0 / 49.0;
        let expected =
            [100.0 / 8.0 * 0.98 * left, 50.0 / 4.0 * 0.98 * left, 49.0 / 4.0 * left, 12.0];
        near(&adjusted(&bars, &splits, &dividends), &expected);
    }
}
