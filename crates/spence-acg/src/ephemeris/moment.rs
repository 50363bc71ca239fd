//! One moment: the frame, the Earth, and where light comes from.
//!
//! The steps are those of the Explanatory Supplement to the Astronomical Almanac (3rd edition,
//! chapter 7): light time, deflection by the Sun, aberration, rotation to the equator of date.
//! Heliocentric in place of barycentric vectors cost 0.01".

use sofars::astro::{ab, ld};

use super::frame::Frame;
use super::instant::Instant;
use super::tables::{Orbit, State, Tables};
use super::vector::{Matrix, Vector, dot, length, minus, plus, rotate, times, unit};

/// Days that light takes for an astronomical unit: 499.004784 s.
const LIGHT_DAYS: f64 = 0.005_775_518_331_436_995;

/// What all bodies share at one instant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) instant: Instant,
    pub(crate) frame: Frame,
    pub(crate) earth: State,
    to_date: Matrix,
}

impl Moment {
    pub(crate) fn at(instant: Instant) -> Moment {
        let earth = Tables::embedded().state(Orbit::Earth, instant.tt_days());
        let (frame, to_date) = Frame::at(instant);
        Moment { instant, frame, earth, to_date }
    }

    /// From ICRS to the true equator and equinox of date.
    pub(crate) fn equatorial(&self, icrs: Vector) -> Vector {
        rotate(&self.to_date, icrs)
    }

    /// The Sun's apparent vector on the true equator of date, in au.
    pub(crate) fn sun(&self) -> Vector {
        let towards = times(-1.0, self.earth.position);
        self.of_date(unit(towards), length(towards))
    }

    /// A planet's. `orbit` goes about the Sun.
    pub(crate) fn planet(&self, orbit: Orbit) -> Vector {
        let (from_sun, towards) = self.seen(|day| Tables::embedded().state(orbit, day).position);
        self.of_date(self.bent(unit(towards), unit(from_sun)), length(towards))
    }

    /// The Moon's.
    pub(crate) fn moon(&self) -> Vector {
        let tables = Tables::embedded();
        let (_, towards) = self.seen(|day| {
            let earth = tables.state(Orbit::Earth, day).position;
            plus(earth, tables.state(Orbit::Moon, day).position)
        });
        self.of_date(unit(towards), length(towards))
    }

    /// That of what is so far away that only its direction is known.
    pub(crate) fn star(&self, direction: Vector) -> Vector {
        self.of_date(self.bent(direction, direction), 1.0)
    }

    /// Where `heliocentric` was when the light set out that arrives now, from the Sun and from
    /// the Earth.
    fn seen(&self, heliocentric: impl Fn(f64) -> Vector) -> (Vector, Vector) {
        let now = self.instant.tt_days();
        let mut from_sun = heliocentric(now);
        for _ in 0..2 {
            let light_time = LIGHT_DAYS * length(minus(from_sun, self.earth.position));
            from_sun = heliocentric(now - light_time);
        }
        (from_sun, minus(from_sun, self.earth.position))
    }

    /// Bent by the Sun's mass. `from_sun` is the body's own direction: with the star's in its
    /// place a planet behind the Sun would be 1" off.
    fn bent(&self, towards: Vector, from_sun: Vector) -> Vector {
        let distance = length(self.earth.position);
        let limit = 1e-6 / (distance * distance).max(1.0);
        ld(1.0, towards, from_sun, unit(self.earth.position), distance, limit)
    }

    fn of_date(&self, natural: Vector, distance: f64) -> Vector {
        let velocity = times(LIGHT_DAYS, self.earth.velocity);
        let contraction = (1.0 - dot(velocity, velocity)).sqrt();
        let proper = ab(&natural, &velocity, length(self.earth.position), contraction);
        times(distance, self.equatorial(proper))
    }
}
