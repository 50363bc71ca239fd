//! Days as people write them.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use spence::Clock;
use spence_market::parse_date;

use crate::exit::{Code, Failure};

/// The day that an argument names, written YYYY-MM-DD.
pub(crate) fn parse(argument: &str, text: &str) -> anyhow::Result<Date> {
    parse_date(text).ok_or_else(|| {
        let shown: String = text.chars().take(20).collect();
        let message = format!("{argument}: `{shown}` is not a date such as 2024-01-31");
        Failure::error(Code::Refused, message)
    })
}

/// The day that it is now, in UTC.
pub(crate) fn today() -> Date {
    let now = i64::try_from(Clock::system().unix_ms()).unwrap_or_default();
    let now = jiff::Timestamp::from_millisecond(now).unwrap_or_default();
    now.to_zoned(TimeZone::UTC).date()
}
