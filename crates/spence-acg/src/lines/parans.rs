//! Parans: latitudes at which two bodies are on an angle at once, wherever one stands on them.
//!
//! The first on the horizon while the second is on the meridian: the sidereal time T is a2, or
//! a2 + 180, and tan p = -cos(T - a1) / tan d1: one latitude for each. Both on the horizon:
//! tan T = (tan d1 cos a2 - tan d2 cos a1) / (tan d2 sin a1 - tan d1 sin a2), and the opposite
//! time with the opposite latitude: two. Both on the meridian: only if a1 = a2, and then at every
//! latitude: left out. N bodies thus have 3 N (N - 1), unless one is on the equator or two are in
//! one place or opposite, as the two nodes are: what would hold everywhere is left out too.

use std::f64::consts::PI;

use crate::ephemeris::Position;

/// Nearer to the equator than this (0.2 mas) a body rises at the same sidereal time everywhere.
const ON_EQUATOR: f64 = 1e-9;

/// Which angle a body is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "they say it themselves")]
pub enum Event {
    AC,
    DC,
    MC,
    IC,
}

impl Event {
    /// All angles, in the order of the contract.
    pub const ALL: [Event; 4] = [Event::AC, Event::DC, Event::MC, Event::IC];

    /// The word of the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Event::AC => "AC",
            Event::DC => "DC",
            Event::MC => "MC",
            Event::IC => "IC",
        }
    }

    /// The angle of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Event> {
        Event::ALL.into_iter().find(|event| event.name() == name)
    }
}

/// Two bodies (by their places in what was asked), the angle each is on, and where and when.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Paran {
    /// The first body and its angle.
    pub first: (usize, Event),
    /// The second body and its angle.
    pub second: (usize, Event),
    /// In radians.
    pub latitude: f64,
    /// Local apparent sidereal time, in radians from 0 to 2 pi.
    pub sidereal_time: f64,
}

/// All parans of the bodies at `positions`.
#[must_use]
pub fn parans(positions: &[Position]) -> Vec<Paran> {
    let count = positions.len();
    let mut found = Vec::with_capacity(3 * count * count.saturating_sub(1));
    for (one, first) in positions.iter().enumerate() {
        for (other, second) in positions.iter().enumerate() {
            if one != other {
                found.extend(with_meridian(one, first, other, second));
            }
            if one < other {
                found.extend(both_on_horizon(one, first, other, second));
            }
        }
    }
    found
}

fn with_meridian(
    one: usize,
    first: &Position,
    other: usize,
    second: &Position,
) -> impl Iterator<Item = Paran> {
    let times = [(Event::MC, second.ra), (Event::IC, second.ra + PI)];
    times.into_iter().filter_map(move |(event, time)| {
        Some(Paran {
            first: (one, side(first, time)),
            second: (other, event),
            latitude: latitude(first, time)?,
            sidereal_time: time.rem_euclid(2.0 * PI),
        })
    })
}

fn both_on_horizon(
    one: usize,
    first: &Position,
    other: usize,
    second: &Position,
) -> impl Iterator<Item = Paran> {
    let (tan1, tan2) = (first.dec.tan(), second.dec.tan());
    let up = tan1 * second.ra.cos() - tan2 * first.ra.cos();
    let along = tan2 * first.ra.sin() - tan1 * second.ra.sin();
    let time = up.atan2(along);
    // Opposite points: one rises where the other sets, at every latitude.
    let is_one_circle = up.hypot(along) < ON_EQUATOR;
    // By the body whose horizon is the better crossing.
    let by = if first.dec.abs() > second.dec.abs() { *first } else { *second };
    let sides = [(*first, one), (*second, other)];
    [time, time + PI].into_iter().filter(move |_| !is_one_circle).filter_map(move |time| {
        let [first, second] = sides.map(|(position, index)| (index, side(&position, time)));
        let latitude = latitude(&by, time)?;
        Some(Paran { first, second, latitude, sidereal_time: time.rem_euclid(2.0 * PI) })
    })
}

/// Where a body is on the horizon at the local sidereal time `time`.
fn latitude(position: &Position, time: f64) -> Option<f64> {
    (position.dec.abs() > ON_EQUATOR)
        .then(|| (-(time - position.ra).cos() / position.dec.tan()).atan())
}

fn side(position: &Position, time: f64) -> Event {
    if (time - position.ra).sin() < 0.0 { Event::AC } else { Event::DC }
}
