//! `spence scan`

mod file;
mod market;

use std::collections::HashSet;
use std::path::Path;

use clap::ValueEnum;
use spence_market::score::Profile;
use spence_market::{Listing, is_same_sector};

use crate::args::{Common, Scan, Scoring};
use crate::exit::{Code, Failure};
use crate::{files, render};

/// Rows that people are shown.
const SHOWN: usize = 20;

pub(crate) async fn run(common: &Common, asked: &Scan) -> anyhow::Result<()> {
    if asked.bars == 0 {
        return Err(Failure::error(Code::Refused, "bars: 0, expected at least 1"));
    }
    if asked.symbols == Some(0) {
        return Err(Failure::error(Code::Refused, "symbols: 0, expected at least 1"));
    }
    if let Some(least) = asked.min_rating.filter(|least| !least.is_finite()) {
        let message = format!("min_rating: {least}, expected a number such as 16");
        return Err(Failure::error(Code::Refused, message));
    }
    match &asked.bars_file {
        Some(path) => file::run(common, asked, path),
        None => market::run(common, asked).await,
    }
}

/// Brings together what a scan needs, and rates nothing.
pub(crate) async fn warm(common: &Common, asked: &Scan) -> anyhow::Result<()> {
    market::warm(common, asked).await
}

/// The rules by which scores are made, and whether it was `--profile` that named them, which is
/// that of the settings otherwise.
fn rules(common: &Common, asked: &Scan) -> (Profile, bool) {
    let named = |name: &String| Scoring::from_str(name, false).ok();
    let by_profile = common.profile.as_ref().and_then(named);
    let rules = match asked.scoring.or(by_profile) {
        None | Some(Scoring::Corrected) => Profile::Corrected,
        Some(Scoring::TechnicCompat) => Profile::TechnicCompat,
    };
    (rules, by_profile.is_some())
}

/// How many symbols a file names, and those of the sectors that are asked for.
fn universe(path: &Path, sectors: &[String]) -> anyhow::Result<(usize, Vec<Listing>)> {
    let mut universe = files::universe(path)?;
    let known: HashSet<_> = universe.iter().map(|one| one.sector.as_str()).collect();
    for sector in sectors {
        if !known.iter().any(|known| is_same_sector(known, sector)) {
            return Err(unknown_sector(sector, known));
        }
    }
    let all = universe.len();
    let wanted = |one: &Listing| sectors.iter().any(|sector| is_same_sector(sector, &one.sector));
    universe.retain(|one| sectors.is_empty() || wanted(one));
    Ok((all, universe))
}

fn unknown_sector(sector: &str, known: HashSet<&str>) -> anyhow::Error {
    let mut known: Vec<_> = known.into_iter().filter(|name| !name.is_empty()).collect();
    known.sort_unstable();
    let known = match known.as_slice() {
        [] => "it has no sectors".to_owned(),
        known => format!("it has {}", known.join(", ")),
    };
    let message = format!("sector: {sector:?} is not in the universe; {known}");
    Failure::error(Code::Refused, message)
}

/// What people are shown of a row.
struct Shown {
    symbol: String,
    signal: String,
    rating: f64,
    close: f64,
    rsi: f64,
    trend: f64,
    momentum: f64,
    /// The true range as a part of the close.
    range: f64,
    as_of: String,
}

/// The rows that are rated most clearly.
fn table(mut rows: Vec<Shown>) -> anyhow::Result<()> {
    rows.retain(|row| !row.rating.is_nan());
    rows.sort_by(|a, b| b.rating.abs().total_cmp(&a.rating.abs()));
    let rows = rows.into_iter().take(SHOWN).map(|row| {
        vec![
            row.symbol,
            row.signal,
            format!("{:.1}", row.rating),
            format!("{:.2}", row.close),
            format!("{:.0}", row.rsi),
            row.trend.to_string(),
            row.momentum.to_string(),
            format!("{:.1} %", 100.0 * row.range),
            row.as_of,
        ]
    });
    let header =
        ["symbol", "signal", "rating", "close", "RSI", "trend", "momentum", "range", "as of"];
    render::table(&header, rows.collect())
}
