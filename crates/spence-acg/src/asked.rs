//! What is asked on the wire, by the names of the contract.
//!
//! Objects are objects: the fields of a struct in an array, in their order, would be taken for it
//! otherwise.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// A lines request as it comes.
#[derive(Debug, Clone, Default, Deserialize, Serialize, PartialEq, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LinesRequest {
    /// When: ISO 8601 with an offset, `Z` or a time zone in brackets; without any of them UTC.
    /// From 1900 to 2100.
    #[schema(required, nullable = false, example = "1990-06-15T12:00:00+02:00")]
    pub epoch: Option<String>,
    /// The Julian day in UTC, in place of the epoch, from which it may be a minute apart.
    pub jd: Option<f64>,
    /// What is drawn. Default: Sun to Pluto and the mean node.
    #[schema(min_items = 1)]
    #[serde(deserialize_with = "objects")]
    pub bodies: Option<Vec<BodyRequest>>,
    /// How.
    #[serde(deserialize_with = "object")]
    pub options: OptionsRequest,
    /// For whom.
    #[serde(deserialize_with = "object_or_null")]
    pub natal: Option<NatalRequest>,
    /// `latitude,longitude` of a place; each feature then tells in `near_km` how far it is.
    #[schema(example = "52.52,13.41")]
    pub near: Option<String>,
}

/// A body.
#[derive(Debug, Clone, Deserialize, Serialize, PartialEq, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BodyRequest {
    /// Its name, whatever its case; `GET /api/v1/acg/features` lists all.
    #[schema(example = "Sun")]
    pub id: String,
    /// planet, lot, node, fixed_star or point; it must fit if it is given.
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
    /// As `/features` tells; it must fit if it is given.
    #[serde(default)]
    pub number: Option<i64>,
}

/// Choices; what is left out has its default.
#[derive(Debug, Clone, Default, Deserialize, Serialize, PartialEq, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OptionsRequest {
    /// AC, DC, MC, IC. Default: all.
    pub line_types: Option<Vec<String>>,
    /// conjunction, sextile, square, trine, opposition; to AC and MC. Default: none.
    pub aspects: Option<Vec<String>>,
    /// Whether parans are drawn. Default: true.
    pub include_parans: Option<bool>,
    /// Whether the stars of the table are added to the bodies. Default: false.
    pub include_fixed_stars: Option<bool>,
    /// Within how many degrees two bodies are said to be in aspect. Default: 1.
    #[schema(minimum = 0, maximum = 5)]
    pub orb_deg: Option<f64>,
    /// Echoed; without effect.
    pub flags: Option<i64>,
    /// Aspects along the ecliptic (zodiaco) or the equator (mundo). Default: zodiaco.
    pub method: Option<String>,
    /// Decimals of coordinates. Default: 5, about a metre.
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
    pub houses_system: Option<String>,
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

/// For `deserialize_with`: an object, and no array of its fields.
///
/// # Errors
///
/// What the object's type says.
pub fn object<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Object::deserialize(deserializer).map(|Object(value)| value)
}

/// As [`object`], or null.
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

/// As [`object`], a list of them or null.
///
/// # Errors
///
/// What the objects' type says.
pub fn objects<'de, T, D>(deserializer: D) -> Result<Option<Vec<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    let found = Option::<Vec<Object<T>>>::deserialize(deserializer)?;
    Ok(found.map(|all| all.into_iter().map(|Object(value)| value).collect()))
}
