//! Which symbols exist, and their daily bars.

use jiff::civil::Date;

use crate::bar::Bar;
use crate::{real, synthetic};

/// All symbols and their histories up to a last session.
#[derive(Debug, Clone, Copy)]
pub struct Universe {
    seed: u64,
    last: Date,
}

impl Universe {
    /// Synthetic histories follow from `seed` and end with the last weekday not after `last`.
    #[must_use]
    pub fn new(seed: u64, last: Date) -> Self {
        Self { seed, last }
    }

    /// The bars of the sessions from `from` to `to`, both included, oldest first; unadjusted, or
    /// adjusted for later splits. Empty if there are none, or no such symbol.
    #[must_use]
    pub fn bars(&self, symbol: &str, from: Date, to: Date, adjusted: bool) -> Vec<Bar> {
        if let Some(history) = real::history(symbol) {
            let from = history.bars.partition_point(|bar| bar.date < from);
            let to = history.bars.partition_point(|bar| bar.date <= to);
            let bars = history.bars.get(from..to).unwrap_or_default();
            return match adjusted {
                true => bars.iter().map(|bar| history.adjusted(bar)).collect(),
                false => bars.to_vec(),
            };
        }
        if !exists(symbol) {
            return Vec::new();
        }
        synthetic::bars(self.seed, symbol, from, to.min(self.last))
    }
}

fn exists(symbol: &str) -> bool {
    let (name, class) = symbol.split_once(['.', '-']).unwrap_or((symbol, "A"));
    let upper = |text: &str| text.chars().all(|c| c.is_ascii_uppercase());
    (1..=5).contains(&name.len())
        && upper(name)
        && class.len() == 1
        && upper(class)
        && !name.starts_with("ZZ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_look_like_tickers() {
        for known in ["A", "MSFT", "GOOGL", "BRK.B", "BF-A"] {
            assert!(exists(known), "{known}");
        }
        for unknown in ["", "aapl", "NOSUCH", "ZZ", "ZZTOP", "A1", "BRK.BB", ".B", "Ä"] {
            assert!(!exists(unknown), "{unknown}");
        }
    }
}
