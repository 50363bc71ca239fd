//! AC and DC: the halves of the circle on which h = 0, 90 degrees from where the body is in the
//! zenith.
//!
//! The circle is followed by its own arc: its points are (-sin d sin s, -+cos s, cos d sin s) for
//! s from -90 to 90 degrees, with x towards the body's meridian and z towards the pole: a degree
//! apart, closer where the line turns about a pole. There is no singularity at any declination, and
//! the ends are exact: where the body only just rises or sets, on its meridian, or opposite.

use std::sync::LazyLock;

use super::meridian::Meridian;
use super::path::{Path, Point, wrapped};
use crate::ephemeris::Position;
use crate::place::Place;

/// Sines and cosines of every degree from the equator to the end of a line.
static ARC: LazyLock<[(f64, f64); 91]> =
    LazyLock::new(|| std::array::from_fn(|degree| (degree as f64).to_radians().sin_cos()));

/// Degrees of longitude from point to point, at most: between them a line that is straight on the
/// map leaves the circle by a kilometre at most.
const TURN: f64 = 2.0;

/// On which side of the body's meridian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// West of it: the body rises. AC.
    Rising,
    /// East of it: it sets. DC.
    Setting,
}

/// Where a body is on the horizon.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Horizon {
    meridian: f64,
    declination: f64,
    side: Side,
}

impl Horizon {
    /// Of a body at `position`.
    #[must_use]
    pub fn of(position: &Position, gast: f64, side: Side) -> Horizon {
        let meridian = Meridian::of(position, gast).longitude;
        Horizon { meridian, declination: position.dec, side }
    }

    /// The longitude in degrees at which the line crosses `latitude` (degrees), if it does:
    /// cos H = -tan p tan d.
    #[must_use]
    pub fn longitude_at(&self, latitude: f64) -> Option<f64> {
        let cosine = -latitude.to_radians().tan() * self.declination.tan();
        (cosine.abs() <= 1.0)
            .then(|| wrapped(self.meridian + self.sign() * cosine.acos().to_degrees()))
    }

    /// The northernmost latitude in degrees; the southernmost is its opposite.
    #[must_use]
    pub fn end(&self) -> f64 {
        90.0 - self.declination.abs().to_degrees()
    }

    pub(super) fn path(self) -> Path {
        let (sin, cos) = self.declination.sin_cos();
        // From the equator to the northern end; the southern half is its mirror.
        let mut north: Vec<(f64, f64)> = Vec::with_capacity(128);
        for (sin_arc, cos_arc) in ARC.iter() {
            let from_meridian = cos_arc.atan2(-sin * sin_arc).to_degrees();
            let before = north.last().map_or(from_meridian, |(before, _)| *before);
            let turned = from_meridian - before;
            let pieces = (turned.abs() / TURN).ceil();
            north.extend((1..pieces as u32).map(|piece| {
                let between = before + turned * f64::from(piece) / pieces;
                (between, self.latitude_at(between))
            }));
            north.push((from_meridian, (cos * sin_arc).min(1.0).asin().to_degrees()));
        }
        let mirrored = |(from, latitude): &(f64, f64)| (180.0 - from, -latitude);
        let points = north.iter().skip(1).rev().map(mirrored).chain(north.iter().copied());
        let on_map = points.map(|(from, latitude)| [self.meridian + self.sign() * from, latitude]);
        Path::split(on_map, |from, to| self.at_edge(from, to))
    }

    /// In radians: the altitude of the body, or how far the nearer end is.
    pub(super) fn distance(self, place: Place) -> f64 {
        let hour_angle = (place.longitude() - self.meridian).to_radians();
        let (sin, cos) = place.latitude().to_radians().sin_cos();
        let (sin_d, cos_d) = self.declination.sin_cos();
        if hour_angle.sin() * self.sign() >= 0.0 {
            (sin * sin_d + cos * cos_d * hour_angle.cos()).clamp(-1.0, 1.0).asin().abs()
        } else {
            // The ends are opposite points.
            let to_north = sin * cos_d - cos * sin_d * hour_angle.cos();
            to_north.abs().min(1.0).acos()
        }
    }

    fn sign(self) -> f64 {
        match self.side {
            Side::Rising => -1.0,
            Side::Setting => 1.0,
        }
    }

    /// tan p = -cos H / tan d, all in degrees.
    fn latitude_at(self, hour_angle: f64) -> f64 {
        let (sin, cos) = self.declination.sin_cos();
        let cosine = hour_angle.to_radians().cos();
        (-cosine * cos * sin.signum()).atan2(sin.abs()).to_degrees()
    }

    /// At the 180th meridian; between the points, whatever rounding makes of a line that is all but
    /// upright.
    fn at_edge(self, from: Point, to: Point) -> f64 {
        let latitude = self.latitude_at(180.0 - self.meridian);
        latitude.clamp(from[1].min(to[1]), from[1].max(to[1]))
    }
}
