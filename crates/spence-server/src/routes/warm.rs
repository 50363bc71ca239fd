//! POST `/api/v1/cache/warm`: fetches a list of keys ahead of time, paced, and tells how far it is.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use futures_util::stream;
use serde::{Deserialize, Serialize};
use spence_market::{BARS_CACHE, LastBars};
use utoipa::ToSchema;

use crate::app::App;
use crate::error::{ApiError, ApiResult};
use crate::routes::Json;
use crate::wire::ErrorBody;

const MAX_KEYS: usize = 100_000;
const DEFAULT_PER_SECOND: f64 = 10.0;
/// Fills that one warming has under way at a time.
const PARALLEL: usize = 8;

/// What to fetch, and how fast.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WarmBody {
    namespace: String,
    keys: Vec<String>,
    #[serde(default)]
    per_second: Option<f64>,
}

/// A line of the answer: one for each key, in the order in which they are done.
#[derive(Debug, Serialize, ToSchema)]
struct Line<'a> {
    done: usize,
    total: usize,
    key: &'a str,
    /// Where the value was found; `origin` if it was fetched.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Streams a line for each key; when the caller goes away, no further key is begun.
#[utoipa::path(
    post,
    path = "/api/v1/cache/warm",
    tag = "cache",
    summary = "Fetches keys ahead of time; a line for each as it is done",
    request_body = WarmBody,
    responses(
        (status = 200, content_type = "application/x-ndjson", body = Line<'_>),
        (status = 409, description = "the namespace has no origin", body = ErrorBody),
        (status = "4XX", description = "the input is refused", body = ErrorBody),
    ),
)]
pub(crate) async fn warm(
    State(app): State<App>,
    Json(body): Json<WarmBody>,
) -> ApiResult<Response> {
    let WarmBody { namespace, keys, per_second } = body;
    spence::check_namespace(&namespace)?;
    if namespace != BARS_CACHE {
        let message =
            format!("{namespace} has no origin to fetch from; those that have: {BARS_CACHE}");
        return Err(ApiError::new(StatusCode::CONFLICT, message));
    }
    if keys.is_empty() || keys.len() > MAX_KEYS {
        let message = format!("keys: {}, expected 1 to {MAX_KEYS}", keys.len());
        return Err(ApiError::field("keys", message));
    }
    let per_second = per_second.unwrap_or(DEFAULT_PER_SECOND);
    if !(0.01..=10_000.0).contains(&per_second) {
        let message = format!("per_second: {per_second}, expected 0.01 to 10000");
        return Err(ApiError::field("per_second", message));
    }
    let keys: Vec<(String, LastBars)> = keys
        .into_iter()
        .map(|text| match LastBars::parse(&text) {
            Ok(key) => Ok((text, key)),
            Err(error) => Err(ApiError::field("keys", format!("{text}: {error}"))),
        })
        .collect::<ApiResult<_>>()?;
    let (total, pause) = (keys.len(), Duration::from_secs_f64(1.0 / per_second));
    let (clock, stopping) = (app.clock().clone(), app.stopping());
    let paced = stream::iter(keys).enumerate().then(move |(number, key)| {
        let clock = clock.clone();
        async move {
            if number > 0 {
                clock.sleep(pause).await;
            }
            key
        }
    });
    let fetched = paced.take_while(move |_| {
        let stopping = *stopping.borrow();
        async move { !stopping }
    });
    let fetched = fetched.map(move |(text, key)| {
        let app = app.clone();
        async move { (text, app.market().bars(&key).await) }
    });
    let lines =
        fetched.buffer_unordered(PARALLEL).enumerate().map(move |(done, (text, result))| {
            let done = done + 1;
            let line = match result {
                Ok(bars) => {
                    let source = Some(bars.source().as_str());
                    Line { done, total, key: &text, source, error: None }
                }
                Err(error) => {
                    Line { done, total, key: &text, source: None, error: Some(error.to_string()) }
                }
            };
            let mut json = serde_json::to_vec(&line).unwrap_or_default();
            json.push(b'\n');
            Ok::<_, std::convert::Infallible>(Bytes::from(json))
        });
    let headers = [(header::CONTENT_TYPE, "application/x-ndjson")];
    Ok((headers, Body::from_stream(lines)).into_response())
}
