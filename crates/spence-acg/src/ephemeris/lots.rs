//! The lots of Fortune and Spirit (Paulus Alexandrinus, chapter 23): arcs between Sun and Moon,
//! laid off from the ascendant; which way depends on whether the Sun is up.

use super::frame::Frame;
use super::vector::{Vector, angles};
use crate::body::Body;
use crate::place::Place;

/// The lot's ecliptic longitude in radians, not reduced.
pub(crate) fn longitude(body: Body, frame: &Frame, place: Place, sun: Vector, moon: Vector) -> f64 {
    let (ascendant, _) = place.ascendant_and_midheaven(frame);
    let (of_sun, _) = angles(frame.ecliptic(sun));
    let (of_moon, _) = angles(frame.ecliptic(moon));
    let (ra, dec) = angles(sun);
    let from_sun_to_moon = of_moon - of_sun;
    let by_day = place.altitude(frame, ra, dec) >= 0.0;
    if by_day == (body == Body::Fortune) {
        ascendant + from_sun_to_moon
    } else {
        ascendant - from_sun_to_moon
    }
}
