//! Aspects to the angles: lines of the point that is so many degrees from the body.
//!
//! The ascendant is the rising point of the ecliptic, the midheaven the culminating one: where the
//! point at lambda + A rises or culminates, the body is in aspect to that angle.

use crate::ephemeris::{Frame, Position};

/// The aspects of the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "they say it themselves")]
pub enum Aspect {
    Conjunction,
    Sextile,
    Square,
    Trine,
    Opposition,
}

/// Along which circle aspects are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub enum Method {
    /// Along the ecliptic, from the body's longitude; the point has no latitude.
    #[default]
    Zodiaco,
    /// Along the equator, from the body's right ascension; the point keeps its declination.
    Mundo,
}

impl Aspect {
    /// All aspects.
    pub const ALL: [Aspect; 5] =
        [Aspect::Conjunction, Aspect::Sextile, Aspect::Square, Aspect::Trine, Aspect::Opposition];

    /// The word of the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Aspect::Conjunction => "conjunction",
            Aspect::Sextile => "sextile",
            Aspect::Square => "square",
            Aspect::Trine => "trine",
            Aspect::Opposition => "opposition",
        }
    }

    /// The aspect of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Aspect> {
        Aspect::ALL.into_iter().find(|aspect| aspect.name() == name)
    }

    /// Its angles in degrees: ahead of the body, and behind it.
    #[must_use]
    pub fn angles(self) -> &'static [u16] {
        match self {
            Aspect::Conjunction => &[0],
            Aspect::Sextile => &[60, 300],
            Aspect::Square => &[90, 270],
            Aspect::Trine => &[120, 240],
            Aspect::Opposition => &[180],
        }
    }

    /// The shorter of its angles in degrees.
    #[must_use]
    pub fn degrees(self) -> u16 {
        self.angles().first().copied().unwrap_or(0)
    }
}

impl Method {
    /// Both methods.
    pub const ALL: [Method; 2] = [Method::Zodiaco, Method::Mundo];

    /// The word of the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Method::Zodiaco => "zodiaco",
            Method::Mundo => "mundo",
        }
    }

    /// The method of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Method> {
        Method::ALL.into_iter().find(|method| method.name() == name)
    }
}

/// The point `degrees` ahead of the body at `position`.
#[must_use]
pub fn displaced(frame: &Frame, position: &Position, degrees: f64, method: Method) -> Position {
    match method {
        Method::Zodiaco => frame.point_of_ecliptic(position.longitude + degrees.to_radians()),
        Method::Mundo => Position { ra: position.ra + degrees.to_radians(), ..*position },
    }
}
