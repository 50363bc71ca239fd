//! Daily bars, and the question for some of them.

use std::ops::Deref;

use jiff::civil::Date;
use spence::key::parse_text;

use crate::date::parse_date;
use crate::symbol::{InvalidSymbol, Symbol};

/// The most bars that can be asked for at once: what the provider gives in one answer.
pub const MAX_BARS: u32 = 50_000;

/// Symbol, frequency, and if they are given bars and end.
const PARTS: [usize; 2] = [2, 4];
/// Bars of a year.
const A_YEAR: u32 = 250;

/// Where a question says that it is about the last bars there are.
const LATEST: &str = "latest";

/// The years that `end` may lie in: no provider has anything before.
const YEARS: std::ops::RangeInclusive<i16> = 1970..=2199;

/// One session of one symbol, not adjusted for splits or dividends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bar {
    /// The session, in the exchange's own time zone.
    pub date: Date,
    /// First price, in the instrument's quote currency.
    pub open: f64,
    /// Highest price.
    pub high: f64,
    /// Lowest price.
    pub low: f64,
    /// Last price.
    pub close: f64,
    /// Units traded; providers report fractions for some instruments.
    pub volume: f64,
}

/// Bars, oldest first, one a session.
#[derive(Debug, Clone, PartialEq)]
pub struct Bars(Vec<Bar>);

impl Bars {
    /// Puts bars in order; of several for one session the last given counts.
    #[must_use]
    pub fn new(mut bars: Vec<Bar>) -> Self {
        bars.sort_by_key(|bar| bar.date);
        bars.reverse();
        bars.dedup_by_key(|bar| bar.date);
        bars.reverse();
        Self(bars)
    }
}

impl Deref for Bars {
    type Target = [Bar];

    fn deref(&self) -> &[Bar] {
        &self.0
    }
}

/// The question for the last `bars` daily bars of a symbol up to `end`, or up to the last there is.
///
/// As text: `AAPL:1d:90:2012-06-29`, or `AAPL:1d:90:latest`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastBars {
    symbol: Symbol,
    bars: u32,
    end: Option<Date>,
}

/// What is wrong with a question for bars.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidQuestion {
    /// The symbol cannot be one.
    #[error(transparent)]
    Symbol(#[from] InvalidSymbol),
    /// The number of bars is out of range.
    #[error("bars: {0}, expected 1 to {MAX_BARS}")]
    Bars(u32),
    /// It is not the text of a question or of a key.
    #[error("key: `{0}` is not a text such as AAPL:1d:90:2012-06-29 or AAPL:1d:90:latest")]
    Text(String),
    /// The end is not a date.
    #[error("end: `{0}` is not a date such as 2012-06-29, from 1970 to 2199")]
    End(String),
}

impl InvalidQuestion {
    /// The name of the argument that is wrong: `symbol`, `bars` or `end`.
    #[must_use]
    pub fn field(&self) -> &'static str {
        match self {
            InvalidQuestion::Symbol(_) => "symbol",
            InvalidQuestion::Bars(_) => "bars",
            InvalidQuestion::Text(_) => "key",
            InvalidQuestion::End(_) => "end",
        }
    }
}

impl InvalidQuestion {
    pub(crate) fn text(text: &str) -> Self {
        Self::Text(text.chars().take(60).collect())
    }
}

impl LastBars {
    /// The last `bars` bars of `symbol` up to `end` (YYYY-MM-DD, included).
    ///
    /// # Errors
    /// Which argument cannot be used, and why.
    pub fn new(symbol: &str, bars: u32, end: Option<&str>) -> Result<Self, InvalidQuestion> {
        if !(1..=MAX_BARS).contains(&bars) {
            return Err(InvalidQuestion::Bars(bars));
        }
        let date = |text: &str| {
            let date = parse_date(text).filter(|date| YEARS.contains(&date.year()));
            // What strangers send is not repeated at length.
            let wrong = || InvalidQuestion::End(text.chars().take(20).collect());
            date.ok_or_else(wrong)
        };
        Ok(Self { symbol: Symbol::new(symbol)?, bars, end: end.map(date).transpose()? })
    }

    /// Reads a canonical text, such as `AAPL:1d:90:latest`.
    ///
    /// # Errors
    /// Which part cannot be used, and why.
    pub fn parse(text: &str) -> Result<Self, InvalidQuestion> {
        let parts = PARTS.into_iter().find_map(|count| parse_text(text, count).ok());
        let parts = parts.ok_or_else(|| InvalidQuestion::text(text))?;
        match parts.as_slice() {
            [symbol, frequency, bars, end] if frequency == "1d" => {
                let bars = bars.parse().map_err(|_| InvalidQuestion::text(text))?;
                Self::new(symbol, bars, (end != LATEST).then_some(&**end))
            }
            // The key of all of them: those of a year.
            [symbol, frequency] if frequency == "1d" => Self::new(symbol, A_YEAR, None),
            _ => Err(InvalidQuestion::text(text)),
        }
    }

    /// The symbol.
    #[must_use]
    pub fn symbol(&self) -> &Symbol {
        &self.symbol
    }

    /// How many bars are asked for.
    #[must_use]
    pub fn bars(&self) -> u32 {
        self.bars
    }

    /// The last session asked for; `None` for the last there is.
    #[must_use]
    pub fn end(&self) -> Option<Date> {
        self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(date: &str, close: f64) -> Bar {
        let date = date.parse().unwrap();
        Bar { date, open: close, high: close, low: close, close, volume: 1.0 }
    }

    #[test]
    fn bars_are_put_in_order_and_the_last_given_of_a_session_counts() {
        let bars =
            Bars::new(vec![bar("2020-01-03", 3.0), bar("2020-01-02", 1.0), bar("2020-01-02", 2.0)]);
        let closes: Vec<f64> = bars.iter().map(|bar| bar.close).collect();
        assert_eq!(closes, [2.0, 3.0]);
    }

    #[test]
    fn questions_can_be_written() {
        let read = |text| LastBars::parse(text).unwrap();
        assert_eq!(
            read("aapl:1d:90:2012-06-29"),
            LastBars::new("AAPL", 90, Some("2012-06-29")).unwrap()
        );
        assert_eq!(read("X%3ABTC:1d:1:latest"), LastBars::new("X:BTC", 1, None).unwrap());
        assert_eq!(read("AAPL:1d"), LastBars::new("AAPL", 250, None).unwrap());
        for text in ["", "AAPL", "AAPL:1h:5:latest", "AAPL:1d:x:latest", "AAPL:1d:5:latest:1"] {
            assert!(LastBars::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn questions_that_make_no_sense_are_refused() {
        let check = |symbol, bars, end, expected: &str| {
            let error = LastBars::new(symbol, bars, end).unwrap_err();
            assert_eq!(error.to_string(), expected);
        };
        check("AAPL", 0, None, "bars: 0, expected 1 to 50000");
        check("AAPL", 50_001, None, "bars: 50001, expected 1 to 50000");
        check("AA PL", 1, None, "symbol \"AA PL\": contains ' '");
        for end in ["", "yesterday", "2012-02-30", "2012-6-29", "0012-06-29", "2012-06-29T00:00"] {
            let shown: String = end.chars().take(20).collect();
            let expected =
                format!("end: `{shown}` is not a date such as 2012-06-29, from 1970 to 2199");
            check("AAPL", 1, Some(end), &expected);
        }
    }
}
