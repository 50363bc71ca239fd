//! Answers of calls that a fault has struck.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use futures_util::stream::{self, StreamExt};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use spence::Clock;

use crate::fault::Fault;

const LIMIT: &str = "You've exceeded the maximum requests per minute, please wait or upgrade your \
                     subscription to continue.";
/// How many drops a body comes in, and how far apart.
const DROPS: usize = 60;
const BETWEEN_DROPS: Duration = Duration::from_secs(1);

/// The answer that `fault` makes of `answer`; `how` varies it.
pub(crate) fn strike(fault: Fault, how: u64, answer: &impl Serialize, clock: &Clock) -> Response {
    match fault {
        Fault::RateLimited => rate_limited(how, clock),
        Fault::ServerError => {
            let status = match how.is_multiple_of(2) {
                true => StatusCode::INTERNAL_SERVER_ERROR,
                false => StatusCode::SERVICE_UNAVAILABLE,
            };
            (status, "<html><body><h1>We'll be back soon</h1></body></html>").into_response()
        }
        Fault::ErrorWith200 => {
            let error = if how.is_multiple_of(2) { LIMIT } else { "internal error" };
            Json(serde_json::json!({ "status": "ERROR", "error": error })).into_response()
        }
        Fault::NullResults => with(answer, |body| {
            body.insert(rows_name(body).into(), Value::Null);
        }),
        Fault::MissingResults => with(answer, |body| {
            body.remove(rows_name(body));
        }),
        Fault::GarbageRow => with(answer, |body| garble(body, how)),
        Fault::DuplicateRow => with(answer, |body| {
            if let Some(rows) = rows(body)
                && let Some(row) = rows.last().cloned()
            {
                rows.push(row);
            }
        }),
        Fault::OutOfOrder => with(answer, |body| {
            if let Some(rows) = rows(body) {
                let middle = rows.len() / 2;
                rows.rotate_left(middle);
            }
        }),
        Fault::Truncated => {
            let text = serde_json::to_vec(answer).unwrap_or_default();
            let half = Bytes::copy_from_slice(text.get(..text.len() / 2).unwrap_or_default());
            broken(vec![Ok(half), Err(std::io::Error::other("cut"))])
        }
        Fault::Reset => broken(vec![Err(std::io::Error::other("reset"))]),
        Fault::SlowDrip => drip(answer, clock),
    }
}

fn rate_limited(how: u64, clock: &Clock) -> Response {
    let body = serde_json::json!({ "status": "ERROR", "error": LIMIT });
    let mut response = (StatusCode::TOO_MANY_REQUESTS, Json(body)).into_response();
    let now = i64::try_from(clock.unix_ms() / 1000).unwrap_or_default();
    let value = match how % 5 {
        0 => Some("0".to_owned()),
        1 => Some("1".to_owned()),
        2 => Timestamp::from_second(now + 1)
            .ok()
            .map(|time| time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()),
        3 => Some("soon".to_owned()),
        _ => None,
    };
    if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
    response
}

type Object = serde_json::Map<String, Value>;

/// The answer with its JSON changed.
fn with(answer: &impl Serialize, change: impl FnOnce(&mut Object)) -> Response {
    let mut value = serde_json::to_value(answer).unwrap_or_default();
    if let Value::Object(body) = &mut value {
        change(body);
    }
    Json(value).into_response()
}

/// What the rows of an answer are called.
fn rows_name(body: &Object) -> &'static str {
    if body.contains_key("observations") { "observations" } else { "results" }
}

fn rows(body: &mut Object) -> Option<&mut Vec<Value>> {
    body.get_mut(rows_name(body)).and_then(Value::as_array_mut)
}

fn garble(body: &mut Object, how: u64) {
    let Some(rows) = rows(body) else { return };
    let middle = rows.len() / 2;
    let Some(Value::Object(row)) = rows.get_mut(middle) else { return };
    if row.contains_key("value") {
        // Of an observation.
        let (name, value) = if how.is_multiple_of(2) { ("value", "n/a") } else { ("date", "") };
        row.insert(name.into(), value.into());
        return;
    }
    match how % 4 {
        0 => drop(row.insert("o".into(), 0.into())),
        1 => {
            let (high, low) = (row.get("h").cloned(), row.get("l").cloned());
            row.insert("l".into(), high.unwrap_or_default());
            row.insert("h".into(), low.unwrap_or_default());
            // Were they the same, the row would be none the worse.
            row.insert("c".into(), Value::from(-1.0));
        }
        2 => drop(row.insert("c".into(), "12.34".into())),
        _ => drop(row.remove("t")),
    }
}

fn broken(parts: Vec<std::io::Result<Bytes>>) -> Response {
    json(Body::from_stream(stream::iter(parts)))
}

fn drip(answer: &impl Serialize, clock: &Clock) -> Response {
    let text = serde_json::to_vec(answer).unwrap_or_default();
    let size = text.len().div_ceil(DROPS).max(1);
    let drops: Vec<_> = text.chunks(size).map(Bytes::copy_from_slice).collect();
    let clock = clock.clone();
    json(Body::from_stream(stream::iter(drops).then(move |drop| {
        let clock = clock.clone();
        async move {
            clock.sleep(BETWEEN_DROPS).await;
            Ok::<_, Infallible>(drop)
        }
    })))
}

fn json(body: Body) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}
