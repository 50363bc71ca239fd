//! The parallel of a paran.

use super::path::Path;
use crate::place::Place;

/// Degrees between the points: whoever draws great circles between them stays on the parallel.
const STEP: i32 = 10;

/// All places of one latitude.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parallel {
    /// In degrees.
    pub latitude: f64,
}

impl Parallel {
    pub(super) fn path(self) -> Path {
        Path::whole(Self::longitudes().map(|longitude| [f64::from(longitude), self.latitude]))
    }

    /// Of its points, in degrees.
    pub(crate) fn longitudes() -> impl Iterator<Item = i32> {
        (-180 / STEP..=180 / STEP).map(|step| step * STEP)
    }

    /// In radians.
    pub(super) fn distance(self, place: Place) -> f64 {
        (place.latitude() - self.latitude).abs().to_radians()
    }
}
