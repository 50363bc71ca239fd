//! Under which key bars are kept.

use spence::Key;
use spence::key::{Whole, parse_text};

use crate::bars::InvalidQuestion;
use crate::symbol::Symbol;

/// The key of the daily bars of one symbol.
///
/// Canonical text: `AAPL:1d`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SeriesKey {
    symbol: Symbol,
}

impl SeriesKey {
    /// The daily bars of a symbol.
    #[must_use]
    pub fn daily(symbol: Symbol) -> Self {
        Self { symbol }
    }

    /// Reads a canonical text, such as `AAPL:1d`.
    ///
    /// # Errors
    /// Which part cannot be used, and why.
    pub fn parse(text: &str) -> Result<Self, InvalidQuestion> {
        let parts = parse_text(text, Self::ARITY).map_err(|_| InvalidQuestion::text(text))?;
        match parts.as_slice() {
            [symbol, frequency] if frequency == "1d" => Ok(Self::daily(Symbol::new(symbol)?)),
            _ => Err(InvalidQuestion::text(text)),
        }
    }

    /// The symbol.
    #[must_use]
    pub fn symbol(&self) -> &Symbol {
        &self.symbol
    }
}

impl Key for SeriesKey {
    type Kept = Whole<Self>;
    const ARITY: usize = 2;

    fn parts(&self, feed: &mut impl FnMut(&str)) {
        feed(self.symbol.as_str());
        feed("1d");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_written_and_read() {
        let key = SeriesKey::parse("brk.b:1d").unwrap();
        assert_eq!(key.canonical(), "BRK.B:1d");
        assert_eq!(SeriesKey::daily(Symbol::new("X:BTC").unwrap()).canonical(), "X%3ABTC:1d");
        for text in ["AAPL", "AAPL:1h", "AAPL:1d:90:latest", "A B:1d", ""] {
            assert!(SeriesKey::parse(text).is_err(), "{text}");
        }
    }
}
