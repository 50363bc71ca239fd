//! Local space: the great circle that leaves a place towards a body's azimuth.

use super::path::{Path, between};
use crate::ephemeris::{Frame, Position};
use crate::place::Place;

/// All round the Earth, through a place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GreatCircle {
    latitude: f64,
    longitude: f64,
    azimuth: f64,
}

impl GreatCircle {
    /// From `place` to where `position` stands.
    #[must_use]
    pub fn towards(position: &Position, frame: &Frame, place: Place) -> GreatCircle {
        GreatCircle {
            latitude: place.latitude().to_radians(),
            longitude: place.longitude().to_radians(),
            azimuth: place.azimuth(frame, position.ra, position.dec),
        }
    }

    /// The azimuth in degrees, from north over east.
    #[must_use]
    pub fn azimuth(self) -> f64 {
        self.azimuth.to_degrees()
    }

    /// Every two degrees.
    pub(super) fn path(self) -> Path {
        Path::split((0..=180).map(|step| self.point(f64::from(2 * step).to_radians())), between)
    }

    /// In radians: by the sine of the angle from the circle's plane.
    pub(super) fn distance(self, place: Place) -> f64 {
        let (sin, cos) = place.latitude().to_radians().sin_cos();
        let (sin_own, cos_own) = self.latitude.sin_cos();
        let apart = place.longitude().to_radians() - self.longitude;
        let north = cos_own * sin - sin_own * cos * apart.cos();
        let east = cos * apart.sin();
        let (sin_azimuth, cos_azimuth) = self.azimuth.sin_cos();
        (east * cos_azimuth - north * sin_azimuth).clamp(-1.0, 1.0).asin().abs()
    }

    fn point(self, arc: f64) -> [f64; 2] {
        let (sin, cos) = self.latitude.sin_cos();
        let (sin_arc, cos_arc) = arc.sin_cos();
        let up = (sin * cos_arc + cos * sin_arc * self.azimuth.cos()).clamp(-1.0, 1.0);
        let (sin_azimuth, cos_azimuth) = self.azimuth.sin_cos();
        let east = (sin_azimuth * sin_arc).atan2(cos_arc * cos - sin * sin_arc * cos_azimuth);
        let longitude = self.longitude + east;
        [longitude.to_degrees(), up.asin().to_degrees()]
    }
}
