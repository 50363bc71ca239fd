//! How often there is a row.

use std::fmt;
use std::num::NonZeroU8;
use std::str::FromStr;

/// How often there is a row: once a session (or as often as figures are published), or every so
/// many minutes of the regular session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Frequency {
    /// By day; `daily` or `1d`.
    #[default]
    Daily,
    /// By so many minutes.
    Minutes(Minutes),
}

/// 1, 5, 15, 30 or 60.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Minutes(NonZeroU8);

const NAMES: [(&str, u8); 5] = [("1m", 1), ("5m", 5), ("15m", 15), ("30m", 30), ("1h", 60)];

impl Minutes {
    /// How many.
    #[must_use]
    pub fn get(self) -> u8 {
        self.0.get()
    }
}

impl fmt::Display for Frequency {
    /// As in keys: `1d`, `5m`, `1h`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = |minutes: u8| NAMES.iter().find(|(_, known)| *known == minutes);
        f.write_str(match self {
            Frequency::Daily => "1d",
            Frequency::Minutes(minutes) => known(minutes.get()).map_or("", |(name, _)| name),
        })
    }
}

impl FromStr for Frequency {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if matches!(text, "daily" | "1d") {
            return Ok(Frequency::Daily);
        }
        let known = NAMES.iter().find(|(name, _)| *name == text);
        let minutes = known.and_then(|(_, minutes)| NonZeroU8::new(*minutes));
        minutes.map(|minutes| Frequency::Minutes(Minutes(minutes))).ok_or_else(|| {
            let text: String = text.chars().take(20).collect();
            format!("`{text}` is no frequency; there are daily, 1m, 5m, 15m, 30m and 1h")
        })
    }
}
