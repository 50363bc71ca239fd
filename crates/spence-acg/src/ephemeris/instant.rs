//! An instant, in the scale by which the Earth turns and the one by which bodies move.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::delta_t::delta_t_seconds;

/// JD of J2000.0.
const J2000: f64 = 2_451_545.0;
/// J2000.0 as seconds after 1970-01-01T00:00:00.
const J2000_UNIX: i64 = 946_728_000;
const DAY: f64 = 86_400.0;
/// The first second of 1900 and the last of 2100, as seconds after 1970.
const FIRST_SECOND: i64 = -2_208_988_800;
const LAST_SECOND: i64 = 4_133_980_799;

/// An instant between the beginning of 1900 and the end of 2100.
///
/// ```
/// use spence_acg::ephemeris::Instant;
///
/// let instant = Instant::from_unix(0)?;
/// assert_eq!(instant.to_string(), "1970-01-01T00:00:00Z");
/// assert_eq!(instant.jd_ut1(), 2_440_587.5);
/// assert!((instant.delta_t() - 40.2).abs() < 0.1);
/// assert!(Instant::from_unix(-3_000_000_000).is_err());
/// # Ok::<_, spence_acg::ephemeris::OutOfRange>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Instant {
    ut1_days: f64,
    delta_t: f64,
}

/// The instant is outside of what the tables cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the ephemeris covers 1900-01-01T00:00:00Z to 2100-12-31T23:59:59Z, and nothing beyond")]
pub struct OutOfRange;

impl Instant {
    /// `seconds` after 1970-01-01T00:00:00Z. UTC is taken for UT1, from which it differs by 0.9 s
    /// at most: 13.5" of every line, 0.42 km at the equator. TT follows by
    /// [`delta_t_seconds`].
    ///
    /// # Errors
    ///
    /// [`OutOfRange`] before 1900 and after 2100.
    pub fn from_unix(seconds: i64) -> Result<Instant, OutOfRange> {
        if !(FIRST_SECOND..=LAST_SECOND).contains(&seconds) {
            return Err(OutOfRange);
        }
        #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
        let ut1_days = (seconds - J2000_UNIX) as f64 / DAY;
        Ok(Instant { ut1_days, delta_t: delta_t_seconds(2_000.0 + ut1_days / 365.25) })
    }

    /// The Julian day `jd_ut1` with TT - UT1 given, in seconds.
    ///
    /// # Errors
    ///
    /// [`OutOfRange`] before 1900 and after 2100, for what is no number, and for a difference of
    /// more than ten minutes.
    pub fn with_delta_t(jd_ut1: f64, delta_t: f64) -> Result<Instant, OutOfRange> {
        let ut1_days = jd_ut1 - J2000;
        let seconds = ut1_days * DAY;
        #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
        let range = (FIRST_SECOND - J2000_UNIX) as f64..(LAST_SECOND - J2000_UNIX + 1) as f64;
        if range.contains(&seconds) && delta_t.abs() <= 600.0 {
            Ok(Instant { ut1_days, delta_t })
        } else {
            Err(OutOfRange)
        }
    }

    /// Seconds after 1970-01-01T00:00:00 in UT1, rounded.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "two centuries of seconds")]
    pub fn unix(self) -> i64 {
        J2000_UNIX + (self.ut1_days * DAY).round() as i64
    }

    /// The Julian day in UT1.
    #[must_use]
    pub fn jd_ut1(self) -> f64 {
        J2000 + self.ut1_days
    }

    /// The Julian day in TT.
    #[must_use]
    pub fn jd_tt(self) -> f64 {
        J2000 + self.tt_days()
    }

    /// TT - UT1 in seconds.
    #[must_use]
    pub fn delta_t(self) -> f64 {
        self.delta_t
    }

    pub(crate) fn ut1_days(self) -> f64 {
        self.ut1_days
    }

    pub(crate) fn tt_days(self) -> f64 {
        self.ut1_days + self.delta_t / DAY
    }

    /// Julian centuries of TT after J2000.0.
    pub(crate) fn centuries(self) -> f64 {
        self.tt_days() / 36_525.0
    }

    /// For differences: not checked against the range, which the tables outlast by days.
    pub(crate) fn later_by(self, days: f64) -> Instant {
        Instant { ut1_days: self.ut1_days + days, delta_t: self.delta_t }
    }
}

/// As `2000-01-01T12:00:00Z`, to the second.
impl fmt::Display for Instant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let second = Timestamp::from_second(self.unix()).map_err(|_| fmt::Error)?;
        fmt::Display::fmt(&second, formatter)
    }
}
