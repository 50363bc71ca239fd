//! Days as people write them.

use jiff::civil::Date;

/// The day that a text names as YYYY-MM-DD, and in no other way.
#[must_use]
pub fn parse_date(text: &str) -> Option<Date> {
    text.parse().ok().filter(|_| text.len() == "2012-06-29".len())
}
