//! An answer to a question for bars, with what is to be known about it.

use std::ops::Deref;
use std::time::Duration;

use spence::{Cached, Error, Freshness, Source};

use crate::bars::Bars;
use crate::series::Series;

/// Bars, and how far they can be relied on. Dereferences to the bars.
#[derive(Debug, Clone)]
pub struct HeldBars {
    bars: Bars,
    series: Cached<Series>,
    /// Whether all of what was asked for is known: final, or good enough for now.
    is_known: bool,
    is_final: bool,
}

impl HeldBars {
    pub(crate) fn new(bars: Bars, series: Cached<Series>, is_known: bool, is_final: bool) -> Self {
        Self { bars, series, is_known, is_final }
    }

    /// Whether the figures can change no more: every session asked for was settled when the
    /// provider was asked for it.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.is_final
    }

    /// Fresh as long as nothing newer can exist; else stale, and why.
    #[must_use]
    pub fn freshness(&self) -> Freshness {
        match self.series.freshness() {
            // What is due to be asked for again is not asked for.
            Freshness::Fresh if !self.is_known => {
                Freshness::Stale(spence::StaleReason::NotRefreshed)
            }
            freshness => freshness,
        }
    }

    /// The farthest tier that was gone to.
    #[must_use]
    pub fn source(&self) -> Source {
        self.series.source()
    }

    /// Time since the provider was asked for any bars of the symbol.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.series.age()
    }

    /// The error on whose account stale bars are served.
    #[must_use]
    pub fn stale_cause(&self) -> Option<&Error> {
        self.series.stale_cause()
    }

    /// Whether no invalidation by another node can have been missed.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        self.series.is_verified()
    }
}

impl Deref for HeldBars {
    type Target = Bars;

    fn deref(&self) -> &Bars {
        &self.bars
    }
}
