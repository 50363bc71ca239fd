//! A place on the Earth, and what it sees.

use std::f64::consts::PI;

use crate::ephemeris::Frame;

/// Geographic latitude and longitude, east positive.
///
/// ```
/// use spence_acg::Place;
/// use spence_acg::ephemeris::{Instant, Sky};
///
/// let london = Place::new(51.5074, -0.1278)?;
/// let sky = Sky::at(Instant::from_unix(946_728_000).unwrap());
/// let (ascendant, midheaven) = london.ascendant_and_midheaven(sky.frame());
/// // 24 Aries rises and 9 Capricorn culminates.
/// assert_eq!((ascendant.to_degrees() as u32, midheaven.to_degrees() as u32), (24, 279));
/// assert!(Place::new(91.0, 0.0).is_err());
/// # Ok::<_, spence_acg::NoPlace>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    latitude: f64,
    longitude: f64,
}

/// No place on the Earth.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("latitude {latitude}, longitude {longitude}: expected -90 to 90 and -180 to 180 degrees")]
pub struct NoPlace {
    latitude: f64,
    longitude: f64,
}

impl Place {
    /// By degrees.
    ///
    /// # Errors
    ///
    /// [`NoPlace`] beyond the poles, beyond 180 degrees, and for what is no number.
    pub fn new(latitude: f64, longitude: f64) -> Result<Place, NoPlace> {
        if latitude.abs() <= 90.0 && longitude.abs() <= 180.0 {
            // Without the sign of a zero.
            let [latitude, longitude] = [latitude, longitude].map(|angle| angle.to_radians() + 0.0);
            Ok(Place { latitude, longitude })
        } else {
            Err(NoPlace { latitude, longitude })
        }
    }

    /// In degrees.
    #[must_use]
    pub fn latitude(self) -> f64 {
        self.latitude.to_degrees()
    }

    /// In degrees.
    #[must_use]
    pub fn longitude(self) -> f64 {
        self.longitude.to_degrees()
    }

    /// Local apparent sidereal time, in radians from 0 to 2 pi: the right ascension of the
    /// midheaven.
    #[must_use]
    pub fn sidereal_time(self, frame: &Frame) -> f64 {
        (frame.gast + self.longitude).rem_euclid(2.0 * PI)
    }

    /// The ecliptic longitudes, from 0 to 2 pi, of the point that rises and of the one that
    /// culminates (Meeus, Astronomical Algorithms, chapters 13 and 14). Inside of the polar
    /// circles the ascendant is the point on the eastern horizon.
    #[must_use]
    pub fn ascendant_and_midheaven(self, frame: &Frame) -> (f64, f64) {
        let (sin, cos) = self.sidereal_time(frame).sin_cos();
        let (sin_obliquity, cos_obliquity) = frame.obliquity().sin_cos();
        let ascendant = cos.atan2(-(sin * cos_obliquity + self.latitude.tan() * sin_obliquity));
        let midheaven = sin.atan2(cos * cos_obliquity);
        (ascendant.rem_euclid(2.0 * PI), midheaven.rem_euclid(2.0 * PI))
    }

    /// How high the direction stands, in radians.
    #[must_use]
    pub fn altitude(self, frame: &Frame, ra: f64, dec: f64) -> f64 {
        let hour_angle = self.sidereal_time(frame) - ra;
        let (sin, cos) = self.latitude.sin_cos();
        (sin * dec.sin() + cos * dec.cos() * hour_angle.cos()).clamp(-1.0, 1.0).asin()
    }

    /// The direction's azimuth in radians, from north over east.
    #[must_use]
    pub fn azimuth(self, frame: &Frame, ra: f64, dec: f64) -> f64 {
        let hour_angle = self.sidereal_time(frame) - ra;
        let (sin, cos) = self.latitude.sin_cos();
        let north = cos * dec.sin() - sin * dec.cos() * hour_angle.cos();
        (-dec.cos() * hour_angle.sin()).atan2(north).rem_euclid(2.0 * PI)
    }
}
