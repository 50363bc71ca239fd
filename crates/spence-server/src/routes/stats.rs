//! GET `/api/v1/cache/stats` and `/metrics`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;

use crate::app::App;
use crate::charts::ChartMetrics;
use crate::metrics;
use crate::routes::Json;
use crate::wire::{Stats, timestamp};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[utoipa::path(
    get,
    path = "/api/v1/cache/stats",
    tag = "cache",
    summary = "Figures by cache and in total",
    responses(
        (status = 200, body = Stats),
    ),
)]
pub(crate) async fn stats(State(app): State<App>) -> Json<Stats> {
    let snapshot = app.spence().stats();
    Json(Stats {
        timestamp: timestamp(app.now_ms()),
        caches: snapshot.caches.iter().map(|(name, stats)| (name.clone(), stats.into())).collect(),
        total: (&snapshot.total).into(),
        memory_budget_bytes: snapshot.memory_budget,
        disk_budget_bytes: snapshot.disk_budget,
        disk_entries: snapshot.disk_entries,
        disk_errors: snapshot.disk_errors,
        redis: snapshot.redis.as_ref().map(Into::into),
        bans: snapshot.bans,
        bans_in_force: snapshot.bans_in_force,
    })
}

#[utoipa::path(
    get,
    path = "/metrics",
    tag = "service",
    summary = "Metrics in OpenMetrics text",
    responses(
        (status = 200, content_type = "application/openmetrics-text", body = String),
    ),
)]
pub(crate) async fn metrics(State(app): State<App>) -> impl IntoResponse {
    let charts = ChartMetrics { charts: Arc::clone(app.charts()), now_ms: app.now_ms() };
    ([(header::CONTENT_TYPE, OPEN_METRICS)], metrics::render(app.spence().stats(), charts))
}
