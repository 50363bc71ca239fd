//! Scoring many symbols at once, on all cores.

use jiff::civil::Date;
use rayon::prelude::*;

use crate::bars_file::SymbolBars;
use crate::score::{Profile, Score, score};

/// What is scored, by which rules, and what of that is wanted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScanOptions {
    /// How many of the last bars count. Default 250.
    pub bars: usize,
    /// By which rules. Default: corrected.
    pub profile: Profile,
    /// The least rating, or for shorts of the corrected rules its negative; none: any, even an
    /// undefined one.
    pub min_rating: Option<f64>,
    /// Whether only what can be traded is wanted: enough bars, a close of 1 or more, a mean
    /// turnover of 250,000 or more, prices that do not scatter.
    pub only_tradable: bool,
}

impl Default for ScanOptions {
    fn default() -> Self {
        Self { bars: 250, profile: Profile::default(), min_rating: None, only_tradable: false }
    }
}

/// The result for one symbol.
#[derive(Debug, Clone)]
pub struct ScanRow {
    /// The symbol.
    pub symbol: String,
    /// The session of the last bar that was scored.
    pub as_of: Date,
    /// Its score.
    pub score: Score,
}

/// The rows that are wanted, in the order of the symbols.
#[must_use]
pub fn scan(symbols: &[&SymbolBars], options: &ScanOptions) -> Vec<ScanRow> {
    symbols
        .par_iter()
        .filter_map(|bars| row(bars, options))
        .filter(|row| options.wants(&row.score))
        .collect()
}

fn row(bars: &SymbolBars, options: &ScanOptions) -> Option<ScanRow> {
    let score = score(&bars.bars().last(options.bars), options.profile)?;
    let as_of = *bars.dates().last()?;
    Some(ScanRow { symbol: bars.symbol().to_owned(), as_of, score })
}

impl ScanOptions {
    pub(crate) fn wants(&self, score: &Score) -> bool {
        // An undefined rating reaches no least one.
        let reaches = |least: f64| match self.profile {
            Profile::Corrected => score.rating().abs() >= least,
            Profile::TechnicCompat => score.rating() >= least,
        };
        self.min_rating.is_none_or(reaches) && (!self.only_tradable || score.is_tradable())
    }
}
