//! Where each body is, by the theory that fits it best: equatorial, J2000.0 (ICRS to 0.03"), au.
//!
//! | bodies | theory |
//! |---|---|
//! | Earth, Mercury to Saturn | VSOP87A (Bretagnon and Francou 1988) |
//! | Uranus, Neptune | VSOP2013 (Simon, Francou, Fienga and Manche 2013) |
//! | Pluto | the series of Meeus, Astronomical Algorithms, chapter 37 |
//! | Moon | ELP/MPP02 (Chapront and Francou 2003) |
//!
//! How far they are from DE431 where it is seen from the Earth: docs/acg.md.

use celestial_core::constants::AU_KM;
use celestial_ephemeris::moon::ElpMpp02Moon;
use celestial_ephemeris::planets::{Vsop2013Neptune, Vsop2013Uranus};
use celestial_time::TDB;
use celestial_time::julian::JulianDate;
use spence_acg::ephemeris::Orbit;
use vsop87::{RectangularCoordinates, vsop87a};

/// JD of J2000.0.
const J2000: f64 = 2_451_545.0;
/// The obliquity at J2000.0 to which Pluto's series refers: 23 degrees 26' 21.448".
const OBLIQUITY_J2000: f64 = 84_381.448 / 3_600.0;
/// From the ecliptic of ELP/MPP02 to the axes of ICRS: the obliquity and the origin of longitudes
/// (Chapront and Francou 2003, table 3, LLR), in arc seconds.
const LUNAR_OBLIQUITY: f64 = 84_381.410_96;
const LUNAR_ORIGIN: f64 = -0.055_42;

/// Geocentric for the Moon, heliocentric for all others, `days` of TDB after J2000.0.
pub(crate) fn position(orbit: Orbit, days: f64) -> anyhow::Result<[f64; 3]> {
    let jde = J2000 + days;
    let tdb = TDB::from_julian_date(JulianDate::new(J2000, days));
    Ok(match orbit {
        Orbit::Earth => from_vsop87(vsop87a::earth(jde)),
        Orbit::Mercury => from_vsop87(vsop87a::mercury(jde)),
        Orbit::Venus => from_vsop87(vsop87a::venus(jde)),
        Orbit::Mars => from_vsop87(vsop87a::mars(jde)),
        Orbit::Jupiter => from_vsop87(vsop87a::jupiter(jde)),
        Orbit::Saturn => from_vsop87(vsop87a::saturn(jde)),
        Orbit::Uranus => {
            let at = Vsop2013Uranus.heliocentric_position(&tdb)?;
            [at.x, at.y, at.z]
        }
        Orbit::Neptune => {
            let at = Vsop2013Neptune.heliocentric_position(&tdb)?;
            [at.x, at.y, at.z]
        }
        Orbit::Pluto => {
            let (longitude, latitude, radius) = astro::pluto::heliocent_pos(jde);
            from_ecliptic(spherical(longitude, latitude, radius), OBLIQUITY_J2000.to_radians())
        }
        Orbit::Moon => {
            let [x, y, z] = ElpMpp02Moon::new().geocentric_position(&tdb)?;
            let (sin, cos) = (LUNAR_ORIGIN / 3_600.0).to_radians().sin_cos();
            let turned = [cos * x - sin * y, sin * x + cos * y, z];
            let obliquity = (LUNAR_OBLIQUITY / 3_600.0).to_radians();
            from_ecliptic(turned, obliquity).map(|kilometres| kilometres / AU_KM)
        }
    })
}

/// The rotation to FK5 of the theory's own description (vsop87.doc).
fn from_vsop87(at: RectangularCoordinates) -> [f64; 3] {
    let RectangularCoordinates { x, y, z } = at;
    [
        x + 0.000_000_440_360 * y - 0.000_000_190_919 * z,
        -0.000_000_479_966 * x + 0.917_482_137_087 * y - 0.397_776_982_902 * z,
        0.397_776_982_902 * y + 0.917_482_137_087 * z,
    ]
}

fn spherical(longitude: f64, latitude: f64, radius: f64) -> [f64; 3] {
    let across = radius * latitude.cos();
    [across * longitude.cos(), across * longitude.sin(), radius * latitude.sin()]
}

fn from_ecliptic([x, y, z]: [f64; 3], obliquity: f64) -> [f64; 3] {
    let (sin, cos) = obliquity.sin_cos();
    [x, cos * y - sin * z, sin * y + cos * z]
}
