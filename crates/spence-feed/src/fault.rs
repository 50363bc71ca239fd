//! Faults on demand: what real providers do now and then, by probability.
//!
//! Which call is struck by what follows from the seed and the number of the call, so a run can be
//! repeated.

use std::fmt;
use std::str::FromStr;

/// What can go wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// 429, with Retry-After in seconds, as a date, unreadable, or not at all.
    RateLimited,
    /// 500 or 503, with a page of HTML.
    ServerError,
    /// Status 200 with `"status": "ERROR"`, half of them about the rate.
    ErrorWith200,
    /// Status 200 with `"results": null`, though there are some.
    NullResults,
    /// Status 200 without results, though it counts some.
    MissingResults,
    /// A row that cannot be: a price of 0, a high below the low, text for a number.
    GarbageRow,
    /// A row that comes twice.
    DuplicateRow,
    /// Rows in another order than asked for.
    OutOfOrder,
    /// The body breaks off half way.
    Truncated,
    /// The body comes in drops, over a minute.
    SlowDrip,
    /// The connection ends before the body begins.
    Reset,
}

/// All of them, by the names that `--fault` takes.
pub(crate) const NAMES: [(&str, Fault); 11] = [
    ("rate_limited", Fault::RateLimited),
    ("server_error", Fault::ServerError),
    ("error_200", Fault::ErrorWith200),
    ("null_results", Fault::NullResults),
    ("missing_results", Fault::MissingResults),
    ("garbage_row", Fault::GarbageRow),
    ("duplicate_row", Fault::DuplicateRow),
    ("out_of_order", Fault::OutOfOrder),
    ("truncated", Fault::Truncated),
    ("slow_drip", Fault::SlowDrip),
    ("reset", Fault::Reset),
];

/// A fault and how often it strikes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FaultRate {
    /// What.
    pub fault: Fault,
    /// The share of the calls that it strikes, 0 to 1.
    pub probability: f64,
}

impl FaultRate {
    /// Every fault, each with this probability.
    #[must_use]
    pub fn all(probability: f64) -> Vec<Self> {
        NAMES.map(|(_, fault)| Self { fault, probability }).into()
    }
}

impl fmt::Display for FaultRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name =
            NAMES.iter().find(|(_, fault)| *fault == self.fault).map_or("", |(name, _)| name);
        write!(f, "{name}={}", self.probability)
    }
}

impl FromStr for FaultRate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, probability) =
            text.split_once('=').ok_or("expected NAME=PROBABILITY, as in null_results=0.05")?;
        let known = NAMES.iter().find(|(known, _)| *known == name);
        let Some((_, fault)) = known else {
            let names: Vec<_> = NAMES.iter().map(|(name, _)| *name).collect();
            return Err(format!("no fault `{name}`; there are {}", names.join(", ")));
        };
        let probability: f64 = probability
            .parse()
            .ok()
            .filter(|probability| (0.0..=1.0).contains(probability))
            .ok_or_else(|| format!("`{probability}` is not a probability from 0 to 1"))?;
        Ok(Self { fault: *fault, probability })
    }
}

/// What strikes the call of this number, if anything, and a number to vary it by.
pub(crate) fn strikes(rates: &[FaultRate], seed: u64, call: u64) -> Option<(Fault, u64)> {
    rates.iter().zip(0_u64..).find_map(|(rate, place)| {
        let bytes = [call.to_le_bytes(), place.to_le_bytes()].concat();
        let hash = twox_hash::XxHash3_64::oneshot_with_seed(seed, &bytes);
        let chance = (hash >> 11) as f64 / (1_u64 << 53) as f64;
        (chance < rate.probability).then_some((rate.fault, hash))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_named_and_strike_as_often_as_asked() {
        for rate in FaultRate::all(0.05) {
            assert_eq!(rate.to_string().parse(), Ok(rate));
            let struck = (0..10_000).filter(|call| strikes(&[rate], 7, *call).is_some()).count();
            assert!((400..600).contains(&struck), "{rate}: {struck}");
        }
        for wrong in ["reset", "nosuch=0.1", "reset=2", "reset=-0.1", "reset=x"] {
            assert!(wrong.parse::<FaultRate>().is_err(), "{wrong}");
        }
    }
}
