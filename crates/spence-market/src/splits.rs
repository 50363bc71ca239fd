//! Splits: what is known of them, and what they make of older bars.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use futures_util::FutureExt;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use spence::key::{Whole, feed_integer};
use spence::{Cached, Error, Fill, FillCx, Key, Weigh, allocation};

use crate::call::{CallCount, Patience};
use crate::data::DataType;
use crate::date::parse_date;
use crate::error::ProviderError;
use crate::gather::Window;
use crate::market::{FINAL, Market, follows_sessions};
use crate::provider::Provider;
use crate::series::day_of;
use crate::symbol::Symbol;
use crate::wire::SplitRow;

/// No share was ever split, or put together, in more.
const MAX_RATIO: f64 = 1e5;

/// That shares were divided: for each `from` there are `to` from the day on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Split {
    pub(crate) symbol: Box<str>,
    /// The first day on which it counts, since 1970-01-01.
    pub(crate) day: i32,
    pub(crate) from: f64,
    pub(crate) to: f64,
}

/// All splits that take effect in one year, of whatever symbol.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Splits(pub(crate) Vec<Split>);

/// The key of the splits of a year, whatever their symbol, or of all splits of a symbol.
///
/// Canonical text: `US:2012` or `AAPL:all`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum SplitsKey {
    Year(i16),
    Symbol(Symbol),
}

impl Split {
    pub(crate) fn read(row: &SplitRow) -> Result<Self, ProviderError> {
        let garbage = || ProviderError::Malformed(format!("row {row:?}"));
        let day: Date = parse_date(&row.execution_date).ok_or_else(garbage)?;
        let symbol = Symbol::new(&row.ticker).map_err(|_| garbage())?;
        let (from, to) = (row.split_from, row.split_to);
        let sound = |part: f64| part.is_finite() && part > 0.0;
        let split = Self { symbol: symbol.as_str().into(), day: day_of(day), from, to };
        let is_possible = (1.0 / MAX_RATIO..=MAX_RATIO).contains(&(to / from));
        (sound(from) && sound(to) && is_possible).then_some(split).ok_or_else(garbage)
    }
}

/// What is known of splits.
#[derive(Debug, Default)]
pub(crate) struct KnownSplits {
    by_symbol: HashMap<Box<str>, Vec<Split>>,
    /// Calls that were made for them.
    pub(crate) calls: CallCount,
    /// Why some may be lacking.
    pub(crate) lacking: Option<String>,
}

impl KnownSplits {
    fn add(&mut self, splits: &Cached<Splits>) {
        for split in &splits.0 {
            self.by_symbol.entry(split.symbol.clone()).or_default().push(split.clone());
        }
    }

    pub(crate) fn of(&self, symbol: &Symbol) -> &[Split] {
        self.by_symbol.get(symbol.as_str()).map(Vec::as_slice).unwrap_or_default()
    }
}

impl Key for SplitsKey {
    type Kept = Whole<Self>;
    const ARITY: usize = 2;

    fn parts(&self, feed: &mut impl FnMut(&str)) {
        match self {
            SplitsKey::Year(year) => {
                feed("US");
                feed_integer(*year, feed);
            }
            SplitsKey::Symbol(symbol) => {
                feed(symbol.as_str());
                feed("all");
            }
        }
    }
}

impl Weigh for Splits {
    fn heap_bytes(&self) -> usize {
        let names: usize = self.0.iter().map(|split| allocation(split.symbol.len())).sum();
        names + allocation(self.0.capacity() * size_of::<Split>())
    }
}

/// The name of the cache of splits, and of its policy.
pub const SPLITS_CACHE: &str = "SPLIT";

impl Market {
    /// The splits that take effect in a window.
    pub(crate) async fn splits(&self, window: &Window, may_call: bool) -> KnownSplits {
        let mut known = KnownSplits::default();
        let Some((first, last)) = window.dates() else { return known };
        for year in first.year()..=last.year() {
            let key = SplitsKey::Year(year);
            let splits = match may_call {
                true => self.splits_in(&key, year, &known.calls).await,
                false => {
                    let nothing = || Error::not_found("nothing is held");
                    self.splits.get(&key).await.ok_or_else(nothing)
                }
            };
            match splits {
                Ok(splits) => {
                    known.add(&splits);
                    if splits.freshness().is_stale() {
                        let cause = splits.stale_cause().map(|cause| format!(": {cause}"));
                        let cause = cause.unwrap_or_default();
                        known.lacking = Some(format!("splits of {year} are not up to date{cause}"));
                    }
                }
                Err(error) => known.lacking = Some(format!("splits of {year}: {error}")),
            }
        }
        known
    }

    /// How long what is known of a year's splits will do, under a policy that follows sessions:
    /// until the next one opens, since a split takes effect with an opening.
    fn splits_last(&self, year: i16) -> Option<Duration> {
        if !follows_sessions(&self.splits.policy()) {
            return None;
        }
        match year < self.now().to_zoned(TimeZone::UTC).year() {
            true => Some(FINAL),
            false => self.until_opening(),
        }
    }

    /// How long it is until a session opens; nothing under a policy that does not follow them.
    pub(crate) fn until_opening(&self) -> Option<Duration> {
        if !follows_sessions(&self.splits.policy()) {
            return None;
        }
        let now = self.now();
        let next = self.trading.next_open(now)?;
        Duration::try_from(next.duration_since(now)).ok()
    }

    async fn splits_in(
        &self,
        key: &SplitsKey,
        year: i16,
        calls: &CallCount,
    ) -> Result<Cached<Splits>, Error> {
        let (market, calls) = (self.clone(), calls.clone());
        let fill = move |cx: FillCx<SplitsKey, Splits>| async move {
            let patience = Patience::new(&market.clock, cx.deadline());
            let days = (Date::constant(year, 1, 1), Date::constant(year, 12, 31));
            let ask = |provider: &'_ Provider, patience: Patience| {
                let provider = provider.clone();
                async move { provider.splits(days, &patience).await }.boxed()
            };
            let splits = market.providers.ask_market(DataType::Split, &patience, ask).await;
            calls.add(&patience);
            let splits = each_once(splits?);
            let symbols: BTreeSet<&str> = splits.iter().map(|split| &*split.symbol).collect();
            // Whoever invalidates a symbol wants its splits to be looked at again, too. There may
            // be more symbols than an entry may have tags.
            let tags: Vec<Box<str>> = match symbols.len() {
                0..=spence::MAX_TAGS => symbols.into_iter().map(Into::into).collect(),
                _ => Vec::new(),
            };
            let fill = Fill::new(Splits(splits)).tags(tags);
            Ok::<_, ProviderError>(match market.splits_last(year) {
                Some(ttl) => fill.ttl(ttl),
                None => fill,
            })
        };
        self.splits.get_or_fetch(key, fill).await
    }
}

/// By symbol and day: a row that comes twice is one split.
fn each_once(mut splits: Vec<Split>) -> Vec<Split> {
    splits.sort_by(|a, b| (&a.symbol, a.day).cmp(&(&b.symbol, b.day)));
    splits.dedup_by(|a, b| (&a.symbol, a.day) == (&b.symbol, b.day));
    splits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_split_that_is_told_twice_is_one() {
        let split = |symbol: &str, day| Split { symbol: symbol.into(), day, from: 1.0, to: 4.0 };
        let told = vec![split("B", 7), split("A", 7), split("B", 9), split("B", 7)];
        assert_eq!(each_once(told), [split("A", 7), split("B", 7), split("B", 9)]);
    }

    #[test]
    fn rows_that_cannot_be_splits_are_refused() {
        let row = |day: &str, from, to| SplitRow {
            ticker: "AAPL".to_owned(),
            execution_date: day.to_owned(),
            split_from: from,
            split_to: to,
        };
        assert!(Split::read(&row("2020-08-31", 1.0, 4.0)).is_ok());
        for row in
            [row("soon", 1.0, 4.0), row("2020-08-31", 0.0, 4.0), row("2020-08-31", 1.0, -4.0)]
        {
            assert!(Split::read(&row).is_err(), "{row:?}");
        }
    }
}
