//! How lines are drawn when nobody says otherwise.

use crate::body::Body;
use crate::chart::Meaning;
use crate::ephemeris::Star;
use crate::lines::Event;

/// What a front end needs to draw a line and to find it under a pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// solid, dashed or dotted.
    pub style: &'static str,
    /// The higher, the later it is drawn.
    pub z_index: u8,
    /// In pixels.
    pub hit_radius: u8,
}

/// The colour of a body's lines, as `#rrggbb`: dark enough for paper.
#[must_use]
pub fn color(body: Body) -> &'static str {
    match body {
        Body::Sun => "#e08a00",
        Body::Moon => "#5b7083",
        Body::Mercury => "#0f8f8c",
        Body::Venus => "#2e9e44",
        Body::Mars => "#d1242f",
        Body::Jupiter => "#6f42c1",
        Body::Saturn => "#8a5a2b",
        Body::Uranus => "#0a7ec2",
        Body::Neptune => "#2f4fc4",
        Body::Pluto => "#7a1f4d",
        Body::MeanNode | Body::TrueNode | Body::SouthNode => "#3d6b1f",
        Body::LilithMean => "#202020",
        Body::Star(Star::Regulus) => "#9a7d00",
        Body::Star(Star::Spica) => "#3a93b8",
        Body::Star(Star::Aldebaran) => "#c2562a",
        Body::Star(Star::Antares) => "#8f3fa6",
        Body::Fortune | Body::Spirit => "#b8337f",
    }
}

/// The look of a line: MC and AC solid, IC and DC dashed; below them local space dashed, aspects
/// and parans dotted.
#[must_use]
pub fn look(meaning: &Meaning) -> Look {
    let (style, z_index, hit_radius) = match meaning {
        Meaning::Angle(Event::AC | Event::MC) => ("solid", 40, 8),
        Meaning::Angle(Event::DC | Event::IC) => ("dashed", 30, 8),
        Meaning::Aspect(..) => ("dotted", 20, 6),
        Meaning::LocalSpace(_) => ("dashed", 20, 6),
        Meaning::Paran(_) => ("dotted", 10, 4),
    };
    Look { style, z_index, hit_radius }
}
