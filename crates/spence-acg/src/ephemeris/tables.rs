//! Where the planets and the Moon are, by Chebyshev series over spans of days.
//!
//! `data/ephemeris.bin` is made by `cargo xtask ephemeris` from theories of planetary motion. It
//! begins with `SPENCEPH`, the first day (f64), and for each orbit the days of a span, the terms,
//! the spans (u32 each), four zero bytes, and the quantum (f64); then come all coefficients as
//! 32-bit whole numbers of the quantum: orbit, span, axis, term. Everything is little-endian.
//!
//! Evaluation: Clenshaw's recurrence (Mathematical Tables and Other Aids to Computation 9, 1955),
//! with that of the derivative beside it.

use std::sync::LazyLock;

use super::vector::Vector;

static BYTES: &[u8] = include_bytes!("../../data/ephemeris.bin");
static EMBEDDED: LazyLock<Tables> = LazyLock::new(|| Tables::read(BYTES));

/// What the tables are called in answers and keys: a change of theirs changes it.
pub const VERSION: &str = "spence-1900-2100-1";
/// The first day of the tables' promise, in days of TT after J2000.0: the last hours of 1899,
/// for light that is seen in 1900.
pub const FIRST_DAY: f64 = -36_525.0;
/// The last: a little after the end of 2100.
pub const LAST_DAY: f64 = 36_890.0;

const MAGIC: usize = 8;
const HEAD: usize = 24;
const WIDTH: usize = 4;

/// A path that the tables describe: the Moon's about the Earth, all others about the Sun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "they say it themselves")]
pub enum Orbit {
    Earth,
    Moon,
    Mercury,
    Venus,
    Mars,
    Jupiter,
    Saturn,
    Uranus,
    Neptune,
    Pluto,
}

impl Orbit {
    /// All, in the order of the tables.
    pub const ALL: [Orbit; 10] = [
        Orbit::Earth,
        Orbit::Moon,
        Orbit::Mercury,
        Orbit::Venus,
        Orbit::Mars,
        Orbit::Jupiter,
        Orbit::Saturn,
        Orbit::Uranus,
        Orbit::Neptune,
        Orbit::Pluto,
    ];
}

/// Position in au and velocity in au a day; equatorial, J2000.0 (ICRS).
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(missing_docs, reason = "they say it themselves")]
pub struct State {
    pub position: Vector,
    pub velocity: Vector,
}

/// The series of all orbits.
#[derive(Debug)]
pub struct Tables {
    first_day: f64,
    series: Vec<Series>,
}

#[derive(Debug)]
struct Series {
    span_days: f64,
    terms: usize,
    quantum: f64,
    coefficients: &'static [u8],
}

impl Tables {
    /// Those of this build.
    #[must_use]
    pub fn embedded() -> &'static Tables {
        &EMBEDDED
    }

    /// The state on `orbit`, `day` days of TT after J2000.0. Outside of [`FIRST_DAY`] to
    /// [`LAST_DAY`] it means nothing: who asks has checked the instant.
    #[must_use]
    pub fn state(&self, orbit: Orbit, day: f64) -> State {
        let still = State { position: [0.0; 3], velocity: [0.0; 3] };
        let Some(series) = self.series.get(orbit as usize) else { return still };
        series.state(day - self.first_day).unwrap_or(still)
    }

    fn read(bytes: &'static [u8]) -> Tables {
        let mut series = Vec::with_capacity(Orbit::ALL.len());
        let heads = bytes.get(MAGIC + 8..).unwrap_or_default();
        let mut rest = heads.get(HEAD * Orbit::ALL.len()..).unwrap_or_default();
        for head in heads.chunks_exact(HEAD).take(Orbit::ALL.len()) {
            let terms = whole(head, 4) as usize;
            let length = 3 * WIDTH * terms * whole(head, 8) as usize;
            let (coefficients, after) = rest.split_at_checked(length).unwrap_or_default();
            let span_days = f64::from(whole(head, 0));
            series.push(Series { span_days, terms, quantum: real(head, 16), coefficients });
            rest = after;
        }
        Tables { first_day: real(bytes, MAGIC), series }
    }
}

impl Series {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few thousand")]
    fn state(&self, day: f64) -> Option<State> {
        let span = (day / self.span_days).floor();
        let at = 2.0 * (day / self.span_days - span) - 1.0;
        let bytes_of_axis = WIDTH * self.terms;
        let start = span as usize * 3 * bytes_of_axis;
        let axes = self.coefficients.get(start..start + 3 * bytes_of_axis)?;
        let mut state = State { position: [0.0; 3], velocity: [0.0; 3] };
        let of_state = state.position.iter_mut().zip(&mut state.velocity);
        for (axis, (position, velocity)) in axes.chunks_exact(bytes_of_axis).zip(of_state) {
            let (value, slope) = clenshaw(axis, at);
            *position = self.quantum * value;
            *velocity = self.quantum * slope * 2.0 / self.span_days;
        }
        Some(state)
    }
}

/// The series' value and derivative at `at`, from -1 to 1.
fn clenshaw(axis: &[u8], at: f64) -> (f64, f64) {
    let (mut value, mut value_before) = (0.0, 0.0);
    let (mut slope, mut slope_before) = (0.0, 0.0);
    let mut coefficients = axis.as_chunks::<WIDTH>().0.iter().rev();
    let constant = coefficients.next_back().map_or(0, |bytes| i32::from_le_bytes(*bytes));
    for bytes in coefficients {
        let coefficient = f64::from(i32::from_le_bytes(*bytes));
        (slope, slope_before) = (2.0 * (value + at * slope) - slope_before, slope);
        (value, value_before) = (coefficient + 2.0 * at * value - value_before, value);
    }
    (f64::from(constant) + at * value - value_before, value + at * slope - slope_before)
}

fn whole(bytes: &[u8], at: usize) -> u32 {
    let four = bytes.get(at..).and_then(|rest| rest.first_chunk());
    four.map_or(0, |four| u32::from_le_bytes(*four))
}

fn real(bytes: &[u8], at: usize) -> f64 {
    let eight = bytes.get(at..).and_then(|rest| rest.first_chunk());
    eight.map_or(0.0, |eight| f64::from_le_bytes(*eight))
}
