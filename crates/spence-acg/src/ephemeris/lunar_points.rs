//! Nodes and apogee of the Moon's orbit: no bodies, so without light time and aberration.

use super::moment::Moment;
use super::tables::{Orbit, Tables};
use super::vector::{Vector, cross, dot, minus, times, unit};

/// The Moon's mean distance, 384 400 km, in au.
const MEAN_DISTANCE: f64 = 384_400.0 / 149_597_870.7;
/// Mean eccentricity and inclination of her orbit.
const ECCENTRICITY: f64 = 0.054_900_489;
const INCLINATION: f64 = 5.145_396_4;
/// G (Earth + Moon), 403 503.2355 km^3/s^2 (IERS Conventions 2010), in au^3/day^2.
const GRAVITY: f64 = 8.997_011_390e-10;

/// The ascending node of the mean orbit: Meeus, Astronomical Algorithms, chapter 47, with
/// nutation.
pub(crate) fn mean_node(moment: &Moment) -> Vector {
    let longitude = node_longitude(moment) + moment.frame.nutation_longitude;
    on_ecliptic(moment, longitude, 0.0, MEAN_DISTANCE)
}

/// Lilith: the mean apogee, on the mean orbit's plane and thus with a latitude.
pub(crate) fn mean_apogee(moment: &Moment) -> Vector {
    let t = moment.instant.centuries();
    let perigee = 83.353_246_5
        + t * (4_069.013_728_7 + t * (-0.010_32 + t * (-1.0 / 80_053.0 + t / 18_999_000.0)));
    let node = node_longitude(moment);
    let along = (perigee + 180.0).to_radians() - node;
    let (sin, cos) = INCLINATION.to_radians().sin_cos();
    let from_node = (along.sin() * cos).atan2(along.cos());
    let latitude = (along.sin() * sin).asin();
    let longitude = node + from_node + moment.frame.nutation_longitude;
    on_ecliptic(moment, longitude, latitude, MEAN_DISTANCE * (1.0 + ECCENTRICITY))
}

/// The ascending node of the orbit which the Moon is on now, by her position and velocity.
pub(crate) fn true_node(moment: &Moment) -> Vector {
    let frame = &moment.frame;
    let state = Tables::embedded().state(Orbit::Moon, moment.instant.tt_days());
    let position = frame.ecliptic(moment.equatorial(state.position));
    let velocity = frame.ecliptic(moment.equatorial(state.velocity));
    let pole = cross(position, velocity);
    let node = unit([-pole[1], pole[0], 0.0]);
    let towards_perigee = minus(times(1.0 / GRAVITY, cross(velocity, pole)), unit(position));
    let distance = dot(pole, pole) / GRAVITY / (1.0 + dot(towards_perigee, node));
    frame.of_ecliptic_point(times(distance, node))
}

/// Of the mean orbit, from the mean equinox of date, in radians.
fn node_longitude(moment: &Moment) -> f64 {
    let t = moment.instant.centuries();
    let degrees = 125.044_547_9
        + t * (-1_934.136_289_1 + t * (0.002_075_4 + t * (1.0 / 467_441.0 - t / 60_616_000.0)));
    degrees.to_radians()
}

fn on_ecliptic(moment: &Moment, longitude: f64, latitude: f64, distance: f64) -> Vector {
    let direction = super::vector::direction(longitude, latitude);
    moment.frame.of_ecliptic_point(times(distance, direction))
}
