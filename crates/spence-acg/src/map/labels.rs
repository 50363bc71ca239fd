//! Where the names of lines stand: each on its line, none over another.

use crate::chart::Meaning;
use crate::lines::{Line, Point};

/// Of a letter and of a line of text, in pixels.
const LETTER: f64 = 7.4;
const HEIGHT: f64 = 16.0;
/// At which latitudes a name may stand, the best first.
const UPPER: [f64; 9] = [78.0, 70.0, 62.0, 54.0, 46.0, 38.0, 28.0, 18.0, 8.0];
const LOWER: [f64; 9] = [-66.0, -58.0, -50.0, -42.0, -34.0, -26.0, -18.0, -10.0, -2.0];

/// A name, and the middle of it in pixels.
pub(super) struct Label {
    pub(super) text: String,
    pub(super) at: Point,
    pub(super) color: &'static str,
}

/// The labels so far.
#[derive(Default)]
pub(super) struct Labels {
    pub(super) placed: Vec<Label>,
}

impl Labels {
    /// Writes `text` on the line, where there is room; where there is none it is left out.
    pub(super) fn add(
        &mut self,
        text: String,
        line: &Line,
        meaning: &Meaning,
        color: &'static str,
        on_map: impl Fn(Point) -> Point,
    ) {
        let latitudes = match meaning {
            Meaning::Angle(crate::lines::Event::MC | crate::lines::Event::IC) => UPPER,
            _ => LOWER,
        };
        let width = LETTER * text.chars().count() as f64;
        for latitude in latitudes {
            let longitude = match line {
                Line::Meridian(meridian) => Some(meridian.longitude),
                Line::Horizon(horizon) => horizon.longitude_at(latitude),
                _ => None,
            };
            let Some(longitude) = longitude else { continue };
            let at = on_map([longitude, latitude]);
            let clear = |other: &Label| {
                let other_width = LETTER * other.text.chars().count() as f64;
                (other.at[0] - at[0]).abs() > (width + other_width) / 2.0
                    || (other.at[1] - at[1]).abs() > HEIGHT
            };
            let inside = at[0] > width / 2.0 && at[0] < super::WIDTH - width / 2.0;
            if inside && self.placed.iter().all(clear) {
                self.placed.push(Label { text, at, color });
                return;
            }
        }
    }
}
