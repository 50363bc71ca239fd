//! What settings can be that is more than a word or a number.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use spence_calendar::ExchangeCalendar;

use crate::units::{Span, SpanVisitor};

/// A text that is not shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Hidden(pub String);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

/// An IP address with a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address(pub SocketAddr);

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let expected = "an address with a port, such as 127.0.0.1:8321";
        text.parse().map(Self).map_err(|_| D::Error::custom(format!("`{text}` is not {expected}")))
    }
}

/// A calendar of an exchange, by its code of ISO 10383.
#[derive(Debug, Clone, Copy)]
pub struct CalendarField(pub ExchangeCalendar);

impl PartialEq for CalendarField {
    fn eq(&self, other: &Self) -> bool {
        self.0.mic() == other.0.mic()
    }
}

impl<'de> Deserialize<'de> for CalendarField {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        ExchangeCalendar::named(&name).map(Self).map_err(D::Error::custom)
    }
}

/// A fraction from 0 to 0.5.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fraction(pub f64);

impl<'de> Deserialize<'de> for Fraction {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fraction = f64::deserialize(deserializer)?;
        if (0.0..=0.5).contains(&fraction) {
            return Ok(Self(fraction));
        }
        Err(D::Error::custom(format!("`{fraction}` is not a fraction from 0 to 0.5")))
    }
}

/// The beta of XFetch, from 0 to 100.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Beta(pub f64);

impl<'de> Deserialize<'de> for Beta {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let beta = f64::deserialize(deserializer)?;
        if (0.0..=100.0).contains(&beta) {
            return Ok(Self(beta));
        }
        Err(D::Error::custom(format!("`{beta}` is not a number from 0 to 100")))
    }
}

/// A time to live: one duration, or one for each state of the market.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TtlField {
    /// The same at all hours.
    Always(Duration),
    /// By trading session.
    BySession {
        /// While the market is open.
        open: Duration,
        /// While it is closed.
        closed: Duration,
    },
}

impl<'de> Deserialize<'de> for TtlField {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TtlVisitor)
    }
}

struct TtlVisitor;

impl<'de> Visitor<'de> for TtlVisitor {
    type Value = TtlField;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration such as 5m, or by session { open: 5m, closed: 24h }")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<TtlField, E> {
        SpanVisitor.visit_u64(number).map(|span| TtlField::Always(span.0))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<TtlField, E> {
        SpanVisitor.visit_i64(number).map(|span| TtlField::Always(span.0))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<TtlField, E> {
        SpanVisitor.visit_str(text).map(|span| TtlField::Always(span.0))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<TtlField, A::Error> {
        let (mut open, mut closed) = (None, None);
        while let Some(key) = map.next_key::<String>()? {
            let place = match key.as_str() {
                "open" => &mut open,
                "closed" => &mut closed,
                other => return Err(A::Error::unknown_field(other, &["open", "closed"])),
            };
            *place = Some(map.next_value::<Span>()?.0);
        }
        match (open, closed) {
            (Some(open), Some(closed)) => Ok(TtlField::BySession { open, closed }),
            (None, _) => Err(A::Error::missing_field("open")),
            (_, None) => Err(A::Error::missing_field("closed")),
        }
    }
}
