//! POST `/api/v1/acg/batch` and `/animate`: many charts, sent as they are finished, in order.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt, stream};
use serde_json::value::RawValue as RawJson;
use spence_acg::ephemeris::Instant;
use spence_acg::{Fault, LinesRequest, Problem, Request, epoch_seconds};

use crate::app::App;
use crate::charts::ChartId;
use crate::error::{ApiError, ApiResult};
use crate::routes::Json;
use crate::routes::acg::counted;
use crate::wire::ErrorBody;
use crate::wire::acg::{AnimateBody, Animation, BatchAnswer, BatchBody, Correlated, MOST};

/// Any instant that there is.
const EPOCH: &str = "2000-01-01T12:00:00Z";
/// Of a correlation id.
const LONGEST_ID: usize = 1_000;
/// Charts that are computed at a time.
const AT_A_TIME: usize = 4;
/// Charts that are sent as one piece.
const PIECE: usize = 8;

#[utoipa::path(
    post,
    operation_id = "acg_batch",
    path = "/api/v1/acg/batch",
    tag = "acg",
    summary = "Many charts, in the order asked; one that is refused fails alone",
    request_body = BatchBody,
    responses(
        (status = 200, body = BatchAnswer),
        (status = "4XX", description = "the input is refused", body = ErrorBody),
    ),
)]
pub(crate) async fn batch(
    State(app): State<App>,
    Json(body): Json<BatchBody>,
) -> ApiResult<Response> {
    if body.requests.is_empty() {
        let message = format!("requests: 0, expected 1 to {MOST}");
        return Err(ApiError::field("requests", message));
    }
    let one = move |(index, member): (usize, Box<RawJson>)| {
        let app = app.clone();
        async move {
            let (id, request) = match correlation_id(&member, index) {
                Ok(id) => (id, requested(&member, index)),
                Err(error) => ("null".to_owned(), Err(error)),
            };
            let answer = match request {
                Ok(request) => text(&app, request).await,
                Err(error) => counted(&app, Err(error)),
            };
            match answer {
                Ok(text) => format!(r#"{{"correlation_id":{id},"response":{text}}}"#),
                Err(error) => {
                    let error = told(&app, "/api/v1/acg/batch", error);
                    format!(r#"{{"correlation_id":{id},"error":{error}}}"#)
                }
            }
        }
    };
    let charts = stream::iter(body.requests.into_iter().enumerate()).map(one).buffered(AT_A_TIME);
    Ok(streamed("results", charts))
}

/// By what a member of a batch wants to be known.
fn correlation_id(member: &RawJson, index: usize) -> ApiResult<String> {
    let wrong = |why: String| {
        ApiError::field(&format!("requests[{index}]"), format!("requests[{index}]: {why}"))
    };
    if !member.get().starts_with('{') {
        return Err(wrong("expected an object".to_owned()));
    }
    let read: Correlated =
        serde_json::from_str(member.get()).map_err(|error| wrong(error.to_string()))?;
    match read.correlation_id {
        None => Ok("null".to_owned()),
        Some(id) if id.get().len() <= LONGEST_ID => Ok(id.get().to_owned()),
        Some(_) => Err(wrong(format!("correlation_id: expected {LONGEST_ID} bytes at most"))),
    }
}

/// What one member of a batch asks for; fields are named from the batch's beginning.
fn requested(member: &RawJson, index: usize) -> ApiResult<Request> {
    let mut text = serde_json::Deserializer::from_str(member.get());
    let asked: LinesRequest = serde_path_to_error::deserialize(&mut text).map_err(|error| {
        let field = match error.path().to_string().as_str() {
            "." => format!("requests[{index}]"),
            path => format!("requests[{index}].{path}"),
        };
        ApiError::field(&field, format!("{field}: {}", error.into_inner()))
    })?;
    Request::new(&asked).map_err(|mut problems| {
        for problem in &mut problems {
            problem.field = format!("requests[{index}].{}", problem.field);
        }
        problems.into()
    })
}

/// An error as part of a larger answer.
fn told(app: &App, path: &str, error: ApiError) -> String {
    serde_json::to_string(&error.body(path, app.now_ms())).unwrap_or_default()
}

#[utoipa::path(
    post,
    operation_id = "acg_animate",
    path = "/api/v1/acg/animate",
    tag = "acg",
    summary = "A chart at each step of time",
    request_body = AnimateBody,
    responses(
        (status = 200, body = Animation),
        (status = 404, description = "a body that is not offered", body = ErrorBody),
        (status = 409, description = "parameters that do not go together", body = ErrorBody),
        (status = "4XX", description = "the input is refused", body = ErrorBody),
    ),
)]
pub(crate) async fn animate(
    State(app): State<App>,
    Json(body): Json<AnimateBody>,
) -> ApiResult<Response> {
    let instants = instants(&body);
    let asked = LinesRequest {
        // If it is wrong, that is told of the start already.
        epoch: Some(match instants {
            Ok(_) => body.epoch_start,
            Err(_) => EPOCH.to_owned(),
        }),
        jd: None,
        bodies: body.bodies,
        options: body.options,
        natal: body.natal,
        near: body.near,
        ..LinesRequest::default()
    };
    let (instants, request) = match (instants, Request::new(&asked)) {
        (Ok(instants), Ok(request)) => (instants, request),
        (instants, request) => {
            let all = [instants.err(), request.err()].into_iter().flatten().flatten();
            return Err(all.collect::<Vec<_>>().into());
        }
    };
    let one = move |instant: Instant| {
        let (app, request) = (app.clone(), Request { instant, ..request.clone() });
        async move {
            // As in the features.
            let jd = (instant.jd_ut1() * 1e6).round() / 1e6;
            match text(&app, request).await {
                Ok(text) => format!(r#"{{"epoch":"{instant}","jd":{jd},"data":{text}}}"#),
                // The answer has begun: its status cannot say it any more.
                Err(error) => {
                    let error = told(&app, "/api/v1/acg/animate", error);
                    format!(r#"{{"epoch":"{instant}","jd":{jd},"error":{error}}}"#)
                }
            }
        }
    };
    Ok(streamed("frames", stream::iter(instants).map(one).buffered(AT_A_TIME)))
}

/// The instants of the frames, or all that is wrong with them.
fn instants(body: &AnimateBody) -> Result<Vec<Instant>, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut problem = |fault, field: &str, message: String| {
        problems.push(Problem { fault, field: field.to_owned(), message });
    };
    let mut read = |field: &str, text: &str| {
        let seconds = epoch_seconds(text).and_then(|seconds| {
            Instant::from_unix(seconds).map(|_| seconds).map_err(|error| error.to_string())
        });
        seconds.map_err(|message| problem(Fault::Invalid, field, message)).ok()
    };
    let start = read("epoch_start", &body.epoch_start);
    let end = read("epoch_end", &body.epoch_end);
    let minutes = body.step_minutes;
    if !(1..=43_200).contains(&minutes) {
        problem(Fault::Invalid, "step_minutes", format!("{minutes}: expected 1 to 43200"));
    } else if let (Some(start), Some(end)) = (start, end) {
        let count = usize::try_from((end - start) / (minutes * 60) + 1).unwrap_or(usize::MAX);
        if end < start {
            problem(Fault::Conflict, "epoch_end", "is before epoch_start".to_owned());
        } else if count > MOST {
            let message = format!("{count} frames, expected {MOST} at most");
            problem(Fault::Conflict, "step_minutes", message);
        } else {
            let at = |n| Instant::from_unix(start + n * minutes * 60).ok();
            return Ok((0..count as i64).filter_map(at).collect());
        }
    }
    Err(problems)
}

/// A chart as text; counted as a single one is.
async fn text(app: &App, request: Request) -> ApiResult<String> {
    let request = Arc::new(request);
    let to_owned = |text: &[u8]| str::from_utf8(text).map(str::to_owned);
    let answer = app.charts().text(&request, ChartId::of(&request), to_owned).await;
    let wrong = |_| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "a chart is no text");
    counted(app, answer.map_err(ApiError::from).and_then(|text| text.map_err(wrong)))
}

/// `{"name":[...]}` of what comes.
fn streamed(name: &str, parts: impl Stream<Item = String> + Send + 'static) -> Response {
    let start = stream::once(std::future::ready(format!(r#"{{"{name}":["#)));
    let parts = parts.enumerate().map(|(index, part)| match index {
        0 => part,
        _ => format!(",{part}"),
    });
    let pieces = parts.ready_chunks(PIECE).map(|pieces| pieces.concat());
    let end = stream::once(std::future::ready("]}".to_owned()));
    let whole = start.chain(pieces).chain(end);
    let body = Body::from_stream(whole.map(|part| Ok::<_, Infallible>(Bytes::from(part))));
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}
