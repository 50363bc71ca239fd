//! Bars as they are kept: all of a symbol in one entry, with what is known of each day.

mod days;
mod key;
mod known;
mod pack;
mod rice;
#[expect(clippy::module_inception, reason = "the series itself")]
mod series;

pub(crate) use days::Days;
pub use key::SeriesKey;
pub(crate) use known::Known;
pub(crate) use pack::{DayBar, pack, unpack};
pub use series::Series;
pub(crate) use series::{News, date_of, day_of};
