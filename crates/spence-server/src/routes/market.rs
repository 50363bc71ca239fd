//! GET `/api/v1/market/bars/{symbol}?bars=90&end=2012-06-29`.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use spence::Key;
use spence_market::{BARS_CACHE, LastBars, SeriesKey};

use crate::app::App;
use crate::error::{ApiError, ApiResult};
use crate::routes::{Json, Segments, X_SPENCE_KEY, about, header_text, of_origin};
use crate::wire::{BarBody, BarsBody, ErrorBody};

const DEFAULT_BARS: u32 = 90;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BarsQuery {
    bars: Option<String>,
    end: Option<String>,
}

#[utoipa::path(
    get,
    path = "/api/v1/market/bars/{symbol}",
    tag = "market",
    summary = "The last daily bars of a symbol, unadjusted, oldest first",
    params(
        ("symbol" = String, Path, description = "such as AAPL"),
        ("bars" = Option<u32>, Query, description = "1 to 50000; default 90"),
        ("end" = Option<String>, Query, description = "the last session, YYYY-MM-DD; default the last there is"),
    ),
    responses(
        (status = 200, body = BarsBody),
        (status = 404, description = "the provider has none", body = ErrorBody),
        (status = 502, description = "the provider failed", body = ErrorBody),
        (status = 504, description = "it took too long", body = ErrorBody),
        (status = "4XX", description = "the input is refused", body = ErrorBody),
    ),
)]
pub(crate) async fn bars(
    State(app): State<App>,
    Segments(symbol): Segments<String>,
    query: Result<Query<BarsQuery>, QueryRejection>,
) -> ApiResult<Response> {
    let Query(query) = query.map_err(|error| ApiError::field("query", error.body_text()))?;
    let bars = match &query.bars {
        None => DEFAULT_BARS,
        Some(text) => text.parse().map_err(|_| {
            let text: String = text.chars().take(20).collect();
            ApiError::field("bars", format!("bars: `{text}` is not a number of bars"))
        })?,
    };
    let question = LastBars::new(&symbol, bars, query.end.as_deref())?;
    let key = SeriesKey::daily(question.symbol().clone());
    let mut headers = of_origin(&app);
    headers.insert(X_SPENCE_KEY, header_text(format!("{BARS_CACHE}/{}", key.canonical())));
    let value = match app.market().bars(&question).await {
        Ok(value) => value,
        Err(error) => {
            let not_found = error.is_not_found();
            let mut error = ApiError::from(error);
            if not_found {
                error = error.saying(format!("no bars of {} {}", key.symbol(), until(&question)));
            }
            // With its key, so that whoever knows better can invalidate it.
            return Ok((headers, error).into_response());
        }
    };
    headers.extend(about(&value));
    let body = BarsBody {
        symbol: key.symbol().to_string(),
        frequency: "1d",
        adjusted: false,
        count: value.len(),
        is_final: value.is_final(),
        bars: value.iter().map(BarBody::from).collect(),
    };
    Ok((headers, Json(body)).into_response())
}

fn until(question: &LastBars) -> String {
    question.end().map_or_else(|| "at all".to_owned(), |end| format!("up to {end}"))
}
