//! What happened to the shares of one symbol: all its dividends and all its splits.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use spence::{Cache, Cached, Error, Fill, FillCx, Spence, Weigh, allocation};

use crate::call::Patience;
use crate::data::{
    DataQuestion, DataType, Dividend, Frequency, Params, Providers, Rows, SplitAction,
};
use crate::error::ProviderError;
use crate::market::Market;
use crate::series::{date_of, day_of};
use crate::splits::{Split, Splits, SplitsKey};
use crate::symbol::Symbol;

/// All dividends of a symbol, in the order of their ex-dates (days since 1970-01-01): cash a share.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Dividends(Vec<(i32, f64)>);

impl Weigh for Dividends {
    fn heap_bytes(&self) -> usize {
        allocation(self.0.capacity() * size_of::<(i32, f64)>())
    }
}

impl Dividends {
    pub(crate) fn all(&self) -> impl Iterator<Item = Dividend> {
        self.0.iter().filter_map(|(day, cash)| Some(Dividend { date: date_of(*day)?, cash: *cash }))
    }
}

impl Splits {
    pub(crate) fn all(&self) -> impl Iterator<Item = SplitAction> {
        let action = |split: &Split| {
            Some(SplitAction { date: date_of(split.day)?, from: split.from, to: split.to })
        };
        self.0.iter().filter_map(action)
    }
}

pub(crate) fn cache(
    spence: &Spence,
    providers: &Providers,
) -> Result<Cache<String, Dividends>, Error> {
    let (name, origin) = (DataType::Dividend.as_str(), providers.origin(DataType::Dividend));
    spence.cache(name).schema(1).origin(origin).build()
}

impl Market {
    /// All dividends of a symbol.
    pub(crate) async fn dividends(
        &self,
        symbol: &Symbol,
        may_call: bool,
    ) -> Result<Cached<Dividends>, Error> {
        let key = symbol.as_str().to_owned();
        if !may_call {
            let nothing = || Error::not_found(format!("no dividends of {symbol} are held"));
            return self.dividends.get(&key).await.ok_or_else(nothing);
        }
        let (market, symbol) = (self.clone(), symbol.clone());
        let fill = |cx: FillCx<String, Dividends>| async move {
            let patience = Patience::new(&market.clock, cx.deadline());
            let rows = market.history(DataType::Dividend, &symbol, &patience).await?;
            let Rows::Dividends(mut rows) = rows else {
                return Err(ProviderError::Malformed("no dividends".to_owned()));
            };
            rows.sort_by_key(|row| row.date);
            let rows = rows.iter().map(|row| (day_of(row.date), row.cash)).collect();
            Ok(Fill::new(Dividends(rows)).tags([symbol.as_str()]))
        };
        self.dividends.get_or_fetch(&key, fill).await
    }

    /// All splits of a symbol.
    pub(crate) async fn splits_of(
        &self,
        symbol: &Symbol,
        may_call: bool,
    ) -> Result<Cached<Splits>, Error> {
        let key = SplitsKey::Symbol(symbol.clone());
        if !may_call {
            let nothing = || Error::not_found(format!("no splits of {symbol} are held"));
            return self.splits.get(&key).await.ok_or_else(nothing);
        }
        let (market, symbol) = (self.clone(), symbol.clone());
        let fill = |cx: FillCx<SplitsKey, Splits>| async move {
            let patience = Patience::new(&market.clock, cx.deadline());
            let rows = market.history(DataType::Split, &symbol, &patience).await?;
            let Rows::Splits(mut rows) = rows else {
                return Err(ProviderError::Malformed("no splits".to_owned()));
            };
            rows.sort_by_key(|row| row.date);
            rows.dedup_by_key(|row| row.date);
            let split = |row: &SplitAction| {
                let (symbol, day) = (symbol.as_str().into(), day_of(row.date));
                Split { symbol, day, from: row.from, to: row.to }
            };
            let fill = Fill::new(Splits(rows.iter().map(split).collect()));
            let fill = fill.tags([symbol.as_str()]);
            Ok(match market.until_opening() {
                Some(ttl) => fill.ttl(ttl),
                None => fill,
            })
        };
        self.splits.get_or_fetch(&key, fill).await
    }

    /// All actions of a type that a symbol has ever had, and those that are known to come.
    async fn history(
        &self,
        data_type: DataType,
        symbol: &Symbol,
        patience: &Patience,
    ) -> Result<Rows, ProviderError> {
        let question = DataQuestion {
            data_type,
            start: Date::constant(1776, 7, 4),
            end: Date::constant(9999, 12, 31),
            ticker: Some(symbol.clone()),
            frequency: Frequency::Daily,
            params: Params::default(),
        };
        self.providers.get_data(&question, patience).await.map(|told| told.rows)
    }
}
