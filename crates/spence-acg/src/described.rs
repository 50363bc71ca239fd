//! What the OpenAPI document says of the words and texts of a request.

use std::borrow::Cow;

use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::body::{Body, Kind};
use crate::houses::HouseSystem;
use crate::lines::{Aspect, Event, Method};

/// An instant from 1900 to 2100: of RFC 3339, or without seconds or an offset. What has a time zone
/// in brackets is taken too, but no pattern knows the names of zones.
#[derive(Debug)]
pub struct Epoch;

/// `latitude,longitude` in degrees.
#[derive(Debug)]
pub struct LatitudeLongitude;

/// Days that every year has; the 29th of February is taken too, when there is one.
const EPOCH: &str = concat!(
    "^(19[0-9]{2}|20[0-9]{2}|2100)-",
    "((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])",
    "|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))",
    "T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\\.[0-9]{1,9})?)?",
    "(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])?$",
);
const LATITUDE_LONGITUDE: &str = concat!(
    "^[+-]?(90(\\.0+)?|[1-8]?[0-9](\\.[0-9]+)?), ?",
    "[+-]?(180(\\.0+)?|(1[0-7][0-9]|[1-9]?[0-9])(\\.[0-9]+)?)$",
);

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::Type(Type::String))
}

/// A schema of the given name for each type.
macro_rules! described {
    ($($kind:ty, $name:literal: $schema:expr;)*) => {$(
        impl PartialSchema for $kind {
            fn schema() -> RefOr<Schema> {
                $schema.into()
            }
        }

        impl ToSchema for $kind {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed($name)
            }
        }
    )*};
}

described! {
    Epoch, "Epoch": text().pattern(Some(EPOCH));
    LatitudeLongitude, "LatitudeLongitude": text().pattern(Some(LATITUDE_LONGITUDE));
    Body, "Body": text().enum_values(Some(Body::names().map(|(name, _)| name)));
    Kind, "Kind": text().enum_values(Some(Kind::ALL.map(Kind::name)));
    Event, "Angle": text().enum_values(Some(Event::ALL.map(Event::name)));
    Aspect, "Aspect": text().enum_values(Some(Aspect::ALL.map(Aspect::name)));
    Method, "Method": text().enum_values(Some(Method::ALL.map(Method::name)));
    HouseSystem, "HouseSystem": text().enum_values(Some(HouseSystem::ALL.map(HouseSystem::name)));
}
