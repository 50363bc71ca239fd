//! All paths of the service, and who answers them.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post, put};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;

use crate::app::App;
use crate::error::{ApiError, NO_SUCH_PATH};
use crate::guard::{cors, guard};
use crate::openapi;
use crate::routes::{
    acg, config, data, entries, explain, health, home, market, outdate, quality, scan, stats, warm,
};

/// All paths, behind the edge.
pub(crate) fn router(app: &App) -> Router {
    let max_body = usize::try_from(app.settings().server.max_body).unwrap_or(usize::MAX);
    // Only where there is a body: each layer costs every request of its routes.
    let limited = || DefaultBodyLimit::max(max_body);
    // Compressed as they are sent; single charts are kept so.
    let compressed = Router::new()
        .route("/openapi.json", get(openapi::document))
        .route("/api/v1/acg/features", get(acg::features))
        .route("/api/v1/acg/schema", get(acg::schema))
        .route("/api/v1/acg/batch", post(acg::batch).layer(limited()))
        .route("/api/v1/acg/animate", post(acg::animate).layer(limited()));
    let router = Router::new()
        .route("/", get(home::page))
        .route("/health", get(health::health))
        .route("/metrics", get(stats::metrics))
        .route("/api/v1/cache/stats", get(stats::stats))
        .route("/api/v1/cache/invalidate", post(outdate::invalidate).layer(limited()))
        .route("/api/v1/cache/expire", post(outdate::expire).layer(limited()))
        .route(
            "/api/v1/cache/entries/{namespace}/{*key}",
            get(entries::get).delete(entries::delete).merge(put(entries::put).layer(limited())),
        )
        .route("/api/v1/cache/explain/{namespace}/{*key}", get(explain::explain))
        .route("/api/v1/cache/warm", post(warm::warm).layer(limited()))
        .route("/api/v1/config/reload", post(config::reload).layer(limited()))
        .route("/api/v1/events", get(explain::events))
        .route(
            "/api/v1/acg/lines",
            get(acg::lines_of_query).merge(post(acg::lines).layer(limited())),
        )
        .merge(compressed.layer(CompressionLayer::new().quality(CompressionLevel::Precise(3))))
        .route("/api/v1/acg/status", get(acg::status))
        .route("/api/v1/market/bars/{symbol}", get(market::bars))
        .route("/api/v1/market/data", get(data::data))
        .route("/api/v1/market/status", get(data::status))
        .route("/api/v1/market/types", get(data::types))
        .route("/api/v1/market/quality/{symbol}", get(quality::quality))
        .route("/api/v1/market/scan", post(scan::scan).layer(limited()))
        .fallback(async || ApiError::new(StatusCode::NOT_FOUND, NO_SUCH_PATH));
    let router = match app.settings().server.allow_origins.is_empty() {
        true => router,
        false => router.layer(from_fn_with_state(app.clone(), guard)).layer(cors(app)),
    };
    router.with_state(app.clone())
}
