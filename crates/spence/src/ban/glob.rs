//! Redis globs: `*` any text (`:` included), `?` one character, `[a-z]` and `[^a-z]` one of a
//! set, `\` makes the next character plain. They differ from file globs, in which `*` stops at a
//! separator. Syntax: <https://redis.io/docs/latest/commands/keys/>.
//!
//! Matching goes back to the last `*` only, so that its worst case is the product of the lengths,
//! never exponential.

use crate::error::Error;

/// The longest pattern, in bytes.
const MAX_PATTERN_BYTES: usize = 1024;

/// A compiled pattern.
#[derive(Debug, Clone)]
pub(crate) struct Glob {
    pattern: Box<str>,
    tokens: Box<[Token]>,
}

#[derive(Debug, Clone)]
enum Token {
    Any,
    One,
    Plain(char),
    Set { negated: bool, ranges: Box<[(char, char)]> },
}

impl Glob {
    pub(crate) fn pattern(&self) -> &str {
        &self.pattern
    }

    pub(crate) fn new(pattern: &str) -> Result<Self, Error> {
        if pattern.is_empty() || pattern.len() > MAX_PATTERN_BYTES {
            let length = pattern.len();
            return Err(Error::invalid(format!(
                "glob: {length} bytes, expected 1 to {MAX_PATTERN_BYTES}"
            )));
        }
        let mut tokens = Vec::new();
        let mut rest = pattern.chars();
        while let Some(c) = rest.next() {
            tokens.push(match c {
                '*' if matches!(tokens.last(), Some(Token::Any)) => continue,
                '*' => Token::Any,
                '?' => Token::One,
                '[' => set(&mut rest).ok_or_else(|| {
                    Error::invalid(format!("glob {pattern:?}: `[` without a closing `]`"))
                })?,
                '\\' => Token::Plain(rest.next().ok_or_else(|| {
                    Error::invalid(format!("glob {pattern:?}: ends in a lone `\\`"))
                })?),
                plain => Token::Plain(plain),
            });
        }
        Ok(Self { pattern: pattern.into(), tokens: tokens.into() })
    }

    /// Whether this is the glob of that very pattern.
    pub(crate) fn is(&self, pattern: &str) -> bool {
        *self.pattern == *pattern
    }

    /// The text that the pattern's matches begin with, if that is all it asks.
    pub(crate) fn as_prefix(&self) -> Option<&str> {
        let prefix = self.pattern.strip_suffix('*')?;
        (!prefix.contains(['*', '?', '[', '\\'])).then_some(prefix)
    }

    /// Whether every key matches. A key is never empty, so that one character beside a `*` leaves
    /// nothing out.
    pub(crate) fn takes_all(&self) -> bool {
        let (any, one): (Vec<_>, Vec<_>) =
            self.tokens.iter().partition(|token| matches!(token, Token::Any));
        !any.is_empty() && one.len() <= 1 && one.iter().all(|token| token.takes_every_character())
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        let mut text = text.chars();
        let mut tokens = self.tokens.iter();
        // Where to go on if what follows the last `*` does not fit: that `*` takes one more.
        let mut retry: Option<(std::str::Chars<'_>, std::slice::Iter<'_, Token>)> = None;
        loop {
            let ahead = text.clone();
            let fits = match tokens.next() {
                Some(Token::Any) => {
                    retry = Some((ahead, tokens.clone()));
                    continue;
                }
                Some(token) => text.next().is_some_and(|c| token.takes(c)),
                None if text.as_str().is_empty() => return true,
                None => false,
            };
            if fits {
                continue;
            }
            let Some((mut from, after)) = retry.take() else { return false };
            if from.next().is_none() {
                return false;
            }
            text = from.clone();
            tokens = after.clone();
            retry = Some((from, after));
        }
    }
}

impl Token {
    fn takes_every_character(&self) -> bool {
        match self {
            Token::Any | Token::One => true,
            Token::Plain(_) => false,
            Token::Set { negated: true, ranges } => ranges.is_empty(),
            Token::Set { negated: false, ranges } => {
                let mut ranges = ranges.to_vec();
                ranges.sort_unstable();
                // Up to where there is no gap, from the lowest control character on.
                let end = ranges
                    .iter()
                    .try_fold('\0', |end, &(low, high)| (low <= next(end)).then(|| end.max(high)));
                ranges.first().is_some_and(|(low, _)| *low == '\0') && end == Some(char::MAX)
            }
        }
    }

    fn takes(&self, c: char) -> bool {
        match self {
            Token::Any | Token::One => true,
            Token::Plain(plain) => *plain == c,
            Token::Set { negated, ranges } => {
                ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated
            }
        }
    }
}

/// The character after this one; that of the last is itself.
fn next(c: char) -> char {
    (c..=char::MAX).nth(1).unwrap_or(c)
}

fn set(rest: &mut std::str::Chars<'_>) -> Option<Token> {
    let negated = rest.as_str().starts_with('^');
    if negated {
        rest.next();
    }
    let mut ranges = Vec::new();
    loop {
        let low = match rest.next()? {
            ']' => return Some(Token::Set { negated, ranges: ranges.into() }),
            '\\' => rest.next()?,
            c => c,
        };
        let mut ahead = rest.clone();
        let high = match (ahead.next(), ahead.next()) {
            (Some('-'), Some(high)) if high != ']' => {
                *rest = ahead;
                high
            }
            _ => low,
        };
        ranges.push((low.min(high), low.max(high)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_redis() {
        let check = |pattern: &str, text: &str, expected: bool| {
            let matched = Glob::new(pattern).unwrap().matches(text);
            assert_eq!(matched, expected, "{pattern} on {text}");
        };
        check("features:*", "features:AAPL:20", true);
        check("features:*", "feature:AAPL", false);
        check("*", "", true);
        check("*:90", "AAPL:1d:90", true);
        check("*:90", "AAPL:1d:901", false);
        check("a*b*c", "a-b-b-c", true);
        check("a*b*c", "a-c-b", false);
        check("h?llo", "hello", true);
        check("h?llo", "hllo", false);
        check("h?llo", "hüllo", true);
        check("h[ae]llo", "hallo", true);
        check("h[^e]llo", "hello", false);
        check("h[a-c]llo", "hbllo", true);
        check("h[c-a]llo", "hbllo", true);
        check("[a-]", "-", true);
        check(r"\*", "*", true);
        check(r"\*", "x", false);
        check(r"[\]]", "]", true);
        check("AAPL", "AAPL", true);
        check("AAPL", "AAPLE", false);
    }

    #[test]
    fn what_takes_every_key_is_known() {
        let check = |pattern: &str, expected: bool| {
            assert_eq!(Glob::new(pattern).unwrap().takes_all(), expected, "{pattern}");
        };
        for pattern in ["*", "**", "?*", "*?", "**?*", "[^]*", "*[^]*", "*[\0-\u{10FFFF}]"] {
            check(pattern, true);
        }
        check("*[\0-ab-\u{10FFFF}]", true);
        for pattern in ["?", "??*", "a*", "*[^a]", "*[a-z]", "[]*", "*[\0-ac-\u{10FFFF}]", r"\*"] {
            check(pattern, false);
        }
    }

    #[test]
    fn broken_patterns_are_refused() {
        for pattern in ["", "[abc", "a\\", "[a\\"] {
            assert!(Glob::new(pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn a_plain_text_before_a_single_star_is_a_prefix() {
        let check = |pattern: &str, prefix: Option<&str>| {
            assert_eq!(Glob::new(pattern).unwrap().as_prefix(), prefix, "{pattern}");
        };
        check("*", Some(""));
        check("AAPL:*", Some("AAPL:"));
        check("AAPL", None);
        check("*a", None);
        check("a?*", None);
        check("[a]*", None);
        check(r"a\*", None);
    }

    #[test]
    fn a_hostile_pattern_takes_no_exponential_time() {
        let pattern = "a*".repeat(500) + "b";
        assert!(!Glob::new(&pattern).unwrap().matches(&"a".repeat(4000)));
    }
}
