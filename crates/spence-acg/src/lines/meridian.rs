//! MC and IC: from pole to pole where H is 0, or 180 degrees.

use super::path::{Path, wrapped};
use crate::ephemeris::Position;
use crate::place::Place;

/// A meridian.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Meridian {
    /// Its longitude in degrees.
    pub longitude: f64,
}

impl Meridian {
    /// Where a body at `position` culminates.
    #[must_use]
    pub fn of(position: &Position, gast: f64) -> Meridian {
        Meridian { longitude: wrapped((position.ra - gast).to_degrees()) }
    }

    /// The one on the other side of the Earth.
    #[must_use]
    pub fn opposite(self) -> Meridian {
        Meridian { longitude: wrapped(self.longitude + 180.0) }
    }

    /// A meridian is straight on every usual map: the poles, and the equator between them, since
    /// from pole to pole there is more than one way.
    pub(super) fn path(self) -> Path {
        Path::whole([-90.0, 0.0, 90.0].map(|latitude| [self.longitude, latitude]))
    }

    /// In radians.
    pub(super) fn distance(self, place: Place) -> f64 {
        let apart = wrapped(place.longitude() - self.longitude).to_radians();
        let latitude = place.latitude().to_radians();
        if apart.cos() >= 0.0 {
            (latitude.cos() * apart.sin().abs()).min(1.0).asin()
        } else {
            std::f64::consts::FRAC_PI_2 - latitude.abs()
        }
    }
}
