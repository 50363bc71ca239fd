//! Astrocartography: `/api/v1/acg/...`

mod describe;
mod many;
mod properties;

pub(crate) use describe::{__path_features, __path_schema, features, schema};
pub(crate) use many::{__path_animate, __path_batch, animate, batch};

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use spence_acg::ephemeris::VERSION;
use spence_acg::{LinesRequest, Request};

use crate::app::App;
use crate::charts::{ALGORITHM, CHARTS_CACHE, ChartId, Encoding, POSITIONS_CACHE};
use crate::error::{ApiError, ApiResult};
use crate::routes::entries::knows;
use crate::routes::{Json, X_SPENCE_KEY, about, header_text};
use crate::wire::ErrorBody;
use crate::wire::acg::{ChartStatus, FeatureCollection, LinesQuery};

/// The tag by which this chart can be invalidated.
pub(crate) const X_SPENCE_TAG: HeaderName = HeaderName::from_static("x-spence-tag");

#[utoipa::path(
    post,
    operation_id = "acg_lines",
    path = "/api/v1/acg/lines",
    tag = "acg",
    summary = "The lines of a chart as GeoJSON",
    request_body = LinesRequest,
    responses(
        (status = 200, content_type = "application/geo+json", body = FeatureCollection),
        (status = 404, description = "a body that is not offered", body = ErrorBody),
        (status = 409, description = "parameters that do not go together", body = ErrorBody),
        (status = "4XX", description = "the input is refused", body = ErrorBody),
    ),
)]
pub(crate) async fn lines(
    State(app): State<App>,
    headers: HeaderMap,
    Json(asked): Json<LinesRequest>,
) -> ApiResult<Response> {
    let answer = async { chart(&app, &headers, Request::new(&asked)?, None).await };
    counted(&app, answer.await)
}

#[utoipa::path(
    get,
    operation_id = "acg_lines_of_query",
    path = "/api/v1/acg/lines",
    tag = "acg",
    summary = "The lines of a chart as GeoJSON, for a browser",
    params(LinesQuery),
    responses(
        (status = 200, content_type = "application/geo+json", body = FeatureCollection),
        (status = 304, description = "If-None-Match knows it"),
        (status = 404, description = "a body that is not offered", body = ErrorBody),
        (status = 409, description = "parameters that do not go together", body = ErrorBody),
        (status = "4XX", description = "the input is refused", body = ErrorBody),
    ),
)]
pub(crate) async fn lines_of_query(
    State(app): State<App>,
    headers: HeaderMap,
    query: Result<Query<LinesQuery>, QueryRejection>,
) -> ApiResult<Response> {
    let known = headers.get(header::IF_NONE_MATCH);
    let answer = async {
        let Query(query) = query.map_err(|error| {
            let text = error.body_text();
            // It names the field, between back quotes.
            ApiError::field(text.split('`').nth(1).unwrap_or("query"), text.as_str())
        })?;
        let request = Request::new(&query.read()?).map_err(|mut problems| {
            for problem in &mut problems {
                problem.field = LinesQuery::field(&problem.field).to_owned();
            }
            problems
        })?;
        chart(&app, &headers, request, known).await
    };
    counted(&app, answer.await)
}

/// The answer, of which the client has `known` already.
async fn chart(
    app: &App,
    asked_with: &HeaderMap,
    request: Request,
    known: Option<&HeaderValue>,
) -> ApiResult<Response> {
    let request = Arc::new(request);
    let id = ChartId::of(&request);
    let encoding = Encoding::accepted(asked_with).ok_or_else(|| {
        let message = "accept-encoding: there are zstd, br, gzip and identity";
        ApiError::new(StatusCode::NOT_ACCEPTABLE, message)
    })?;
    let value = app.charts().body(&request, id, encoding).await?;
    let mut headers = about(&value);
    // The sky of an instant does not age.
    headers.remove(header::AGE);
    headers.insert(X_SPENCE_TAG, header_text(id.tag()));
    let key = format!("{CHARTS_CACHE}/{}", id.key(encoding).as_str());
    headers.insert(X_SPENCE_KEY, header_text(key));
    headers.insert(header::ETAG, value.etag.clone());
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    // It may be somebody's birth: not for caches that others share. Those of browsers ask again,
    // since they hear of no invalidation; that costs them a 304.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if knows(known, &value.etag) {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    headers.insert(header::CONTENT_TYPE, value.content_type.clone());
    headers.extend(encoding.header().map(|name| (header::CONTENT_ENCODING, name)));
    let mut response = Response::new(value.body.clone().into());
    *response.headers_mut() = headers;
    Ok(response)
}

/// An answer, or a part of one, counted. Only what is our fault is a failure.
fn counted<T>(app: &App, answer: ApiResult<T>) -> ApiResult<T> {
    let failed = answer.as_ref().is_err_and(|error| error.status().is_server_error());
    app.charts().figures.answered(app.now_ms(), failed);
    answer
}

#[utoipa::path(
    get,
    operation_id = "acg_status",
    path = "/api/v1/acg/status",
    tag = "acg",
    summary = "What charts have cost and saved",
    responses((status = 200, body = ChartStatus)),
)]
pub(crate) async fn status(State(app): State<App>) -> Json<ChartStatus> {
    let figures = &app.charts().figures;
    let (hits, computed) = (figures.hits(), figures.count());
    let asked = hits + computed;
    let snapshot = app.spence().stats();
    let ours = |(name, _): &&(String, _)| [CHARTS_CACHE, POSITIONS_CACHE].contains(&name.as_str());
    let mut status = ChartStatus {
        hit_ratio: (asked > 0).then(|| hits as f64 / asked as f64),
        hits,
        computed,
        mean_calculation_ms: (computed > 0).then(|| figures.seconds() * 1e3 / computed as f64),
        error_rate: figures.error_rate(app.now_ms()),
        entries: 0,
        memory_bytes: 0,
        disk_bytes: 0,
        algorithm: ALGORITHM,
        ephemeris: VERSION,
    };
    for (_, stats) in snapshot.caches.iter().filter(ours) {
        status.entries += stats.cache_size;
        status.memory_bytes += stats.memory_bytes;
        status.disk_bytes += stats.disk_bytes;
    }
    Json(status)
}
