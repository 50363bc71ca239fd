//! What is asked on the wire, by the names of the contract.
//!
//! Objects are objects: the fields of a struct in an array, in their order, would be taken for it
//! otherwise.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::body::{Body, Kind};
use crate::described::{Epoch, LatitudeLongitude};
use crate::houses::HouseSystem;
use crate::lines::{Aspect, Event, Method};

/// A lines request as it comes.
#[derive(Debug, Clone, Default, Deserialize, Serialize, PartialEq, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LinesRequest {
    /// When: ISO 8601 with an offset, `Z` or a time zone in brackets; without any of them UTC.
    /// From 1900 to 2100.
    #[schema(required, nullable = false, value_type = Epoch)]
    #[schema(example = "1990-06-15T12:00:00+02:00")]
    pub epoch: Option<String>,
    /// The Julian day in UTC, in place of the epoch, from which it may be a minute apart.
    #[schema(exclusive_minimum = 0)]
    pub jd: Option<f64>,
    /// What is drawn. Default: Sun to Pluto and the mean node.
    #[schema(min_items = 1, max_items = 64)]
    #[serde(deserialize_with = "objects")]
    pub bodies: Option<Vec<BodyRequest>>,
    /// How.
    #[serde(deserialize_with = "object")]
    #[schema(value_type = Option<OptionsRequest>)]
    pub options: OptionsRequest,
    /// For whom.
    #[serde(deserialize_with = "object_or_null")]
    pub natal: Option<NatalRequest>,
    /// `latitude,longitude` of a place; each feature then tells in `near_km` how far it is.
    #[schema(value_type = Option<LatitudeLongitude>, example = "52.52,13.41")]
    pub near: Option<String>,
    /// What a batch tells its charts apart by; without effect on any.
    #[serde(skip_serializing)]
    #[schema(ignore)]
    pub correlation_id: IgnoredAny,
}

/// A body.
#[derive(Debug, Clone, Deserialize, Serialize, PartialEq, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BodyRequest {
    /// Its name, whatever its case; `GET /api/v1/acg/features` lists all.
    #[schema(value_type = Body, example = "Sun")]
    pub id: String,
    /// planet, lot, node, fixed_star or point; it must fit if it is given.
    #[serde(default, rename = "type")]
    #[schema(value_type = Option<Kind>)]
    pub kind: Option<String>,
    /// As `/features` tells; it must fit if it is given.
    #[serde(default, deserialize_with = "integer_or_null")]
    pub number: Option<i64>,
}

/// Choices; what is left out has its default.
#[derive(Debug, Clone, Default, Deserialize, Serialize, PartialEq, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OptionsRequest {
    /// AC, DC, MC, IC. Default: all.
    #[serde(deserialize_with = "list_or_null")]
    #[schema(value_type = Option<Vec<Event>>, max_items = 64)]
    pub line_types: Option<Vec<String>>,
    /// conjunction, sextile, square, trine, opposition; to AC and MC. Default: none.
    #[serde(deserialize_with = "list_or_null")]
    #[schema(value_type = Option<Vec<Aspect>>, max_items = 64)]
    pub aspects: Option<Vec<String>>,
    /// Whether parans are drawn. Default: true.
    pub include_parans: Option<bool>,
    /// Whether the stars of the table are added to the bodies. Default: false.
    pub include_fixed_stars: Option<bool>,
    /// Within how many degrees two bodies are said to be in aspect. Default: 1.
    #[schema(minimum = 0, maximum = 5)]
    pub orb_deg: Option<f64>,
    /// Echoed; without effect.
    #[serde(deserialize_with = "integer_or_null")]
    pub flags: Option<i64>,
    /// Aspects along the ecliptic (zodiaco) or the equator (mundo). Default: zodiaco.
    #[schema(value_type = Option<Method>)]
    pub method: Option<String>,
    /// Decimals of coordinates. Default: 5, about a metre.
    #[serde(deserialize_with = "integer_or_null")]
    #[schema(minimum = 3, maximum = 8)]
    pub precision: Option<i64>,
    /// Whether great circles from the birthplace towards the bodies are drawn. Default: false.
    pub local_space: Option<bool>,
}

/// Where and by which houses someone was born.
#[derive(Debug, Clone, Default, Deserialize, Serialize, PartialEq, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NatalRequest {
    /// In degrees, north positive.
    #[schema(minimum = -90, maximum = 90)]
    pub birthplace_lat: Option<f64>,
    /// In degrees, east positive.
    #[schema(minimum = -180, maximum = 180)]
    pub birthplace_lon: Option<f64>,
    /// In metres; without effect on directions from the Earth's centre.
    pub birthplace_alt_m: Option<f64>,
    /// placidus, regiomontanus, campanus, porphyry, equal or whole_sign. Default: placidus.
    #[schema(value_type = Option<HouseSystem>)]
    pub houses_system: Option<String>,
}

/// A whole number, also as JSON Schema knows it: 8.0 is one.
struct Integer(i64);

impl<'de> Deserialize<'de> for Integer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfNumber;
        impl Visitor<'_> for OfNumber {
            type Value = Integer;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an integer")
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Integer, E> {
                Ok(Integer(value))
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Integer, E> {
                let wrong = |_| E::invalid_value(Unexpected::Unsigned(value), &self);
                i64::try_from(value).map(Integer).map_err(wrong)
            }

            #[expect(clippy::cast_possible_truncation, reason = "whole, and within 2^53")]
            fn visit_f64<E: Error>(self, value: f64) -> Result<Integer, E> {
                if value.fract() == 0.0 && value.abs() < 2.0_f64.powi(53) {
                    return Ok(Integer(value as i64));
                }
                Err(E::invalid_type(Unexpected::Float(value), &self))
            }
        }
        deserializer.deserialize_i64(OfNumber)
    }
}

/// For `deserialize_with`: a whole number, be it written as 8 or 8.0.
///
/// # Errors
///
/// What is no whole number of 64 bits.
pub fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    Integer::deserialize(deserializer).map(|Integer(value)| value)
}

/// As [`integer`], or null.
fn integer_or_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let found = Option::<Integer>::deserialize(deserializer)?;
    Ok(found.map(|Integer(value)| value))
}

/// What is read from an object only.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfMap<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for OfMap<T> {
            type Value = Object<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }
        deserializer.deserialize_map(OfMap(PhantomData))
    }
}

/// For `deserialize_with`: an object, and no array of its fields; null has all defaults.
///
/// # Errors
///
/// What the object's type says.
pub fn object<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Deserialize<'de> + Default,
    D: Deserializer<'de>,
{
    object_or_null(deserializer).map(Option::unwrap_or_default)
}

/// As [`object`], but null is told apart.
///
/// # Errors
///
/// What the object's type says.
pub fn object_or_null<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    let found = Option::<Object<T>>::deserialize(deserializer)?;
    Ok(found.map(|Object(value)| value))
}

/// The longest list of a chart: more than there is of anything.
const LONGEST: usize = 64;

/// A list of `MOST` at most; longer ones are not read to their end.
struct List<T, const MOST: usize>(Vec<T>);

impl<'de, T: Deserialize<'de>, const MOST: usize> Deserialize<'de> for List<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfSeq<T, const MOST: usize>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for OfSeq<T, MOST> {
            type Value = List<T, MOST>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "a list of {MOST} at most")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<List<T, MOST>, A::Error> {
                let mut all = Vec::new();
                while let Some(one) = seq.next_element()? {
                    if all.len() == MOST {
                        return Err(A::Error::invalid_length(MOST + 1, &self));
                    }
                    all.push(one);
                }
                Ok(List(all))
            }
        }
        deserializer.deserialize_seq(OfSeq::<T, MOST>(PhantomData))
    }
}

/// For `deserialize_with`: a list of `MOST` at most.
///
/// # Errors
///
/// What its members' type says, and a list that is longer.
pub fn list<'de, T, D, const MOST: usize>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    List::<T, MOST>::deserialize(deserializer).map(|List(all)| all)
}

/// As [`list`], of 64 at most, or null.
fn list_or_null<'de, T, D>(deserializer: D) -> Result<Option<Vec<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    let found = Option::<List<T, LONGEST>>::deserialize(deserializer)?;
    Ok(found.map(|List(all)| all))
}

/// As [`object`], a list of 64 of them at most, or null.
///
/// # Errors
///
/// What the objects' type says.
pub fn objects<'de, T, D>(deserializer: D) -> Result<Option<Vec<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    let found = list_or_null::<Object<T>, D>(deserializer)?;
    Ok(found.map(|all| all.into_iter().map(|Object(value)| value).collect()))
}
