//! From one symbol's bars to its rating and signal.
//!
//! `features.rs` and `factors.rs` say what the bars are like; a profile (`compat.rs`,
//! `corrected.rs`) turns that into scores. Definitions: docs/scan.md.

mod compat;
mod corrected;
mod factors;
mod features;
mod row;

use compat::Compat;
use corrected::Corrected;

pub use factors::Factors;
pub use features::Features;
pub use row::{Cell, Score, column_names};

use crate::indicators::last_indicators;
use crate::indicators::window::deviation;
use crate::ohlcv::{Ohlcv, Quote};

/// The least close and the least mean turnover, in the quote currency, of what can be traded.
const LEAST_CLOSE: f64 = 1.0;
const LEAST_TURNOVER: f64 = 250_000.0;
/// The most that 20 closes may scatter, as a fraction of their mean.
const MOST_SCATTER: f64 = 0.5;
/// The risk beyond which a symbol is called ultra risky: true range as a fraction of the close.
const ULTRA_RISKY: f64 = 0.12;

/// By which rules bars are scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profile {
    /// Rules of our own: shorts can be reached, no comparison counts twice, risk is high where it
    /// is high.
    #[default]
    Corrected,
    /// What the Python scanner technic computes, defects included.
    TechnicCompat,
}

impl Profile {
    /// `corrected` or `technic-compat`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Profile::Corrected => "corrected",
            Profile::TechnicCompat => "technic-compat",
        }
    }

    /// The profile of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Profile::Corrected, Profile::TechnicCompat].into_iter().find(|one| one.name() == name)
    }
}

/// What a profile decides.
trait Rules {
    fn sub_scores(&self, features: &Features, factors: &Factors) -> SubScores;

    /// What the column `RiskScore` shows, and by how much the rating is damped (0 to 1, where 1 is
    /// not at all). `range` is the average true range as a fraction of the close.
    fn risk(&self, range: f64) -> Risk;
}

struct Risk {
    score: f64,
    calm: f64,
    is_ultra: bool,
}

/// The parts of a rating, each a whole number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubScores {
    /// How the averages lie.
    pub trend: i32,
    /// How strongly prices move.
    pub momentum: i32,
    /// Whether turnover goes along.
    pub volume: i32,
    /// Whether it is calm.
    pub volatility: i32,
    /// Whether the RSI is in a good range.
    pub oscillator: i32,
    /// Whether prices leave their range.
    pub breakout: i32,
}

impl SubScores {
    fn rating(&self) -> i32 {
        let Self { trend, momentum, volume, volatility, oscillator, breakout } = *self;
        3 * trend + 3 * momentum + 2 * volume + volatility + oscillator + breakout
    }
}

/// What a rating says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Rating 22 or more, with trend and momentum.
    StrongLong,
    /// Rating 16 or more, with the trend.
    Long,
    /// Rating -16 or less, with the trend.
    Short,
    /// Rating -22 or less, with trend and momentum.
    StrongShort,
    /// None of these.
    Avoid,
}

impl Signal {
    /// Its name, as in `Strong Long`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Signal::StrongLong => "Strong Long",
            Signal::Long => "Long",
            Signal::Short => "Short",
            Signal::StrongShort => "Strong Short",
            Signal::Avoid => "Avoid",
        }
    }

    fn of(rating: f64, parts: &SubScores) -> Self {
        let SubScores { trend, momentum, .. } = *parts;
        if rating >= 22.0 && trend >= 2 && momentum >= 1 {
            Signal::StrongLong
        } else if rating >= 16.0 && trend >= 1 {
            Signal::Long
        } else if rating <= -22.0 && trend <= -2 && momentum <= -1 {
            Signal::StrongShort
        } else if rating <= -16.0 && trend <= -1 {
            Signal::Short
        } else {
            Signal::Avoid
        }
    }
}

/// Scores bars; `None` if there are none. All of them count: whoever wants the last 250 gives
/// those.
#[must_use]
pub fn score(bars: &Ohlcv<'_>, profile: Profile) -> Option<Score> {
    let last = bars.at(bars.len().checked_sub(1)?);
    let indicators = last_indicators(bars)?;
    let features = Features::of(bars, &indicators);
    let factors = Factors::of(bars, features.dollar_vol_20);
    let rules: &dyn Rules = match profile {
        Profile::Corrected => &Corrected,
        Profile::TechnicCompat => &Compat,
    };
    let parts = rules.sub_scores(&features, &factors);
    let Risk { score: risk_score, calm, is_ultra: is_ultra_risky } =
        rules.risk(features.atr_pct_14);
    let rating = f64::from(parts.rating()) * (0.7 + 0.3 * calm);
    Some(Score {
        bars: bars.len(),
        is_tradable: is_tradable(bars, &last, features.sma_20),
        indicators,
        features,
        factors,
        last,
        parts,
        risk_score,
        is_ultra_risky,
        raw_rating: parts.rating(),
        rating,
        signal: Signal::of(rating, &parts),
    })
}

/// Whether there are enough bars, at a price and with a turnover at which it can be traded, and
/// prices that do not scatter as if they were wrong.
fn is_tradable(bars: &Ohlcv<'_>, last: &Quote, mean_of_20: f64) -> bool {
    let count = bars.len();
    let turnovers: f64 = bars.last(40).quotes().map(|bar| bar.close * bar.volume).sum();
    let turnover = turnovers / count.min(40) as f64;
    let scatter = deviation(bars.close, 20, 19) / mean_of_20;
    let is_wild = mean_of_20 > 0.0 && scatter > MOST_SCATTER;
    count >= 20 && last.close >= LEAST_CLOSE && turnover >= LEAST_TURNOVER && !is_wild
}
