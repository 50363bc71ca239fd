//! GET `/api/v1/market/quality/{symbol}`: what is odd about daily bars.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use spence_market::DataQuestion;

use crate::app::App;
use crate::error::{ApiError, ApiResult};
use crate::routes::data::span;
use crate::routes::{Json, Segments, about, of_origin};
use crate::wire::ErrorBody;
use crate::wire::data::{FindingBody, QualityBody};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct QualityQuery {
    start: Option<String>,
    end: Option<String>,
    #[serde(default)]
    offline: bool,
}

#[utoipa::path(
    get,
    path = "/api/v1/market/quality/{symbol}",
    tag = "market",
    summary = "What is odd about the daily bars of a symbol",
    params(
        ("symbol" = String, Path, description = "such as AAPL"),
        ("start" = Option<String>, Query, description = "the first day, YYYY-MM-DD; default a year before the last"),
        ("end" = Option<String>, Query, description = "the last day; default today, in New York"),
        ("offline" = Option<bool>, Query, description = "true: only what is held; no provider is called"),
    ),
    responses(
        (status = 200, body = QualityBody),
        (status = 404, description = "there are no bars", body = ErrorBody),
        (status = 502, description = "the provider failed", body = ErrorBody),
        (status = "4XX", description = "the input is refused", body = ErrorBody),
    ),
)]
pub(crate) async fn quality(
    State(app): State<App>,
    Segments(symbol): Segments<String>,
    query: Result<Query<QualityQuery>, QueryRejection>,
) -> ApiResult<Response> {
    let Query(query) = query.map_err(|error| ApiError::field("query", error.body_text()))?;
    let QualityQuery { start, end, offline } = query;
    let (start, end) = span(&app, start, end);
    let question = DataQuestion::new("OHLCV", &start, &end, Some(&symbol), "daily", [])?;
    let found = app.market().quality(&question, !offline).await?;
    let body = QualityBody {
        symbol: question.ticker.map_or(symbol, |ticker| ticker.to_string()),
        start,
        end,
        sessions: found.sessions,
        bars: found.data.rows().len(),
        is_final: found.data.is_final(),
        findings: found.findings.iter().map(FindingBody::from).collect(),
    };
    let mut headers = of_origin(&app);
    headers.extend(about(&found.data));
    Ok((headers, Json(body)).into_response())
}
