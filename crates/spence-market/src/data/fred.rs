//! The client of FRED (Federal Reserve Economic Data), or of what speaks like it.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use spence::{Error, Spence};

use crate::answer::brief;
use crate::call::{Caller, KeyGoes, Patience};
use crate::data::{DataProvider, DataQuestion, DataType, Observation, Rows, Told};
use crate::date::parse_date;
use crate::error::ProviderError;
use crate::provider::encode;
use crate::wire::{ObservationRow, Observed};

/// The series that a type is taken from unless another is named.
pub const SERIES: [(DataType, &str); 11] = [
    (DataType::CpiIndex, "CPIAUCSL"),
    (DataType::PceIndex, "PCEPI"),
    (DataType::Treasury3M, "DGS3MO"),
    (DataType::Treasury6M, "DGS6MO"),
    (DataType::Treasury1Y, "DGS1"),
    (DataType::Treasury2Y, "DGS2"),
    (DataType::Treasury5Y, "DGS5"),
    (DataType::Treasury10Y, "DGS10"),
    (DataType::Treasury30Y, "DGS30"),
    (DataType::FedFunds, "DFF"),
    (DataType::Sofr, "SOFR"),
];

/// What FRED allows.
const CALLS_PER_MINUTE: NonZeroU32 = NonZeroU32::new(120).unwrap();
const MAX_ROWS: usize = 100_000;

/// A client of FRED with one key.
#[derive(Clone)]
pub struct Fred {
    caller: Caller,
    series: BTreeMap<DataType, String>,
}

impl Fred {
    /// A client of the API at `base_url`, such as `https://api.stlouisfed.org`, which makes at most
    /// 120 calls a minute.
    ///
    /// # Errors
    /// [`ProviderError::Setup`] when no HTTP client can be made.
    pub fn new(base_url: &str, api_key: Option<&str>) -> Result<Self, ProviderError> {
        let mut caller = Caller::new(base_url, api_key, KeyGoes::InQuery("api_key"))?;
        caller.limit(CALLS_PER_MINUTE);
        let series = SERIES.map(|(data_type, series)| (data_type, series.to_owned())).into();
        Ok(Self { caller, series })
    }

    /// Takes a type from another series than [`SERIES`] names, such as TREASURY_3M from `DTB3`.
    #[must_use]
    pub fn series(mut self, data_type: DataType, series: &str) -> Self {
        self.series.insert(data_type, series.to_owned());
        self
    }

    /// As [`Provider::calls_per_minute`](crate::Provider::calls_per_minute).
    #[must_use]
    pub fn calls_per_minute(mut self, calls: NonZeroU32) -> Self {
        self.caller.limit(calls);
        self
    }

    /// As [`Provider::calls_per_day`](crate::Provider::calls_per_day).
    #[must_use]
    pub fn calls_per_day(mut self, calls: NonZeroU32) -> Self {
        self.caller.limit_days(calls);
        self
    }

    async fn observations(
        &self,
        series: &str,
        question: &DataQuestion,
        patience: &Patience,
    ) -> Result<Vec<Observation>, ProviderError> {
        let DataQuestion { start, end, params, .. } = question;
        let mut path = format!(
            "/fred/series/observations?series_id={}&file_type=json&limit={MAX_ROWS}\
             &observation_start={start}&observation_end={end}",
            encode(series)
        );
        if let Some(vintage) = params.vintage {
            path.push_str(&format!("&realtime_start={vintage}&realtime_end={vintage}"));
        }
        let mut rows: BTreeMap<_, Observation> = BTreeMap::new();
        loop {
            let offset = rows.len();
            let page = format!("{path}&offset={offset}");
            let (count, page) = self.caller.call(&page, patience, read).await?;
            let before = rows.len();
            rows.extend(page.into_iter().map(|row| (row.date, row)));
            if rows.len() >= count {
                return Ok(rows.into_values().collect());
            }
            if rows.len() == before {
                let message = format!("{count} observations announced, {before} given");
                return Err(ProviderError::Malformed(message));
            }
        }
    }
}

/// How many observations there are in all, and those of this page.
fn read(answer: Observed) -> Result<(usize, Vec<Observation>), ProviderError> {
    let malformed = |what: String| Err(ProviderError::Malformed(what));
    let (Some(count), Some(rows)) = (answer.count, answer.observations) else {
        return malformed("neither observations nor their count".to_owned());
    };
    let rows: Vec<_> = rows.iter().map(observation).collect::<Result<_, _>>()?;
    let days: std::collections::BTreeSet<_> = rows.iter().map(|row| row.date).collect();
    if days.len() < rows.len() {
        // Pages are counted by rows, so one that comes twice would hide another.
        return malformed("a day comes twice".to_owned());
    }
    if rows.is_empty() && count > 0 {
        return malformed(format!("{count} observations announced, none given"));
    }
    Ok((count, rows))
}

fn observation(row: &ObservationRow) -> Result<Observation, ProviderError> {
    let malformed = || ProviderError::Malformed(format!("row {}", brief(&format!("{row:?}"))));
    let date = parse_date(&row.date).ok_or_else(malformed)?;
    let value = match row.value.as_str() {
        "." => f64::NAN,
        text => text.parse().ok().filter(|value: &f64| value.is_finite()).ok_or_else(malformed)?,
    };
    Ok(Observation { date, value })
}

impl DataProvider for Fred {
    fn get_data<'a>(
        &'a self,
        question: &'a DataQuestion,
        patience: &'a Patience,
    ) -> BoxFuture<'a, Result<Told, ProviderError>> {
        async move {
            let series = self.series.get(&question.data_type);
            let series = series.ok_or(ProviderError::Unserved(question.data_type))?;
            let rows = self.observations(series, question, patience).await?;
            Ok(Rows::Values(rows).into())
        }
        .boxed()
    }

    fn keep_in(&self, spence: &Spence) -> Result<(), Error> {
        self.caller.keep_in(spence)
    }

    fn origin(&self, data_type: DataType) -> String {
        let series = self.series.get(&data_type).map_or("", String::as_str);
        format!("{}#{series}", self.caller.base_url())
    }
}

impl std::fmt::Debug for Fred {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fred").field("base_url", &self.caller.base_url()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn observations_are_read_or_refused() {
        let check = |body: &str, expected: Result<usize, &str>| {
            let answer: Observed = serde_json::from_str(body).unwrap();
            match (read(answer), expected) {
                (Ok((_, rows)), Ok(count)) => assert_eq!(rows.len(), count, "{body}"),
                (Err(error), Err(text)) => assert!(error.to_string().contains(text), "{error}"),
                (got, _) => panic!("{body}: {got:?}"),
            }
        };
        let row = |date: &str, value: &str| format!(r#"{{"date":"{date}","value":"{value}"}}"#);
        let body = |count, rows: &[String]| {
            format!(r#"{{"count":{count},"observations":[{}]}}"#, rows.join(","))
        };
        let (first, missing) = (row("2024-01-01", "3.5"), row("2024-01-02", "."));
        check(&body(2, &[first.clone(), missing]), Ok(2));
        check(&body(0, &[]), Ok(0));
        check(&body(3, &[]), Err("3 observations announced, none given"));
        check(&body(2, &[first.clone(), first]), Err("a day comes twice"));
        check(&body(1, &[row("2024-01-01", "n/a")]), Err("row"));
        check(&body(1, &[row("soon", "1")]), Err("row"));
        check(r#"{"count":2}"#, Err("neither"));
        check("{}", Err("neither"));
    }
}
