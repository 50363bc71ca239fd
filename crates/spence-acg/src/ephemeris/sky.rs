//! The sky at an instant: where each body is seen from the Earth's centre, and how fast it goes.

use std::f64::consts::PI;

use super::frame::Frame;
use super::instant::Instant;
use super::moment::Moment;
use super::position::Position;
use super::vector::{Vector, angles, length, times};
use super::{lots, lunar_points};
use crate::body::Body;
use crate::place::Place;

/// Half of the interval over which speeds are measured, in days.
const HALF_STEP: f64 = 0.01;

/// A lot was asked for without the place from whose ascendant it is laid off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a lot is laid off from the ascendant: a birthplace is needed")]
pub struct NoBirthplace;

/// What all bodies share at an instant, and a little before and after it.
///
/// ```
/// use spence_acg::Body;
/// use spence_acg::ephemeris::{Instant, Sky};
///
/// // The equinox of March 2024: 03:06 UTC on the 20th.
/// let sky = Sky::at(Instant::from_unix(1_710_903_960)?);
/// let sun = sky.position(Body::Sun)?;
/// let longitude = sun.longitude.to_degrees();
/// assert!(longitude.min(360.0 - longitude) < 0.001);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Sky {
    before: Moment,
    now: Moment,
    after: Moment,
    birthplace: Option<Place>,
}

impl Sky {
    /// The sky at `instant`.
    #[must_use]
    pub fn at(instant: Instant) -> Sky {
        Sky {
            before: Moment::at(instant.later_by(-HALF_STEP)),
            now: Moment::at(instant),
            after: Moment::at(instant.later_by(HALF_STEP)),
            birthplace: None,
        }
    }

    /// With the place that lots need.
    #[must_use]
    pub fn seen_from(self, birthplace: Place) -> Sky {
        Sky { birthplace: Some(birthplace), ..self }
    }

    /// How the Earth stands.
    #[must_use]
    pub fn frame(&self) -> &Frame {
        &self.now.frame
    }

    /// The instant.
    #[must_use]
    pub fn instant(&self) -> Instant {
        self.now.instant
    }

    /// Where `body` is seen.
    ///
    /// # Errors
    ///
    /// [`NoBirthplace`] for a lot if no place is known.
    pub fn position(&self, body: Body) -> Result<Position, NoBirthplace> {
        if let Body::Fortune | Body::Spirit = body {
            return self.lot(body);
        }
        let at = apparent(body, &self.now);
        let (longitude, latitude) = angles(self.now.frame.ecliptic(at));
        let longitude_of =
            |moment: &Moment| angles(moment.frame.ecliptic(apparent(body, moment))).0;
        let gone = longitude_of(&self.after) - longitude_of(&self.before);
        let gone = (gone + PI).rem_euclid(2.0 * PI) - PI;
        let (ra, dec) = angles(at);
        let distance = if let Body::Star(_) = body { None } else { Some(length(at)) };
        let speed = Some(gone.to_degrees() / (2.0 * HALF_STEP));
        Ok(Position { ra, dec, longitude, latitude, distance, speed })
    }

    fn lot(&self, body: Body) -> Result<Position, NoBirthplace> {
        let place = self.birthplace.ok_or(NoBirthplace)?;
        let (sun, moon) = (self.now.sun(), self.now.moon());
        let frame = &self.now.frame;
        Ok(frame.point_of_ecliptic(lots::longitude(body, frame, place, sun, moon)))
    }
}

/// On the true equator of date, in au.
fn apparent(body: Body, moment: &Moment) -> Vector {
    match (body, body.orbit()) {
        (_, Some(orbit)) => moment.planet(orbit),
        (Body::Moon, _) => moment.moon(),
        (Body::MeanNode, _) => lunar_points::mean_node(moment),
        (Body::SouthNode, _) => times(-1.0, lunar_points::mean_node(moment)),
        (Body::TrueNode, _) => lunar_points::true_node(moment),
        (Body::LilithMean, _) => lunar_points::mean_apogee(moment),
        (Body::Star(star), _) => star.apparent(moment),
        _ => moment.sun(),
    }
}
