//! GET `/api/v1/acg/features` and `/schema`: what is offered, and what a feature says.

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use spence_acg::lines::{Event, Method};
use spence_acg::{Aspect, Body, Dignity, HouseSystem, Options};

use crate::error::{ApiError, ApiResult};
use crate::raw::RawValue;
use crate::routes::acg::properties::properties;
use crate::routes::entries::knows;

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
    let default = Options::default();
    let properties = properties();
    let keys: Vec<_> = properties.keys().collect();
    let features = json!({
        "bodies": bodies.collect::<Vec<_>>(),
        "default_bodies": Body::standard().iter().map(|body| body.name()).collect::<Vec<_>>(),
        "not_offered": ["Chiron", "asteroids", "Eris", "osculating Lilith"],
        "line_types": Event::ALL.map(Event::name),
        "aspects": Aspect::ALL.map(Aspect::name),
        "methods": Method::ALL.map(Method::name),
        "houses_systems": HouseSystem::ALL.map(HouseSystem::name),
        "dignities": Dignity::ALL.map(Dignity::name),
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
    responses(
        (status = 200, content_type = "application/schema+json", body = Object),
        (status = 304, description = "If-None-Match knows it"),
    ),
)]
pub(crate) async fn schema(headers: HeaderMap) -> ApiResult<Response> {
    let properties = properties();
    let always = properties.keys().filter(|name| *name != "near_km");
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Properties of a feature",
        "type": "object",
        "required": always.collect::<Vec<_>>(),
        "properties": properties,
        "additionalProperties": false,
    });
    told("application/schema+json", &schema, &headers)
}
