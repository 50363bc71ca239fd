//! Instants as people write them.

use jiff::fmt::temporal::{DateTimeParser, Pieces};
use jiff::tz::{Disambiguation, TimeZone};
use jiff::{Timestamp, Unit, civil};

use crate::request::quoted;

/// An hour that a zone has twice, or never, is nobody's birth until an offset says which it is.
static ZONED: DateTimeParser = DateTimeParser::new().disambiguation(Disambiguation::Reject);

/// Hours of an offset (RFC 3339, section 5.6, `time-numoffset`).
const HOURS: i32 = 24;

/// Characters of a reason, which may repeat what was sent.
const MOST: usize = 300;

/// The second nearest to an ISO 8601 instant: with an offset, `Z`, or a time zone in brackets; what
/// has none of these is UTC.
///
/// # Errors
///
/// What is wrong with it and what was expected. A time that is ambiguous in its zone is an error,
/// unless an offset stands beside the zone, as are a date without a time and 24:00.
pub fn epoch_seconds(text: &str) -> Result<i64, String> {
    let text = text.trim();
    let timestamp = if text.contains('[') {
        ZONED.parse_zoned(text).map(|zoned| zoned.timestamp())
    } else {
        text.parse().or_else(|first: jiff::Error| {
            let has_time = text.contains(['T', 't', ' ']);
            let civil: civil::DateTime = text.parse().ok().filter(|_| has_time).ok_or(first)?;
            Ok(civil.to_zoned(TimeZone::UTC)?.timestamp())
        })
    };
    let to_second = timestamp.and_then(|timestamp: Timestamp| {
        let offset = Pieces::parse(text).ok().and_then(|pieces| pieces.to_numeric_offset());
        match offset {
            Some(offset) if offset.seconds().abs() >= HOURS * 3600 => {
                Err(jiff::Error::from_args(format_args!("an offset is less than {HOURS} hours")))
            }
            _ => timestamp.round(Unit::Second),
        }
    });
    to_second.map(Timestamp::as_second).map_err(|error| {
        let why: String = error.to_string().chars().take(MOST).collect();
        let text = quoted(text);
        format!("{text}: expected an ISO 8601 instant like 1990-06-15T12:00:00+02:00: {why}")
    })
}
