//! The score of one symbol, and its columns.

use super::{Factors, Features, Profile, Signal, SubScores, score};
use crate::indicators::Indicators;
use crate::ohlcv::{Columns, Quote};

/// What the bars of one symbol say.
#[derive(Debug, Clone, Copy)]
pub struct Score {
    pub(super) bars: usize,
    pub(super) is_tradable: bool,
    pub(super) indicators: Indicators,
    pub(super) features: Features,
    pub(super) factors: Factors,
    pub(super) last: Quote,
    pub(super) parts: SubScores,
    pub(super) risk_score: f64,
    pub(super) is_ultra_risky: bool,
    pub(super) raw_rating: i32,
    pub(super) rating: f64,
    pub(super) signal: Signal,
}

/// A cell of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell {
    /// A number; NaN where it is not defined.
    Number(f64),
    /// A word.
    Text(&'static str),
}

/// The names of all columns, in order: those of [`Score::cells`].
#[must_use]
pub fn column_names() -> Vec<&'static str> {
    let mut bar = Columns::default();
    bar.push([1.0; 5]);
    let score = score(&bar.view(), Profile::default());
    score.iter().flat_map(Score::cells).map(|(name, _)| name).collect()
}

impl Score {
    /// How many bars were scored.
    #[must_use]
    pub fn bars(&self) -> usize {
        self.bars
    }

    /// The close of the last bar.
    #[must_use]
    pub fn close(&self) -> f64 {
        self.last.close
    }

    /// What the scores are made of.
    #[must_use]
    pub fn features(&self) -> &Features {
        &self.features
    }

    /// The indicators of the last bar.
    #[must_use]
    pub fn indicators(&self) -> &Indicators {
        &self.indicators
    }

    /// Whether it passes the filter for what can be traded.
    #[must_use]
    pub fn is_tradable(&self) -> bool {
        self.is_tradable
    }

    /// The rating, about -26 to 26; NaN with fewer than 15 bars.
    #[must_use]
    pub fn rating(&self) -> f64 {
        self.rating
    }

    /// What the rating says.
    #[must_use]
    pub fn signal(&self) -> Signal {
        self.signal
    }

    /// The parts of the rating.
    #[must_use]
    pub fn parts(&self) -> SubScores {
        self.parts
    }

    /// Every column with its name, in order; the symbol is not among them.
    pub fn cells(&self) -> impl Iterator<Item = (&'static str, Cell)> {
        let flag = |flag: bool| f64::from(u8::from(flag));
        let head = [("bars", self.bars as f64), ("passes_basic_filters", flag(self.is_tradable))];
        let numbers = |cells: Vec<(&'static str, f64)>| {
            cells.into_iter().map(|(name, value)| (name, Cell::Number(value)))
        };
        let words = |cells: [(&'static str, &'static str); 2]| {
            cells.map(|(name, text)| (name, Cell::Text(text))).into_iter()
        };
        let ultra = if self.is_ultra_risky { "True" } else { "False" };
        numbers(head.into())
            .chain(numbers(self.feature_cells()))
            .chain(numbers(self.carried_cells()))
            .chain(numbers(self.part_cells()))
            .chain([("IsUltraRisky", Cell::Text(ultra))])
            .chain(numbers(vec![
                ("TechRating_raw", f64::from(self.raw_rating)),
                ("TechRating", self.rating),
                ("AlphaScore", self.rating),
            ]))
            .chain(words([("TradeType", "None"), ("Signal", self.signal.name())]))
            .chain(numbers(self.factor_cells()))
    }

    fn feature_cells(&self) -> Vec<(&'static str, f64)> {
        let f = &self.features;
        vec![
            ("f_ret_1d", f.ret_1d),
            ("f_ret_5d", f.ret_5d),
            ("f_ret_21d", f.ret_21d),
            ("f_vol_realized_20", f.vol_realized_20),
            ("f_atr_pct_14", f.atr_pct_14),
            ("f_sma_20", f.sma_20),
            ("f_sma_50", f.sma_50),
            ("f_sma_200", f.sma_200),
            ("f_sma_20_above_50", f64::from(u8::from(f.sma_20_above_50()))),
            ("f_pct_from_high20", f.pct_from_high20),
            ("f_rsi_14", f.rsi_14),
            ("f_macd_hist", f.macd_hist),
            ("f_dollar_vol_20", f.dollar_vol_20),
            ("f_vol_spike_ratio", f.vol_spike_ratio),
            ("f_gap_mean_10", f.gap_mean_10),
        ]
    }

    /// The last bar, and features under the names that later steps of the original look for.
    fn carried_cells(&self) -> Vec<(&'static str, f64)> {
        let (f, last) = (&self.features, &self.last);
        let atr = f.atr_pct_14 * last.close;
        vec![
            ("Close", last.close),
            ("Open", last.open),
            ("High", last.high),
            ("Low", last.low),
            ("Volume", last.volume),
            ("ATR14_pct", f.atr_pct_14),
            ("ATR_pct", f.atr_pct_14),
            ("ATR14", atr),
            ("ATR", atr),
            ("RSI", f.rsi_14),
        ]
    }

    fn part_cells(&self) -> Vec<(&'static str, f64)> {
        let parts = &self.parts;
        let ret_5d = self.features.ret_5d;
        let explosiveness = if ret_5d > 0.0 { ret_5d } else { 0.0 };
        vec![
            ("TrendScore", parts.trend.into()),
            ("MomentumScore", parts.momentum.into()),
            ("VolumeScore", parts.volume.into()),
            ("VolatilityScore", parts.volatility.into()),
            ("OscillatorScore", parts.oscillator.into()),
            ("BreakoutScore", parts.breakout.into()),
            ("ExplosivenessScore", explosiveness),
            ("RiskScore", self.risk_score),
            ("risk_score", self.risk_score),
        ]
    }

    fn factor_cells(&self) -> Vec<(&'static str, f64)> {
        let b = &self.factors;
        vec![
            ("b_mom_5", b.mom_5),
            ("b_mom_21", b.mom_21),
            ("b_mom_63", b.mom_63),
            ("b_reversal_5", b.reversal_5),
            ("b_ma_slope_20", b.ma_slope_20),
            ("b_atr_pct_14", b.atr_pct_14),
            ("b_vol_realized_20", b.vol_realized_20),
            ("b_dollar_vol_20", b.dollar_vol_20),
            ("b_gap_stat_10", b.gap_stat_10),
        ]
    }
}
