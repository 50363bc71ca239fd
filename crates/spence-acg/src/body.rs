//! What can be drawn, by the names of the wire.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ephemeris::{Orbit, Star};

/// A body, a point of the Moon's orbit, a star or a lot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "they say it themselves")]
pub enum Body {
    Sun,
    Moon,
    Mercury,
    Venus,
    Mars,
    Jupiter,
    Saturn,
    Uranus,
    Neptune,
    Pluto,
    /// The ascending node of the Moon's mean orbit.
    MeanNode,
    /// That of the orbit she is on at the instant.
    TrueNode,
    /// Opposite the mean node.
    SouthNode,
    /// The apogee of the Moon's mean orbit.
    LilithMean,
    Star(Star),
    /// By day from the Sun to the Moon, by night from the Moon to the Sun, laid off from the
    /// ascendant.
    Fortune,
    /// The other way round.
    Spirit,
}

/// The kinds of the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "they say it themselves")]
pub enum Kind {
    Planet,
    Asteroid,
    Lot,
    Node,
    FixedStar,
    Point,
    Dwarf,
}

impl Kind {
    /// All kinds, in the order of the contract.
    pub const ALL: [Kind; 7] = [
        Kind::Planet,
        Kind::Asteroid,
        Kind::Lot,
        Kind::Node,
        Kind::FixedStar,
        Kind::Point,
        Kind::Dwarf,
    ];

    /// The word of the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::Planet => "planet",
            Kind::Asteroid => "asteroid",
            Kind::Lot => "lot",
            Kind::Node => "node",
            Kind::FixedStar => "fixed_star",
            Kind::Point => "point",
            Kind::Dwarf => "dwarf",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl Body {
    /// All that is offered.
    pub const ALL: [Body; 20] = [
        Body::Sun,
        Body::Moon,
        Body::Mercury,
        Body::Venus,
        Body::Mars,
        Body::Jupiter,
        Body::Saturn,
        Body::Uranus,
        Body::Neptune,
        Body::Pluto,
        Body::MeanNode,
        Body::TrueNode,
        Body::SouthNode,
        Body::LilithMean,
        Body::Star(Star::Regulus),
        Body::Star(Star::Spica),
        Body::Star(Star::Aldebaran),
        Body::Star(Star::Antares),
        Body::Fortune,
        Body::Spirit,
    ];

    /// What is drawn when nobody says: Sun to Pluto and the mean node.
    #[must_use]
    pub fn standard() -> &'static [Body] {
        const STANDARD: &[Body] = Body::ALL.split_at(11).0;
        STANDARD
    }

    /// The name of the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Body::Sun => "Sun",
            Body::Moon => "Moon",
            Body::Mercury => "Mercury",
            Body::Venus => "Venus",
            Body::Mars => "Mars",
            Body::Jupiter => "Jupiter",
            Body::Saturn => "Saturn",
            Body::Uranus => "Uranus",
            Body::Neptune => "Neptune",
            Body::Pluto => "Pluto",
            Body::MeanNode => "MeanNode",
            Body::TrueNode => "TrueNode",
            Body::SouthNode => "SouthNode",
            Body::LilithMean => "LilithMean",
            Body::Star(Star::Regulus) => "Regulus",
            Body::Star(Star::Spica) => "Spica",
            Body::Star(Star::Aldebaran) => "Aldebaran",
            Body::Star(Star::Antares) => "Antares",
            Body::Fortune => "Fortune",
            Body::Spirit => "Spirit",
        }
    }

    /// All names, with those that some bodies have besides.
    pub(crate) fn names() -> impl Iterator<Item = (&'static str, Body)> {
        const OTHERS: [(&str, Body); 3] =
            [("Lilith", Body::LilithMean), ("NorthNode", Body::MeanNode), ("Node", Body::MeanNode)];
        Body::ALL.into_iter().map(|body| (body.name(), body)).chain(OTHERS)
    }

    /// The body of this name, whatever its case; `Lilith`, `NorthNode` and `Node` are names too.
    #[must_use]
    pub fn named(name: &str) -> Option<Body> {
        Body::names().find(|(of, _)| of.eq_ignore_ascii_case(name)).map(|(_, body)| body)
    }

    /// What it is.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self {
            Body::MeanNode | Body::TrueNode | Body::SouthNode => Kind::Node,
            Body::LilithMean => Kind::Point,
            Body::Star(_) => Kind::FixedStar,
            Body::Fortune | Body::Spirit => Kind::Lot,
            _ => Kind::Planet,
        }
    }

    /// Its number: Swiss Ephemeris' for planets and points, Hipparcos' for stars.
    #[must_use]
    pub fn number(self) -> Option<u32> {
        match self {
            Body::LilithMean => Some(12),
            Body::Star(star) => Some(star.hipparcos()),
            Body::SouthNode | Body::Fortune | Body::Spirit => None,
            body => Body::ALL.iter().position(|known| *known == body)?.try_into().ok(),
        }
    }

    /// The orbit about the Sun that the tables hold.
    pub(crate) fn orbit(self) -> Option<Orbit> {
        Some(match self {
            Body::Mercury => Orbit::Mercury,
            Body::Venus => Orbit::Venus,
            Body::Mars => Orbit::Mars,
            Body::Jupiter => Orbit::Jupiter,
            Body::Saturn => Orbit::Saturn,
            Body::Uranus => Orbit::Uranus,
            Body::Neptune => Orbit::Neptune,
            Body::Pluto => Orbit::Pluto,
            _ => return None,
        })
    }
}

impl fmt::Display for Body {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
