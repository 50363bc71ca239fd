//! Raw values: GET, PUT and DELETE `/api/v1/cache/entries/{namespace}/{key}`.

use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Deserialize;
use spence::{ErrorKind, Fill, Target};
use spence_config::Span;

use crate::app::App;
use crate::error::{ApiError, ApiResult};
use crate::raw::{RawCache, RawValue, raw_cache};
use crate::routes::{EntryPath, Json, Segments, X_SPENCE_KEY, about, header_text};
use crate::wire::{ErrorBody, Reached, TargetBody};

/// `?ttl=5m&tags=a,b`
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PutQuery {
    /// How long it is fresh, such as 5m; default by the policy.
    ttl: Option<String>,
    /// Separated by commas.
    tags: Option<String>,
}

#[utoipa::path(
    get,
    operation_id = "get_entry",
    path = "/api/v1/cache/entries/{namespace}/{key}",
    tag = "cache",
    summary = "A raw value, with where it came from in headers",
    params(EntryPath),
    responses(
        (status = 200, content_type = "application/octet-stream", body = Vec<u8>),
        (status = 304, description = "If-None-Match knows it"),
        (status = 404, description = "nothing is held", body = ErrorBody),
        (status = "4XX", description = "the input is refused", body = ErrorBody),
    ),
)]
pub(crate) async fn get(
    State(app): State<App>,
    Segments(EntryPath { namespace, key }): Segments<EntryPath>,
    request: Request,
) -> ApiResult<Response> {
    entry(&app, &namespace, key, request.headers().get(header::IF_NONE_MATCH)).await
}

/// The namespace and the key that a request reads, if its path says them as they are.
pub(crate) fn plain<'a>(method: &Method, uri: &'a Uri) -> Option<(&'a str, &'a str)> {
    let path =
        uri.path().strip_prefix("/api/v1/cache/entries/").filter(|_| method == Method::GET)?;
    let (namespace, key) = path.split_once('/').filter(|_| !path.contains('%'))?;
    (!namespace.is_empty() && !key.is_empty()).then_some((namespace, key))
}

/// The answer to a read, of which the client has `known` already.
pub(crate) async fn entry(
    app: &App,
    namespace: &str,
    key: String,
    known: Option<&HeaderValue>,
) -> ApiResult<Response> {
    let missing =
        || ApiError::new(StatusCode::NOT_FOUND, format!("nothing under {namespace}/{key}"));
    check_key(&key)?;
    spence::check_namespace(namespace)?;
    let cache = readable(app, namespace, &key).await?.ok_or_else(missing)?;
    let value = cache.get(&key).await.ok_or_else(missing)?;
    let mut headers = about(&value);
    headers.insert(X_SPENCE_KEY, header_text([namespace, "/", &key].concat()));
    headers.insert(header::ETAG, value.etag.clone());
    if knows(known, &value.etag) {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    headers.insert(header::CONTENT_TYPE, value.content_type.clone());
    let mut response = Response::new(value.body.clone().into());
    *response.headers_mut() = headers;
    Ok(response)
}

#[utoipa::path(
    put,
    operation_id = "put_entry",
    path = "/api/v1/cache/entries/{namespace}/{key}",
    tag = "cache",
    summary = "Puts a raw value in",
    params(EntryPath, PutQuery),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 204, description = "it is in"),
        (status = 409, description = "the namespace holds typed values", body = ErrorBody),
        (status = 413, description = "no tier would keep so large a value", body = ErrorBody),
        (status = "4XX", description = "the input is refused", body = ErrorBody),
    ),
)]
pub(crate) async fn put(
    State(app): State<App>,
    Segments(EntryPath { namespace, key }): Segments<EntryPath>,
    query: Result<Query<PutQuery>, axum::extract::rejection::QueryRejection>,
    headers: HeaderMap,
    body: Bytes,
) -> ApiResult<Response> {
    let Query(PutQuery { ttl, tags }) =
        query.map_err(|error| ApiError::field("query", error.body_text()))?;
    check_key(&key)?;
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let body_bytes = body.len();
    // A copy: what the connection hands out is part of its whole read buffer.
    let body = Bytes::copy_from_slice(&body);
    let value = RawValue::new(content_type.unwrap_or_default().as_bytes(), body)
        .ok_or_else(|| ApiError::field("content-type", "content-type: cannot stand in a header"))?;
    let etag = value.etag.clone();
    let mut fill = Fill::new(value);
    if let Some(ttl) = ttl {
        let span: Span = ttl.parse().map_err(|error| ApiError::field("ttl", error))?;
        fill = fill.ttl(span.0);
    }
    if let Some(tags) = tags {
        fill = fill.tags(tags.split(',').map(str::trim).filter(|tag| !tag.is_empty()));
    }
    let cache = raw(&app, &namespace)?;
    if cache.policy().no_store {
        let message = format!("{namespace}: its policy keeps nothing (no_store)");
        return Err(ApiError::new(StatusCode::CONFLICT, message));
    }
    let (bytes, most) = (body_bytes as u64, cache.largest_value());
    if bytes > most {
        let message = match most {
            0 => "neither memory, disk nor redis is on, so nothing would keep it".to_owned(),
            _ => format!(
                "{bytes} bytes, and a tier keeps {most} at most: see memory.budget, disk.budget"
            ),
        };
        return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, message));
    }
    cache.insert_fill(key, fill).await?;
    Ok((StatusCode::NO_CONTENT, [(header::ETAG, etag)]).into_response())
}

#[utoipa::path(
    delete,
    operation_id = "invalidate_entry",
    path = "/api/v1/cache/entries/{namespace}/{key}",
    tag = "cache",
    summary = "Invalidates a key",
    params(EntryPath),
    responses(
        (status = 200, body = Reached),
        (status = "4XX", description = "the input is refused", body = ErrorBody),
    ),
)]
pub(crate) async fn delete(
    State(app): State<App>,
    Segments(EntryPath { namespace, key }): Segments<EntryPath>,
) -> ApiResult<Json<Reached>> {
    let target = TargetBody { namespace: Some(namespace), key: Some(key), ..TargetBody::default() };
    let invalid = |(field, message): (&str, &str)| ApiError::field(field, message);
    let parsed: Target = target.clone().target().map_err(invalid)?;
    let scope = app.spence().invalidate(&parsed).await?;
    Ok(Json(Reached::done(scope, target)))
}

/// The raw cache of a namespace that exists here or on disk, or of which another node has shared
/// the key. Reading makes no namespaces, so that strangers cannot use them up.
async fn readable(app: &App, namespace: &str, key: &str) -> ApiResult<Option<RawCache>> {
    let spence = app.spence();
    match spence.existing(namespace) {
        Some(cache) => Ok(Some(cache)),
        // Typed, or as yet on disk only.
        None if spence.has_cache(namespace) || spence.is_stored(namespace) => {
            raw(app, namespace).map(Some)
        }
        None if spence.is_shared(namespace, key).await => raw(app, namespace).map(Some),
        None => Ok(None),
    }
}

fn check_key(key: &str) -> ApiResult<()> {
    if matches!(key, "." | "..") {
        return Err(ApiError::field("key", "key: dots alone cannot stand in a path"));
    }
    spence::key::check_text(key).map_err(|error| ApiError::field("key", error.to_string()))
}

/// The raw cache of a name; typed ones have paths of their own.
fn raw(app: &App, namespace: &str) -> ApiResult<RawCache> {
    raw_cache(app.spence(), namespace).map_err(|error| match error.kind() {
        ErrorKind::Conflict => ApiError::from(error).saying(format!(
            "{namespace} holds typed values, not raw ones; bars are at /api/v1/market/bars/SYMBOL"
        )),
        _ => error.into(),
    })
}

/// Whether an If-None-Match header (a list, or `*`) knows this body.
pub(crate) fn knows(given: Option<&HeaderValue>, etag: &HeaderValue) -> bool {
    let (given, etag) = (given.and_then(|given| given.to_str().ok()), etag.to_str());
    let (Some(given), Ok(etag)) = (given, etag) else { return false };
    let plain = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    given.trim() == "*" || given.split(',').any(|tag| plain(tag) == etag)
}
