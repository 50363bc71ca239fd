//! Local space: the great circle that leaves a place towards a body's azimuth.

use std::f64::consts::PI;

use super::path::{Path, Point, wrapped};
use crate::ephemeris::{Frame, Position};
use crate::place::Place;

/// Degrees of longitude from point to point, at most.
const TURN: f64 = 6.0;
/// How often two degrees are halved: to 0.8 m, so that the longitude turns by less than that down to
/// 11 m from a pole, where a line is said to go over it.
const HALVINGS: u32 = 18;
/// How far in degrees a circle may rise between two points above both: 1 - cos 1, in radians.
const BEYOND: f64 = 0.01;
/// Nearer to it (0.1 m) there is no longitude to tell: the way goes over it.
const POLE: f64 = 89.999_999;

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

    /// Every two degrees, and near a pole as often as it takes to turn by a few at a time.
    pub(super) fn path(self) -> Path {
        let mut points = Vec::with_capacity(200);
        points.push(self.point(0.0));
        for step in 1..=180 {
            let [from, to] = [step - 1, step].map(|step| f64::from(2 * step).to_radians());
            self.follow(from, to, HALVINGS, &mut points);
        }
        Path::split(points, |from, to| self.at_edge(from, to))
    }

    /// The latitude at which it meets the 180th meridian: where the sine of
    /// [`GreatCircle::distance`] is zero. Of a line that is all but upright rounding makes anything;
    /// there the latitude of the point before will do.
    fn at_edge(self, from: Point, to: Point) -> f64 {
        let (sin_own, cos_own) = self.latitude.sin_cos();
        let (sin_apart, cos_apart) = (PI - self.longitude).sin_cos();
        let (sin_azimuth, cos_azimuth) = self.azimuth.sin_cos();
        let sine = sin_apart * cos_azimuth + sin_own * cos_apart * sin_azimuth;
        let latitude = (sine / (cos_own * sin_azimuth)).atan().to_degrees();
        let (low, high) = (from[1].min(to[1]) - BEYOND, from[1].max(to[1]) + BEYOND);
        if (low..=high).contains(&latitude) { latitude } else { from[1] }
    }

    /// Adds what is between the last of `points`, at the arc `from`, and the point at `to`.
    fn follow(self, from: f64, to: f64, halvings: u32, points: &mut Vec<Point>) {
        let point = self.point(to);
        let turned = points.last().map_or(0.0, |last| wrapped(point[0] - last[0]).abs());
        let is_pole = point[1].abs() > POLE;
        if (turned > TURN || is_pole) && halvings > 0 {
            let middle = from.midpoint(to);
            self.follow(from, middle, halvings - 1, points);
            self.follow(middle, to, halvings - 1, points);
        } else if !is_pole {
            points.push(point);
        }
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

    fn point(self, arc: f64) -> Point {
        let (sin, cos) = self.latitude.sin_cos();
        let (sin_arc, cos_arc) = arc.sin_cos();
        let up = (sin * cos_arc + cos * sin_arc * self.azimuth.cos()).clamp(-1.0, 1.0);
        let (sin_azimuth, cos_azimuth) = self.azimuth.sin_cos();
        let east = (sin_azimuth * sin_arc).atan2(cos_arc * cos - sin * sin_arc * cos_azimuth);
        let longitude = self.longitude + east;
        [longitude.to_degrees(), up.asin().to_degrees()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_turns_by_a_few_degrees_at_a_time_however_near_it_comes_to_a_pole() {
        for step in 0..9_000 {
            // Over the equator at that angle to the meridian, it comes as near to both poles.
            let azimuth = 10.0_f64.powf(-f64::from(step) / 1_000.0);
            for longitude in [-PI, 0.0, 2.0] {
                let path = GreatCircle { latitude: 0.0, longitude, azimuth }.path();
                for pair in path.parts().iter().flat_map(|part| part.windows(2)) {
                    let [from, to] = pair else { panic!("{pair:?}") };
                    assert!((from[0] - to[0]).abs() <= TURN + 1e-9, "{azimuth}: {pair:?}");
                }
            }
        }
    }
}
