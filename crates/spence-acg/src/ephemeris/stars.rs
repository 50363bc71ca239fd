//! Fixed stars: where Hipparcos saw them, and how they move since.
//!
//! Position (ICRS, epoch J2000.0), proper motion and parallax of the new reduction of Hipparcos
//! (van Leeuwen 2007, A&A 474), radial velocities of Gontcharov (2006).

use serde::{Deserialize, Serialize};
use sofars::astro::pmpx;

use super::moment::Moment;
use super::vector::Vector;

/// A star of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "they say it themselves")]
pub enum Star {
    Regulus,
    Spica,
    Aldebaran,
    Antares,
}

/// Degrees, milliarcseconds a year, milliarcseconds, km/s.
struct Entry {
    hipparcos: u32,
    ra: f64,
    dec: f64,
    motion_ra: f64,
    motion_dec: f64,
    parallax: f64,
    velocity: f64,
}

const REGULUS: Entry = Entry {
    hipparcos: 49_669,
    ra: 152.092_962_44,
    dec: 11.967_208_78,
    motion_ra: -248.73,
    motion_dec: 5.59,
    parallax: 41.13,
    velocity: 5.9,
};
const SPICA: Entry = Entry {
    hipparcos: 65_474,
    ra: 201.298_247_36,
    dec: -11.161_319_49,
    motion_ra: -42.35,
    motion_dec: -30.67,
    parallax: 13.06,
    velocity: 1.0,
};
const ALDEBARAN: Entry = Entry {
    hipparcos: 21_421,
    ra: 68.980_162_79,
    dec: 16.509_302_35,
    motion_ra: 63.45,
    motion_dec: -188.94,
    parallax: 48.94,
    velocity: 54.3,
};
const ANTARES: Entry = Entry {
    hipparcos: 80_763,
    ra: 247.351_915_42,
    dec: -26.432_002_61,
    motion_ra: -12.11,
    motion_dec: -23.30,
    parallax: 5.89,
    velocity: -3.5,
};

impl Star {
    /// All of the table.
    pub const ALL: [Star; 4] = [Star::Regulus, Star::Spica, Star::Aldebaran, Star::Antares];

    /// The star's number in the Hipparcos catalogue.
    #[must_use]
    pub fn hipparcos(self) -> u32 {
        self.entry().hipparcos
    }

    fn entry(self) -> &'static Entry {
        match self {
            Star::Regulus => &REGULUS,
            Star::Spica => &SPICA,
            Star::Aldebaran => &ALDEBARAN,
            Star::Antares => &ANTARES,
        }
    }

    /// Where it is seen, on the true equator of date, at distance 1.
    pub(crate) fn apparent(self, moment: &Moment) -> Vector {
        let entry = self.entry();
        let milliarcsecond = (1.0_f64 / 3_600_000.0).to_radians();
        let dec = entry.dec.to_radians();
        let direction = pmpx(
            entry.ra.to_radians(),
            dec,
            entry.motion_ra * milliarcsecond / dec.cos(),
            entry.motion_dec * milliarcsecond,
            entry.parallax / 1_000.0,
            entry.velocity,
            moment.instant.tt_days() / 365.25,
            moment.earth.position,
        );
        moment.star(direction)
    }
}
