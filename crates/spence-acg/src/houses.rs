//! Houses: the twelfths of a day at a place.

use std::f64::consts::{FRAC_PI_2, PI, TAU};

use crate::ephemeris::Frame;
use crate::place::Place;

/// How houses are cut. The default is Placidus'.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
#[expect(missing_docs, reason = "they say it themselves")]
pub enum HouseSystem {
    #[default]
    Placidus,
    Regiomontanus,
    Campanus,
    Porphyry,
    Equal,
    WholeSign,
}

impl HouseSystem {
    /// All systems.
    pub const ALL: [HouseSystem; 6] = [
        HouseSystem::Placidus,
        HouseSystem::Regiomontanus,
        HouseSystem::Campanus,
        HouseSystem::Porphyry,
        HouseSystem::Equal,
        HouseSystem::WholeSign,
    ];

    /// The word of the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            HouseSystem::Placidus => "placidus",
            HouseSystem::Regiomontanus => "regiomontanus",
            HouseSystem::Campanus => "campanus",
            HouseSystem::Porphyry => "porphyry",
            HouseSystem::Equal => "equal",
            HouseSystem::WholeSign => "whole_sign",
        }
    }

    /// The system of this name, whatever its case.
    #[must_use]
    pub fn named(name: &str) -> Option<HouseSystem> {
        HouseSystem::ALL.into_iter().find(|system| system.name().eq_ignore_ascii_case(name))
    }
}

/// Where the houses of a place begin.
///
/// ```
/// use spence_acg::ephemeris::{Instant, Sky};
/// use spence_acg::{HouseSystem, Houses, Place};
///
/// let sky = Sky::at(Instant::from_unix(0).unwrap());
/// let tromso = Place::new(69.65, 18.96).unwrap();
/// let houses = Houses::of(HouseSystem::Placidus, sky.frame(), tromso);
/// assert_eq!(houses.system(), HouseSystem::Porphyry, "there are none of Placidus here");
/// assert_eq!(houses.house(houses.cusps()[6] + 0.001), 7);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Houses {
    cusps: [f64; 12],
    system: HouseSystem,
}

impl Houses {
    /// The cusps at `place`. Inside of the polar circles, where those of Placidus do not exist and
    /// those of Regiomontanus and Campanus run backwards, the cusps of Porphyry, from whichever of
    /// ascendant and descendant follows the midheaven: [`Houses::system`] says so.
    #[must_use]
    pub fn of(system: HouseSystem, frame: &Frame, place: Place) -> Houses {
        let (ascendant, midheaven) = place.ascendant_and_midheaven(frame);
        let polar = place.latitude().to_radians().abs() >= FRAC_PI_2 - frame.obliquity();
        let system = match system {
            HouseSystem::Placidus | HouseSystem::Regiomontanus | HouseSystem::Campanus if polar => {
                HouseSystem::Porphyry
            }
            system => system,
        };
        let of_sign = matches!(system, HouseSystem::Equal | HouseSystem::WholeSign);
        let turned = !of_sign && reduced(ascendant - midheaven) > PI;
        let ascendant = if turned { ascendant + PI } else { ascendant };
        let circle = Circle {
            time: place.sidereal_time(frame),
            latitude: place.latitude().to_radians(),
            obliquity: frame.obliquity(),
        };
        let four = match system {
            HouseSystem::Equal | HouseSystem::WholeSign => {
                let first = if system == HouseSystem::Equal {
                    ascendant
                } else {
                    (ascendant / (PI / 6.0)).floor() * (PI / 6.0)
                };
                let each = std::array::from_fn(|house| first + house as f64 * PI / 6.0);
                return Houses { cusps: each.map(reduced), system };
            }
            HouseSystem::Porphyry => porphyry(ascendant, midheaven),
            HouseSystem::Placidus => [1, 2, 4, 5].map(|sixths| circle.placidus(sixths)),
            HouseSystem::Regiomontanus => [30.0_f64, 60.0, 120.0, 150.0]
                .map(|arc| circle.rising(arc.to_radians(), arc.to_radians())),
            HouseSystem::Campanus => [30.0_f64, 60.0, 120.0, 150.0].map(|arc| {
                let arc = arc.to_radians();
                let on_equator = (arc.sin() * circle.latitude.cos()).atan2(arc.cos());
                circle.rising(on_equator, arc)
            }),
        };
        Houses { cusps: around(ascendant, midheaven, four), system }
    }

    /// The ecliptic longitudes in radians at which houses 1 to 12 begin.
    #[must_use]
    pub fn cusps(&self) -> &[f64; 12] {
        &self.cusps
    }

    /// By which system they are cut in the end.
    #[must_use]
    pub fn system(&self) -> HouseSystem {
        self.system
    }

    /// The house, 1 to 12, of an ecliptic longitude in radians.
    #[must_use]
    pub fn house(&self, longitude: f64) -> usize {
        let next = self.cusps.iter().cycle().skip(1);
        let inside = self
            .cusps
            .iter()
            .zip(next)
            .position(|(from, to)| reduced(longitude - from) < reduced(to - from));
        inside.map_or(1, |house| house + 1)
    }
}

/// What cusps depend on; radians.
struct Circle {
    time: f64,
    latitude: f64,
    obliquity: f64,
}

impl Circle {
    /// The cusp whose circle meets the equator `on_equator` east of the meridian; its pole is as
    /// high as `arc` says. Regiomontanus: tan P = tan p sin arc on the equator; Campanus: sin P =
    /// sin p sin arc on the prime vertical, which comes to the same circle through north and
    /// south.
    fn rising(&self, on_equator: f64, arc: f64) -> f64 {
        let pole = if (on_equator - arc).abs() < f64::EPSILON {
            (self.latitude.tan() * arc.sin()).atan()
        } else {
            (self.latitude.sin() * arc.sin()).asin()
        };
        let (sin, cos) = (self.time + on_equator - FRAC_PI_2).sin_cos();
        let (sin_obliquity, cos_obliquity) = self.obliquity.sin_cos();
        cos.atan2(-(sin * cos_obliquity + pole.tan() * sin_obliquity))
    }

    /// The point that has gone `sixths` sixths of its way from the upper to the lower meridian on
    /// the eastern side, by thirds of its own semi-arcs.
    fn placidus(&self, sixths: u32) -> f64 {
        let mut ascension = self.time + f64::from(sixths) * PI / 6.0;
        for _ in 0..50 {
            let declination = (ascension.sin() * self.obliquity.tan()).atan();
            let more = (self.latitude.tan() * declination.tan()).clamp(-1.0, 1.0).asin();
            let diurnal = FRAC_PI_2 + more;
            let next = if sixths < 3 {
                self.time + diurnal * f64::from(sixths) / 3.0
            } else {
                self.time + PI - (PI - diurnal) * f64::from(6 - sixths) / 3.0
            };
            let moved = (next - ascension).abs();
            ascension = next;
            if moved < 1e-11 {
                break;
            }
        }
        ascension.sin().atan2(ascension.cos() * self.obliquity.cos())
    }
}

/// Cusps 11, 12, 2, 3 by thirds of the quadrants.
fn porphyry(ascendant: f64, midheaven: f64) -> [f64; 4] {
    let eastern = reduced(ascendant - midheaven) / 3.0;
    let northern = (PI - 3.0 * eastern) / 3.0;
    [
        midheaven + eastern,
        midheaven + 2.0 * eastern,
        ascendant + northern,
        ascendant + 2.0 * northern,
    ]
}

/// All twelve from the angles and cusps 11, 12, 2, 3: each is opposite another.
fn around(ascendant: f64, midheaven: f64, [eleven, twelve, two, three]: [f64; 4]) -> [f64; 12] {
    let half = [ascendant, two, three, midheaven + PI, eleven + PI, twelve + PI];
    std::array::from_fn(|house| {
        let cusp = half.get(house % 6).copied().unwrap_or_default();
        reduced(if house < 6 { cusp } else { cusp + PI })
    })
}

fn reduced(angle: f64) -> f64 {
    angle.rem_euclid(TAU)
}
