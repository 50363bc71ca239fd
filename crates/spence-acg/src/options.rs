//! What is drawn, and how.

use crate::houses::HouseSystem;
use crate::lines::{Aspect, Event, Method};
use crate::place::Place;

/// The choices of a chart; the default is the contract's.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The angles whose lines are drawn; each once, in the order of [`Event::ALL`].
    pub line_types: Vec<Event>,
    /// The aspects to AC and MC that are drawn; each once, in order.
    pub aspects: Vec<Aspect>,
    /// Whether parans are.
    pub parans: bool,
    /// Whether the stars of the table are added to the bodies.
    pub fixed_stars: bool,
    /// Within how many degrees two bodies are said to be in aspect, 0 to 5.
    pub orb: f64,
    /// Echoed; without effect.
    pub flags: i64,
    /// Along which circle aspects are measured.
    pub method: Method,
    /// Decimals of coordinates, 3 to 8.
    pub precision: u8,
    /// Whether great circles from the birthplace towards the bodies are drawn.
    pub local_space: bool,
    /// The place whose distance from each line is told.
    pub near: Option<Place>,
}

/// Where and by which houses someone was born.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Natal {
    /// The birthplace.
    pub place: Place,
    /// Its height in metres; without effect on directions from the Earth's centre.
    pub altitude_m: f64,
    /// How its houses are cut.
    pub houses: HouseSystem,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            line_types: Event::ALL.to_vec(),
            aspects: Vec::new(),
            parans: true,
            fixed_stars: false,
            orb: 1.0,
            flags: 0,
            method: Method::default(),
            precision: 5,
            local_space: false,
            near: None,
        }
    }
}
