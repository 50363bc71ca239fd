//! Where a body is seen.

use serde::{Deserialize, Serialize};

/// An apparent position: true equator, ecliptic and equinox of date, from the Earth's centre,
/// without refraction and parallax. Angles in radians.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// Right ascension, 0 to 2 pi.
    pub ra: f64,
    /// Declination.
    pub dec: f64,
    /// Ecliptic longitude, 0 to 2 pi.
    pub longitude: f64,
    /// Ecliptic latitude.
    pub latitude: f64,
    /// In au; none for stars and lots.
    pub distance: Option<f64>,
    /// Of the ecliptic longitude, in degrees a day; none for lots, which go round in a day.
    pub speed: Option<f64>,
}
