//! Lines on the Earth, in closed form: no grids, no iteration.
//!
//! With a body's apparent right ascension a and declination d, Greenwich apparent sidereal time S,
//! geographic latitude p and longitude L (east positive), the hour angle is H = S + L - a and the
//! altitude h follows from sin h = sin p sin d + cos p cos d cos H. Each line is what one of these
//! says when it is set to a constant. Directions are those from the Earth's centre: no refraction
//! and no parallax, which for the Moon would move the horizon's lines by a degree.

mod aspects;
mod great_circle;
mod horizon;
mod meridian;
mod parallel;
mod parans;
mod path;

pub use aspects::{Aspect, Method, displaced};
pub use great_circle::GreatCircle;
pub use horizon::{Horizon, Side};
pub use meridian::Meridian;
pub use parallel::Parallel;
pub use parans::{Event, Paran, parans};
pub use path::{Path, Point, wrapped};

use crate::place::Place;

/// Kilometres of a radian on a sphere of the Earth's mean radius (IUGG).
const RADIUS_KM: f64 = 6_371.008_8;

/// A line on the Earth.
///
/// ```
/// use spence_acg::lines::{Horizon, Line, Side};
/// use spence_acg::ephemeris::{Instant, Sky};
/// use spence_acg::{Body, Place};
///
/// let sky = Sky::at(Instant::from_unix(946_728_000)?);
/// let moon = sky.position(Body::Moon)?;
/// let rising = Line::Horizon(Horizon::of(&moon, sky.frame().gast, Side::Rising));
/// let berlin = Place::new(52.52, 13.41)?;
/// assert!(rising.distance_km(berlin) < 10_020.0);
/// for part in rising.path().parts() {
///     assert!(part.iter().all(|[longitude, _]| longitude.abs() <= 180.0));
/// }
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Line {
    /// Where a body culminates, or its opposite.
    Meridian(Meridian),
    /// Where it rises, or sets.
    Horizon(Horizon),
    /// Where two are on an angle at once.
    Parallel(Parallel),
    /// Through a place, towards a body.
    GreatCircle(GreatCircle),
}

impl Line {
    /// Its points: split at 180 degrees, none outside of the world.
    #[must_use]
    pub fn path(&self) -> Path {
        match self {
            Line::Meridian(meridian) => meridian.path(),
            Line::Horizon(horizon) => horizon.path(),
            Line::Parallel(parallel) => parallel.path(),
            Line::GreatCircle(circle) => circle.path(),
        }
    }

    /// How far `place` is from it, in kilometres over a sphere.
    #[must_use]
    pub fn distance_km(&self, place: Place) -> f64 {
        RADIUS_KM
            * match self {
                Line::Meridian(meridian) => meridian.distance(place),
                Line::Horizon(horizon) => horizon.distance(place),
                Line::Parallel(parallel) => parallel.distance(place),
                Line::GreatCircle(circle) => circle.distance(place),
            }
    }
}
