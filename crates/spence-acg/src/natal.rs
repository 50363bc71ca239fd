//! What a position says in the zodiac: sign, dignity, aspects to others.

use crate::body::Body;
use crate::lines::{Aspect, wrapped};

/// A twelfth of the ecliptic, from the equinox of date (tropical).
///
/// ```
/// use spence_acg::Sign;
///
/// let sign = Sign::of(100_f64.to_radians());
/// assert_eq!((sign.name(), sign.element(), sign.modality()), ("Cancer", "water", "cardinal"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sign(usize);

const SIGNS: [&str; 12] = [
    "Aries",
    "Taurus",
    "Gemini",
    "Cancer",
    "Leo",
    "Virgo",
    "Libra",
    "Scorpio",
    "Sagittarius",
    "Capricorn",
    "Aquarius",
    "Pisces",
];
const ELEMENTS: [&str; 4] = ["fire", "earth", "air", "water"];
const MODALITIES: [&str; 3] = ["cardinal", "fixed", "mutable"];

impl Sign {
    /// That of an ecliptic longitude in radians from 0 to 2 pi.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 11")]
    pub fn of(longitude: f64) -> Sign {
        Sign((longitude.to_degrees() / 30.0) as usize % 12)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        SIGNS.get(self.0).copied().unwrap_or_default()
    }

    /// Fire, earth, air or water.
    #[must_use]
    pub fn element(self) -> &'static str {
        ELEMENTS.get(self.0 % 4).copied().unwrap_or_default()
    }

    /// Cardinal, fixed or mutable.
    #[must_use]
    pub fn modality(self) -> &'static str {
        MODALITIES.get(self.0 % 3).copied().unwrap_or_default()
    }

    fn opposite(self) -> Sign {
        Sign((self.0 + 6) % 12)
    }
}

/// How a planet is placed in a sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "they say it themselves")]
pub enum Dignity {
    Domicile,
    Exaltation,
    Detriment,
    Fall,
}

impl Dignity {
    /// All dignities.
    pub const ALL: [Dignity; 4] =
        [Dignity::Domicile, Dignity::Exaltation, Dignity::Detriment, Dignity::Fall];

    /// The essential dignity of a planet: domiciles and exaltations as in Ptolemy (Tetrabiblos
    /// I.17 and I.19), with the usual modern domiciles of Uranus (Aquarius), Neptune (Pisces) and
    /// Pluto (Scorpio) beside them.
    #[must_use]
    pub fn of(body: Body, sign: Sign) -> Option<Dignity> {
        let (domiciles, exaltation): (&[usize], Option<usize>) = match body {
            Body::Sun => (&[4], Some(0)),
            Body::Moon => (&[3], Some(1)),
            Body::Mercury => (&[2, 5], Some(5)),
            Body::Venus => (&[1, 6], Some(11)),
            Body::Mars => (&[0, 7], Some(9)),
            Body::Jupiter => (&[8, 11], Some(3)),
            Body::Saturn => (&[9, 10], Some(6)),
            Body::Uranus => (&[10], None),
            Body::Neptune => (&[11], None),
            Body::Pluto => (&[7], None),
            _ => return None,
        };
        let opposite = sign.opposite();
        if domiciles.contains(&sign.0) {
            Some(Dignity::Domicile)
        } else if exaltation == Some(sign.0) {
            Some(Dignity::Exaltation)
        } else if domiciles.contains(&opposite.0) {
            Some(Dignity::Detriment)
        } else if exaltation == Some(opposite.0) {
            Some(Dignity::Fall)
        } else {
            None
        }
    }

    /// The word of the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Dignity::Domicile => "domicile",
            Dignity::Exaltation => "exaltation",
            Dignity::Detriment => "detriment",
            Dignity::Fall => "fall",
        }
    }
}

/// The aspect of two ecliptic longitudes (radians), and by how many degrees it is off, if that is
/// `orb` at most.
#[must_use]
pub fn aspect_between(one: f64, other: f64, orb: f64) -> Option<(Aspect, f64)> {
    let apart = wrapped((one - other).to_degrees()).abs();
    let found = Aspect::ALL.into_iter().map(|aspect| {
        let off = (apart - f64::from(aspect.degrees())).abs();
        (aspect, off)
    });
    found.filter(|(_, off)| *off <= orb).min_by(|one, other| one.1.total_cmp(&other.1))
}
