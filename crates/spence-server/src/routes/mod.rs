//! The handlers, one file for each part of the API.

pub(crate) mod acg;
pub(crate) mod config;
pub(crate) mod data;
pub(crate) mod entries;
pub(crate) mod explain;
pub(crate) mod health;
pub(crate) mod home;
pub(crate) mod market;
pub(crate) mod outdate;
pub(crate) mod quality;
pub(crate) mod scan;
pub(crate) mod stats;
pub(crate) mod warm;

use std::time::Duration;

use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use spence::{Cached, Freshness, Source};
use spence_market::{Data, HeldBars};

use crate::app::App;
use crate::error::ApiError;
use crate::providers::Origin;
use axum::http::StatusCode;

/// Where a value was found.
pub(crate) const X_SPENCE_SOURCE: HeaderName = HeaderName::from_static("x-spence-source");
/// `fresh`, `stale` or `unverified`.
pub(crate) const X_SPENCE_FRESHNESS: HeaderName = HeaderName::from_static("x-spence-freshness");
/// `false` if another node's invalidation of the value may have been missed; else absent.
pub(crate) const X_SPENCE_VERIFIED: HeaderName = HeaderName::from_static("x-spence-verified");
/// Why a stale value was served.
pub(crate) const X_SPENCE_STALE_REASON: HeaderName =
    HeaderName::from_static("x-spence-stale-reason");
/// The namespace and canonical key of a value.
pub(crate) const X_SPENCE_KEY: HeaderName = HeaderName::from_static("x-spence-key");
/// `demo-feed`, when that is where data come from.
pub(crate) const X_SPENCE_ORIGIN: HeaderName = HeaderName::from_static("x-spence-origin");

/// JSON, in and out.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
            Err(error) => {
                ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response()
            }
        }
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|rejection: BytesRejection| rejection.into_response())?;
        // The parser would take an array for the fields in their order.
        if body.trim_ascii_start().first() != Some(&b'{') {
            let message = "body: expected a JSON object";
            return Err(ApiError::field("body", message).into_response());
        }
        let mut deserializer = serde_json::Deserializer::from_slice(&body);
        let parsed = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
            let field = error.path().to_string();
            let message = format!("body: {}", error.into_inner());
            let field = if field == "." { "body" } else { &field };
            ApiError::field(field, message).into_response()
        })?;
        deserializer
            .end()
            .map_err(|error| ApiError::field("body", format!("body: {error}")).into_response())?;
        Ok(Self(parsed))
    }
}

/// The variable segments of a path.
pub(crate) struct Segments<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Segments<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        // Else `%zz` would stand for itself, and two paths for one key.
        let mut escapes = parts.uri.path().split('%').skip(1);
        if let Some(bad) = escapes.find(|rest| {
            !rest.get(..2).is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
        }) {
            let bad: String = bad.chars().take(2).collect();
            return Err(ApiError::field("path", format!("path: %{bad} is no escape; % is %25")));
        }
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(segments)) => Ok(Self(segments)),
            Err(rejection) => {
                let text = rejection.body_text();
                // It names the segment, between back quotes.
                let field = text.split('`').nth(1).unwrap_or("path");
                Err(ApiError::field(field, format!("{field}: is not UTF-8 when decoded")))
            }
        }
    }
}

/// The longest text in a header of ours.
const MAX_HEADER_BYTES: usize = 300;

/// The path of an entry.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct EntryPath {
    /// The cache's name.
    pub(crate) namespace: String,
    /// The canonical text of the key; may contain `/`.
    pub(crate) key: String,
}

/// What is to be known about a value that is answered.
pub(crate) struct About<'a> {
    source: Source,
    freshness: Freshness,
    cause: Option<&'a spence::Error>,
    is_verified: bool,
    age: Duration,
}

impl<'a, V> From<&'a Cached<V>> for About<'a> {
    fn from(value: &'a Cached<V>) -> Self {
        Self {
            source: value.source(),
            freshness: value.freshness(),
            cause: value.stale_cause(),
            is_verified: value.is_verified(),
            age: value.age(),
        }
    }
}

impl<'a> From<&'a HeldBars> for About<'a> {
    fn from(bars: &'a HeldBars) -> Self {
        Self {
            source: bars.source(),
            freshness: bars.freshness(),
            cause: bars.stale_cause(),
            is_verified: bars.is_verified(),
            age: bars.age(),
        }
    }
}

impl<'a> From<&'a Data> for About<'a> {
    fn from(data: &'a Data) -> Self {
        Self {
            source: data.source(),
            freshness: data.freshness(),
            cause: data.stale_cause(),
            is_verified: data.is_verified(),
            age: data.age(),
        }
    }
}

/// The header that says when data are made up.
pub(crate) fn of_origin(app: &App) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Origin::DemoFeed(_) = app.origin() {
        headers.insert(X_SPENCE_ORIGIN, HeaderValue::from_static("demo-feed"));
    }
    headers
}

/// The headers that tell about a value.
pub(crate) fn about<'a>(value: impl Into<About<'a>>) -> HeaderMap {
    let About { source, freshness, cause, is_verified, age } = value.into();
    // Room for those that others add, too.
    let mut headers = HeaderMap::with_capacity(12);
    headers.insert(X_SPENCE_SOURCE, HeaderValue::from_static(source.as_str()));
    headers.insert(X_SPENCE_FRESHNESS, HeaderValue::from_static(freshness.as_str()));
    if let Some(reason) = stale_reason(freshness, cause) {
        headers.insert(X_SPENCE_STALE_REASON, header_text(reason));
    }
    if !is_verified {
        headers.insert(X_SPENCE_VERIFIED, HeaderValue::from_static("false"));
    }
    headers.insert(header::AGE, HeaderValue::from(age.as_secs()));
    headers
}

/// Why something stale is served.
pub(crate) fn stale_reason(freshness: Freshness, cause: Option<&spence::Error>) -> Option<String> {
    let Freshness::Stale(reason) = freshness else { return None };
    let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
    Some(format!("{}{cause}", reason.as_str()))
}

/// Text as a header value; what cannot stand there becomes `?`.
pub(crate) fn header_text(text: String) -> HeaderValue {
    let is_plain = |c: char| c.is_ascii_graphic() || c == ' ';
    let text = match text.len() <= MAX_HEADER_BYTES && text.chars().all(is_plain) {
        true => text,
        false => {
            let plain = |c: char| if is_plain(c) { c } else { '?' };
            text.chars().take(MAX_HEADER_BYTES).map(plain).collect()
        }
    };
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("?"))
}
