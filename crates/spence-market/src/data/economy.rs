//! Figures about the economy: a series as a whole, as it was known on a day.

use std::collections::HashMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use spence::{Cache, Cached, Error, Fill, FillCx, Spence, Weigh, allocation};

use crate::call::Patience;
use crate::data::answer::DataError;
use crate::data::{DataQuestion, DataType, Frequency, Observation, Params, Providers, Rows};
use crate::error::ProviderError;
use crate::market::{FINAL, Market};
use crate::series::{date_of, day_of};

/// The key of a series as it is known now; as it was known on another day, that day.
const LATEST: &str = "latest";

/// The caches of all types that are published, by type.
pub(crate) type Economy = HashMap<DataType, Cache<String, Figures>>;

/// A whole series of figures.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Figures {
    /// The day on which they were asked for, or the vintage; since 1970-01-01.
    pub(crate) known_on: i32,
    /// Days since 1970-01-01, in order.
    days: Vec<i32>,
    /// Figures of these days; NaN where there is none.
    values: Vec<f64>,
}

impl Weigh for Figures {
    fn heap_bytes(&self) -> usize {
        allocation(self.days.capacity() * size_of::<i32>())
            + allocation(self.values.capacity() * size_of::<f64>())
    }
}

impl Figures {
    fn of(known_on: Date, mut rows: Vec<Observation>) -> Self {
        rows.sort_by_key(|row| row.date);
        rows.dedup_by_key(|row| row.date);
        Self {
            known_on: day_of(known_on),
            days: rows.iter().map(|row| day_of(row.date)).collect(),
            values: rows.iter().map(|row| row.value).collect(),
        }
    }

    /// Those from one day to another, both included.
    pub(crate) fn between(&self, start: Date, end: Date) -> Vec<Observation> {
        let (start, end) = (day_of(start), day_of(end));
        let first = self.days.partition_point(|day| *day < start);
        let those = self.days.iter().zip(&self.values).skip(first);
        let those = those.take_while(|(day, _)| **day <= end);
        those
            .filter_map(|(day, value)| Some(Observation { date: date_of(*day)?, value: *value }))
            .collect()
    }

    /// The figure of a day; NaN if there is none.
    pub(crate) fn on(&self, day: Date) -> f64 {
        let place = self.days.binary_search(&day_of(day)).ok();
        place.and_then(|place| self.values.get(place)).copied().unwrap_or(f64::NAN)
    }

    pub(crate) fn hash_into(&self, hasher: &mut impl std::hash::Hasher) {
        self.days.iter().for_each(|day| hasher.write_i32(*day));
        self.values.iter().for_each(|value| hasher.write_u64(value.to_bits()));
    }
}

/// The caches of all types that are published.
pub(crate) fn caches(spence: &Spence, providers: &Providers) -> Result<Economy, Error> {
    let published = DataType::ALL.iter().copied().filter(|data_type| data_type.is_published());
    let cache = |data_type: DataType| {
        let origin = providers.origin(data_type);
        let cache = spence.cache(data_type.as_str()).schema(1).origin(origin).build()?;
        Ok((data_type, cache))
    };
    published.map(cache).collect()
}

impl Market {
    /// A whole series, as it is known now or was known on a day.
    pub(crate) async fn figures(
        &self,
        data_type: DataType,
        vintage: Option<Date>,
        may_call: bool,
    ) -> Result<Cached<Figures>, DataError> {
        let cache = self.economy.get(&data_type).ok_or(DataError::Unserved(data_type))?;
        let key = vintage.map_or_else(|| LATEST.to_owned(), |vintage| vintage.to_string());
        if !may_call {
            let nothing = || Error::not_found(format!("nothing is held of {data_type}"));
            return Ok(cache.get(&key).await.ok_or_else(nothing)?);
        }
        if self.providers.serving(data_type).next().is_none() {
            return Err(DataError::Unserved(data_type));
        }
        let market = self.clone();
        let fill = move |cx: FillCx<String, Figures>| async move {
            let patience = Patience::new(&market.clock, cx.deadline());
            let today = market.today();
            let question = DataQuestion {
                data_type,
                start: Date::constant(1776, 7, 4),
                end: Date::constant(9999, 12, 31),
                ticker: None,
                frequency: Frequency::Daily,
                params: Params { vintage, ..Params::default() },
            };
            let told = market.providers.get_data(&question, &patience).await?;
            let Rows::Values(rows) = told.rows else {
                return Err(ProviderError::Malformed(format!("no figures of {data_type}")));
            };
            let fill = Fill::new(Figures::of(vintage.unwrap_or(today), rows));
            // What was known on a day that is over can change no more.
            Ok(match vintage.is_some() {
                true => fill.ttl(FINAL),
                false => fill,
            })
        };
        Ok(cache.get_or_fetch(&key, fill).await?)
    }

    /// The day that it is in New York.
    #[must_use]
    pub fn today(&self) -> Date {
        self.trading.day(self.now())
    }
}
