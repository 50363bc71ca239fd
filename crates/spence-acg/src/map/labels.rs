//! Where the names of lines stand: each on its line, none over another.

use crate::chart::Meaning;
use crate::lines::{Event, Line, Point};

/// Of a letter and of a line of text, in pixels, whatever the font.
const LETTER: f64 = 9.0;
const HEIGHT: f64 = 16.0;
/// At which latitude a name stands best, and after which steps it may stand too.
const UPPER: f64 = 78.0;
const LOWER: f64 = -66.0;
const STEP: f64 = 4.0;
const STEPS: u32 = 30;

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

impl Label {
    /// How wide it is drawn, in pixels.
    pub(super) fn width(&self) -> f64 {
        LETTER * self.text.chars().count() as f64
    }

    fn is_clear_of(&self, other: &Label) -> bool {
        let ([x, y], [other_x, other_y]) = (self.at, other.at);
        (x - other_x).abs() > (self.width() + other.width()) / 2.0 + 4.0
            || (y - other_y).abs() > HEIGHT
    }
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
        let (first, step) = match meaning {
            Meaning::Angle(Event::MC | Event::IC) => (UPPER, -STEP),
            _ => (LOWER, STEP),
        };
        let mut label = Label { text, at: [0.0; 2], color };
        let margin = label.width() / 2.0 + 3.0;
        for latitude in (0..STEPS).map(|n| first + f64::from(n) * step) {
            let longitude = match line {
                Line::Meridian(meridian) => Some(meridian.longitude),
                Line::Horizon(horizon) => horizon.longitude_at(latitude),
                _ => None,
            };
            let Some(longitude) = longitude else { continue };
            let [x, y] = on_map([longitude, latitude]);
            label.at = [x.clamp(margin, super::WIDTH - margin), y];
            if self.placed.iter().all(|other| label.is_clear_of(other)) {
                self.placed.push(label);
                return;
            }
        }
    }
}
