//! Ticker symbols.

use std::fmt;
use std::sync::Arc;

/// The longest symbol, in bytes.
const MAX_BYTES: usize = 20;

/// A ticker symbol: 1 to 20 letters, digits, `.`, `-`, `:`, `^` or `/`, in upper case, with a
/// letter or digit among them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Symbol(Arc<str>);

/// What is not a symbol, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("symbol {text:?}: {reason}")]
pub struct InvalidSymbol {
    text: String,
    reason: String,
}

impl Symbol {
    /// Reads a symbol in either case.
    ///
    /// # Errors
    /// When the text is empty, too long, or contains anything else than the characters of symbols.
    pub fn new(text: &str) -> Result<Self, InvalidSymbol> {
        let refuse = |reason: String| {
            // What strangers send is not repeated at length.
            let mut shown: String = text.chars().take(MAX_BYTES).collect();
            if shown.len() < text.len() {
                shown.push('…');
            }
            let text = shown;
            Err(InvalidSymbol { text, reason })
        };
        let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '^' | '/');
        if text.is_empty() {
            return refuse("is empty".into());
        }
        if text.len() > MAX_BYTES {
            return refuse(format!("has {} bytes, at most {MAX_BYTES}", text.len()));
        }
        if !text.chars().any(|c| c.is_ascii_alphanumeric()) {
            // Dots alone would be a way up in a provider's path.
            return refuse("has neither a letter nor a digit".into());
        }
        match text.chars().find(|&c| !fine(c)) {
            Some(odd) => refuse(format!("contains {odd:?}")),
            None => Ok(Self(text.to_ascii_uppercase().into())),
        }
    }

    /// The symbol in upper case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_are_upper_case_and_bounded() {
        assert_eq!(Symbol::new("brk.b").unwrap().as_str(), "BRK.B");
        assert_eq!(Symbol::new("X:BTCUSD").unwrap().as_str(), "X:BTCUSD");
        for wrong in ["", ".", "..", "-", "A B", "a\0", "Ä", "../..?", &"A".repeat(21)] {
            assert!(Symbol::new(wrong).is_err(), "{wrong}");
        }
    }
}
