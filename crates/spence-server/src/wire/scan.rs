//! What a scan is asked, and the lines of its answer.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use spence_market::score::Profile;
use spence_market::{MAX_SYMBOLS, ScanOptions, SurveyRow, Symbol, parse_date};
use utoipa::ToSchema;

use crate::error::{ApiError, ApiResult};

const DEFAULT_BARS: u32 = 250;
const MAX_BARS: u32 = 10_000;
const DEFAULT_LIMIT: usize = 5_000;
/// The years that `end` may lie in: bars reach back to 1990.
const YEARS: std::ops::RangeInclusive<i16> = 1990..=2199;

/// What to scan, and how. Everything may be left out.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ScanBody {
    /// The symbols, each once; without them, what the provider lists.
    symbols: Option<Vec<String>>,
    /// At most so many, the first; of those that are listed 5000 by default.
    limit: Option<usize>,
    /// How many of the last sessions count, 1 to 10000; default 250.
    bars: Option<u32>,
    /// The last session that counts, YYYY-MM-DD; default the last that has begun.
    end: Option<String>,
    /// `corrected` (the default) or `technic-compat`.
    profile: Option<String>,
    /// Only what is rated at least this; for shorts at most its negative.
    min_rating: Option<f64>,
    /// Only what can be traded.
    tradable: bool,
    /// Call nobody: scan what is held.
    offline: bool,
    /// Only say which calls would be made.
    plan: bool,
    /// Only bring the bars together, and send no rows.
    warm: bool,
    /// Stop after so many rows with a signal.
    max_signals: Option<usize>,
    /// Call nobody any more after so many seconds, and scan what is held then.
    timeout_seconds: Option<f64>,
}

/// A line of the answer; `type` says which.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum Line<'a> {
    /// With `"plan": true`, and then nothing else.
    Plan {
        symbols: usize,
        calls: usize,
        sessions: usize,
        symbols_alone: usize,
        /// What is left of `market.max_calls_per_day`, if there is such a bound.
        calls_left_today: Option<u32>,
    },
    /// How far the calls are.
    Progress { calls_done: usize, calls_planned: usize, calls: usize },
    /// A symbol.
    Row {
        #[serde(flatten)]
        #[schema(value_type = Object)]
        row: &'a SurveyRow,
    },
    /// The last line.
    Summary(Summary),
    /// The last line, when it could not be done.
    Error { message: String },
}

/// What it all came to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Summary {
    pub(crate) symbols: usize,
    pub(crate) returned: usize,
    pub(crate) signals: usize,
    /// Symbols for which bars were fetched.
    pub(crate) fetched: usize,
    /// Calls of the provider, with those that were made again.
    pub(crate) calls: usize,
    pub(crate) cache: CacheCounts,
    /// The part of the symbols that took no call.
    pub(crate) hit_rate: f64,
    pub(crate) seconds: f64,
    pub(crate) first_row_ms: Option<f64>,
    /// Processor time of this process meanwhile, on all cores.
    pub(crate) cpu_seconds: f64,
    /// Whether it was stopped early, by `max_signals` or `timeout_seconds`.
    pub(crate) stopped: bool,
}

/// How many symbols had their bars from which tier.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CacheCounts {
    pub(crate) memory: usize,
    pub(crate) disk: usize,
    pub(crate) redis: usize,
    pub(crate) origin: usize,
}

/// A request that makes sense.
pub(crate) struct Asked {
    pub(crate) symbols: Option<Vec<Symbol>>,
    pub(crate) limit: usize,
    pub(crate) options: ScanOptions,
    pub(crate) end: Option<jiff::civil::Date>,
    pub(crate) may_call: bool,
    pub(crate) only_plan: bool,
    pub(crate) only_warm: bool,
    pub(crate) max_signals: usize,
    pub(crate) timeout: Duration,
}

impl ScanBody {
    pub(crate) fn read(self) -> ApiResult<Asked> {
        let Self { symbols, limit, bars, end, profile, min_rating, tradable, .. } = self;
        let bars = within("bars", bars.unwrap_or(DEFAULT_BARS), 1, MAX_BARS)?;
        let most = u32::try_from(MAX_SYMBOLS).unwrap_or(u32::MAX) as usize;
        let usual = if symbols.is_some() { most } else { DEFAULT_LIMIT };
        let limit = within("limit", limit.unwrap_or(usual), 1, most)?;
        let max_signals = within("max_signals", self.max_signals.unwrap_or(most), 1, most)?;
        let seconds = within("timeout_seconds", self.timeout_seconds.unwrap_or(1e6), 0.0, 1e6)?;
        let profile = profile.map_or(Ok(Profile::default()), |name| {
            let wrong = || format!("profile: {name:?}, expected corrected or technic-compat");
            Profile::named(&name).ok_or_else(|| ApiError::field("profile", wrong()))
        })?;
        let end = end.map(|text| {
            let known = parse_date(&text).filter(|end| YEARS.contains(&end.year()));
            let text: String = text.chars().take(20).collect();
            let wrong =
                format!("end: `{text}` is not a date such as 2012-06-29, from 1990 to 2199");
            known.ok_or_else(|| ApiError::field("end", wrong))
        });
        Ok(Asked {
            symbols: symbols.map(read_symbols).transpose()?.map(|mut symbols| {
                symbols.truncate(limit);
                symbols
            }),
            limit,
            options: ScanOptions {
                bars: bars as usize,
                profile,
                min_rating,
                only_tradable: tradable,
            },
            end: end.transpose()?,
            may_call: !self.offline,
            only_plan: self.plan,
            only_warm: self.warm,
            max_signals,
            timeout: Duration::from_secs_f64(seconds),
        })
    }
}

fn within<T: PartialOrd + std::fmt::Display>(
    name: &str,
    value: T,
    least: T,
    most: T,
) -> ApiResult<T> {
    match value >= least && value <= most {
        true => Ok(value),
        false => {
            let message = format!("{name}: {value}, expected {least} to {most}");
            Err(ApiError::field(name, message))
        }
    }
}

fn read_symbols(names: Vec<String>) -> ApiResult<Vec<Symbol>> {
    if names.is_empty() || names.len() > MAX_SYMBOLS {
        let message = format!("symbols: {}, expected 1 to {MAX_SYMBOLS}", names.len());
        return Err(ApiError::field("symbols", message));
    }
    let mut known = std::collections::HashSet::with_capacity(names.len());
    let read = |(place, name): (usize, String)| {
        let wrong = |what: String| ApiError::field("symbols", format!("symbols[{place}]: {what}"));
        let symbol = Symbol::new(&name).map_err(|error| wrong(error.to_string()))?;
        match known.insert(symbol.clone()) {
            true => Ok(symbol),
            false => Err(wrong(format!("{symbol} is there already"))),
        }
    };
    names.into_iter().enumerate().map(read).collect()
}
