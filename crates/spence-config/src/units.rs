//! Sizes and durations as people write them.

use std::fmt;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

/// A number of bytes: `100MB` (powers of 1,000), `64MiB` (powers of 1,024) or `4096`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

/// A duration with its unit: `250ms`, `5m`, `1h30m`, `7d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

/// A petabyte: no machine has more.
const MAX_SIZE: u64 = 1_000_000_000_000_000;
const SIZE_EXPECTED: &str = "a size such as 100MB, 64MiB or 4096";
const SPAN_EXPECTED: &str = "a duration such as 250ms, 5m, 1h30m or 7d";

impl std::str::FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not {SIZE_EXPECTED}");
        let trimmed = text.trim();
        let digits = trimmed.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit: u64 = match trimmed.get(digits.len()..).unwrap_or_default() {
            "" | "B" => 1,
            "kB" | "KB" => 1_000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            "TB" => 1_000_000_000_000,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            "TiB" => 1 << 40,
            _ => return Err(wrong()),
        };
        let number = digits.trim_end();
        if let Ok(whole) = number.parse::<u64>() {
            return whole
                .checked_mul(unit)
                .filter(|bytes| *bytes <= MAX_SIZE)
                .map(Size)
                .ok_or_else(|| format!("`{text}` is too large"));
        }
        let plain = number.chars().all(|c| c.is_ascii_digit() || c == '.');
        match number.parse::<f64>() {
            Ok(fraction) if plain && fraction * unit as f64 <= MAX_SIZE as f64 => {
                Ok(Size((fraction * unit as f64).round() as u64))
            }
            Ok(_) if plain => Err(format!("`{text}` is too large")),
            _ => Err(wrong()),
        }
    }
}

impl std::str::FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if !text.trim().is_empty() && text.trim().chars().all(|c| c.is_ascii_digit()) {
            return Err(format!("`{text}` has no unit; expected {SPAN_EXPECTED}"));
        }
        humantime::parse_duration(text.trim())
            .map(Span)
            .map_err(|_| format!("`{text}` is not {SPAN_EXPECTED}"))
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SizeVisitor;
        impl Visitor<'_> for SizeVisitor {
            type Value = Size;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(SIZE_EXPECTED)
            }

            fn visit_u64<E: Error>(self, bytes: u64) -> Result<Size, E> {
                Ok(Size(bytes))
            }

            fn visit_i64<E: Error>(self, bytes: i64) -> Result<Size, E> {
                u64::try_from(bytes)
                    .map(Size)
                    .map_err(|_| E::invalid_value(Unexpected::Signed(bytes), &self))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Size, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(SizeVisitor)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SpanVisitor)
    }
}

/// Reads a duration; also the scalar half of a time to live.
pub(crate) struct SpanVisitor;

impl Visitor<'_> for SpanVisitor {
    type Value = Span;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SPAN_EXPECTED)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Span, E> {
        Err(E::custom(format!("`{number}` has no unit; expected {SPAN_EXPECTED}")))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Span, E> {
        Err(E::custom(format!("`{number}` is not {SPAN_EXPECTED}")))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Span, E> {
        text.parse().map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        let check = |text: &str, bytes| assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        check("4096", 4096);
        check("100MB", 100_000_000);
        check("64 MiB", 64 << 20);
        check("1.5GB", 1_500_000_000);
        check("2kB", 2_000);
        check("7B", 7);
        for wrong in ["", "MB", "-1MB", "10potatoes", "1e3MB", "1.2.3MB", "99999999TB", "1mb"] {
            assert!(wrong.parse::<Size>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn durations_need_a_unit_and_are_never_negative() {
        let check = |text: &str, seconds| {
            assert_eq!(text.parse(), Ok(Span(Duration::from_secs(seconds))), "{text}");
        };
        check("5m", 300);
        check("1h30m", 5400);
        check("7d", 604_800);
        check("0s", 0);
        assert_eq!("250ms".parse(), Ok(Span(Duration::from_millis(250))));
        for wrong in ["", "5", "-5m", "m", "5 parsecs"] {
            assert!(wrong.parse::<Span>().is_err(), "{wrong}");
        }
    }
}
