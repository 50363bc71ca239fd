//! How the Earth stands at an instant: equator, equinox, ecliptic, sidereal time.
//!
//! IAU 2006 precession and IAU 2000B nutation, by `sofars`, a port of the IAU's SOFA routines
//! (<http://www.iausofa.org>). 2000B is 1 mas from 2000A.

use serde::{Deserialize, Serialize};
use sofars::erst::{gmst06, gst06};
use sofars::pnp::{nut00b, obl06, pn06};

use super::instant::Instant;
use super::position::Position;
use super::vector::{Matrix, Vector, angles, direction, tilt};

const J2000: f64 = 2_451_545.0;

/// Equator, equinox and ecliptic of date; all angles in radians.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// Obliquity of the mean equator.
    pub mean_obliquity: f64,
    /// Nutation in longitude.
    pub nutation_longitude: f64,
    /// Nutation in obliquity.
    pub nutation_obliquity: f64,
    /// Greenwich apparent sidereal time: with apparent right ascension it makes lines.
    pub gast: f64,
    /// Greenwich mean sidereal time, for comparison.
    pub gmst: f64,
}

impl Frame {
    /// The frame at `instant`, and the rotation to it from ICRS.
    pub(crate) fn at(instant: Instant) -> (Frame, Matrix) {
        let (tt, ut1) = (instant.tt_days(), instant.ut1_days());
        let (nutation_longitude, nutation_obliquity) = nut00b(J2000, tt);
        let (_, _, _, _, _, to_date) = pn06(J2000, tt, nutation_longitude, nutation_obliquity);
        let frame = Frame {
            mean_obliquity: obl06(J2000, tt),
            nutation_longitude,
            nutation_obliquity,
            gast: gst06(J2000, ut1, J2000, tt, &to_date),
            gmst: gmst06(J2000, ut1, J2000, tt),
        };
        (frame, to_date)
    }

    /// The obliquity of the true equator.
    #[must_use]
    pub fn obliquity(&self) -> f64 {
        self.mean_obliquity + self.nutation_obliquity
    }

    /// From the true equator to the true ecliptic of date.
    pub(crate) fn ecliptic(&self, equatorial: Vector) -> Vector {
        tilt(self.obliquity(), equatorial)
    }

    /// The point of the ecliptic at `longitude` (radians), as aspects and lots need it.
    #[must_use]
    pub fn point_of_ecliptic(&self, longitude: f64) -> Position {
        let (ra, dec) = angles(self.of_ecliptic_point(direction(longitude, 0.0)));
        let longitude = longitude.rem_euclid(std::f64::consts::TAU);
        Position { ra, dec, longitude, latitude: 0.0, distance: None, speed: None }
    }

    /// From the true ecliptic to the true equator of date.
    pub(crate) fn of_ecliptic_point(&self, ecliptic: Vector) -> Vector {
        tilt(-self.obliquity(), ecliptic)
    }
}
