//! GET `/api/v1/acg/features` and `/schema`: what is offered, and what a feature says.

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use spence_acg::lines::{Event, Method};
use spence_acg::{Aspect, Body, Dignity, HouseSystem, Options};

use crate::error::{ApiError, ApiResult};
use crate::raw::RawValue;
use crate::routes::entries::knows;

/// What each property of a feature is: its name, its JSON types, what it means.
type Property = (&'static str, &'static [&'static str], &'static str);

const PROPERTIES: [Property; 23] = [
    ("id", &["string"], "the body's name; of a paran the first body's"),
    ("type", &["string"], "planet, lot, node, fixed_star or point"),
    (
        "number",
        &["integer", "null"],
        "Swiss Ephemeris' number of a planet or point, Hipparcos' of a star",
    ),
    ("color", &["string"], "#rrggbb"),
    (
        "coords",
        &["object"],
        "apparent geocentric, equator and ecliptic of date: ra, dec, lambda, beta in degrees, distance in au, speed of lambda in degrees a day",
    ),
    ("zenith", &["array"], "longitude and latitude of where the body stands in the zenith"),
    (
        "natal",
        &["object"],
        "sign, element, modality, dignity, retrograde, house (null without a birthplace), aspects to the chart's other bodies within orb_deg",
    ),
    ("epoch", &["string"], "the instant in UTC"),
    ("jd", &["number"], "the same as Julian day"),
    ("gmst", &["number"], "Greenwich mean sidereal time in degrees"),
    ("gast", &["number"], "Greenwich apparent sidereal time in degrees, by which lines are drawn"),
    ("obliquity", &["number"], "of the true equator, in degrees"),
    ("flags", &["integer"], "echoed; without effect"),
    ("se_version", &["string"], "the version of the ephemeris"),
    ("source", &["string"], "spence"),
    (
        "ut1_source",
        &["string"],
        "utc: UTC is taken for UT1, from which it differs by 0.9 s at most, 0.42 km at the equator",
    ),
    ("calculation_time_ms", &["number"], "of the computation that made the stored body"),
    (
        "line",
        &["object"],
        "angle, aspect, line_type (AC, DC, MC, IC, ASPECT, PARAN, LOCAL_SPACE), method, segment_id, orb",
    ),
    ("style", &["string"], "solid, dashed or dotted"),
    ("z_index", &["integer"], "the higher, the later it is drawn"),
    ("hit_radius", &["integer"], "in pixels"),
    (
        "custom",
        &["object"],
        "of an aspect: degrees; of a paran: event1, body2, event2, latitude, lst; of local space: azimuth",
    ),
    ("near_km", &["number"], "how far the place of near is from the line; only if near is given"),
];

#[utoipa::path(
    get,
    operation_id = "acg_features",
    path = "/api/v1/acg/features",
    tag = "acg",
    summary = "Bodies, lines, aspects, defaults and what features tell",
    responses((status = 200, body = Object), (status = 304, description = "If-None-Match knows it")),
)]
pub(crate) async fn features(headers: HeaderMap) -> ApiResult<Response> {
    let bodies = Body::ALL.iter().map(
        |body| json!({ "id": body.name(), "type": body.kind().name(), "number": body.number() }),
    );
    let dignities = [Dignity::Domicile, Dignity::Exaltation, Dignity::Detriment, Dignity::Fall];
    let dignities = dignities.map(Dignity::name);
    let default = Options::default();
    let keys: Vec<_> = PROPERTIES.into_iter().map(|(name, ..)| name).collect();
    let features = json!({
        "bodies": bodies.collect::<Vec<_>>(),
        "default_bodies": Body::standard().iter().map(|body| body.name()).collect::<Vec<_>>(),
        "not_offered": ["Chiron", "asteroids", "Eris", "osculating Lilith"],
        "line_types": Event::ALL.map(Event::name),
        "aspects": Aspect::ALL.map(Aspect::name),
        "methods": [Method::Zodiaco.name(), Method::Mundo.name()],
        "houses_systems": HouseSystem::ALL.map(HouseSystem::name),
        "dignities": dignities,
        "defaults": {
            "line_types": default.line_types.iter().map(|event| event.name()).collect::<Vec<_>>(),
            "aspects": [],
            "include_parans": default.parans,
            "include_fixed_stars": default.fixed_stars,
            "orb_deg": default.orb,
            "flags": default.flags,
            "method": default.method.name(),
            "precision": default.precision,
            "local_space": default.local_space,
            "houses_system": HouseSystem::default().name(),
        },
        "metadata_keys": keys,
        "epochs": { "first": "1900-01-01T00:00:00Z", "last": "2100-12-31T23:59:59Z" },
    });
    told("application/json", &features, &headers)
}

/// With its ETag, unless the client knows it.
fn told(content_type: &'static str, what: &Value, asked_with: &HeaderMap) -> ApiResult<Response> {
    let value = RawValue::new(content_type.as_bytes(), what.to_string().into());
    let value = value.ok_or_else(|| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "no type"))?;
    if knows(asked_with.get(header::IF_NONE_MATCH), &value.etag) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, value.etag)]).into_response());
    }
    let headers = [(header::CONTENT_TYPE, value.content_type), (header::ETAG, value.etag)];
    Ok((headers, value.body).into_response())
}

#[utoipa::path(
    get,
    operation_id = "acg_schema",
    path = "/api/v1/acg/schema",
    tag = "acg",
    summary = "JSON Schema of the properties of a feature",
    responses((status = 200, content_type = "application/schema+json", body = Object)),
)]
pub(crate) async fn schema(headers: HeaderMap) -> ApiResult<Response> {
    let properties = PROPERTIES.into_iter().map(|(name, types, meaning)| {
        (name.to_owned(), json!({ "type": types, "description": meaning }))
    });
    let required: Vec<_> =
        PROPERTIES.into_iter().map(|(name, ..)| name).filter(|name| *name != "near_km").collect();
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Properties of a feature",
        "type": "object",
        "properties": properties.collect::<Map<String, Value>>(),
        "required": required,
        "additionalProperties": false,
    });
    told("application/schema+json", &schema, &headers)
}
