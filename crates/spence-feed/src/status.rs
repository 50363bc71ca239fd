//! Whether the market is open, and when it will not be.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use jiff::ToSpan;
use jiff::civil::Weekday;
use serde_json::{Value, json};
use spence_calendar::Moment;

use crate::desk::{Desk, Parameters};
use crate::sessions;

/// How far ahead holidays are told.
const AHEAD_DAYS: i32 = 365;

pub(crate) async fn now(
    State(desk): State<Arc<Desk>>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Response {
    let answer = |desk: &Desk| {
        let now = desk.now();
        let is_open = matches!(sessions::new_york().at(now), Some(Moment::Open(_)));
        let word = if is_open { "open" } else { "closed" };
        Ok(json!({
            "market": word,
            "earlyHours": false,
            "afterHours": false,
            "serverTime": now.to_zoned(desk.new_york.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
            "exchanges": { "nasdaq": word, "nyse": word, "otc": word },
            "currencies": { "crypto": "open", "fx": word },
        }))
    };
    desk.answer(&parameters, &headers, answer).await
}

pub(crate) async fn upcoming(
    State(desk): State<Arc<Desk>>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Response {
    let answer = |desk: &Desk| {
        let today = desk.now().to_zoned(desk.new_york.clone()).date();
        let days = today.series(1.day()).take(AHEAD_DAYS.unsigned_abs() as usize);
        let weekdays =
            days.filter(|day| !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday));
        let rows = weekdays.filter_map(|day| match sessions::between(day, day).first() {
            None => Some(json!({
                "exchange": "NYSE", "name": "Holiday", "date": day.to_string(), "status": "closed",
            })),
            Some(session) if session.is_early_close() => Some(json!({
                "exchange": "NYSE", "name": "Early close", "date": day.to_string(),
                "status": "early-close", "open": session.open().to_string(),
                "close": session.close().to_string(),
            })),
            Some(_) => None,
        });
        Ok(rows.collect::<Vec<Value>>())
    };
    desk.answer(&parameters, &headers, answer).await
}
