//! GET `/health`.

use axum::extract::State;

use crate::app::{App, Origin};
use crate::routes::Json;
use crate::wire::{Health, OriginHealth, Origins, TierHealth, Tiers};

#[utoipa::path(
    get,
    path = "/health",
    tag = "service",
    summary = "State of the tiers and origins; needs no token",
    responses(
        (status = 200, body = Health),
    ),
)]
pub(crate) async fn health(State(app): State<App>) -> Json<Health> {
    let snapshot = app.spence().stats();
    let tier = |bytes, budget_bytes, errors| TierHealth {
        enabled: budget_bytes > 0,
        bytes,
        budget_bytes,
        errors,
    };
    let market = match app.origin() {
        Origin::DemoFeed(feed) => OriginHealth {
            kind: "demo-feed",
            base_url: feed.base_url(),
            calls: Some(feed.calls().total()),
        },
        Origin::Provider(url) => {
            OriginHealth { kind: "provider", base_url: url.clone(), calls: None }
        }
    };
    Json(Health {
        status: if app.disk_failed_lately(snapshot.disk_errors) { "degraded" } else { "ok" },
        version: env!("CARGO_PKG_VERSION"),
        uptime_seconds: app.uptime_seconds(),
        tiers: Tiers {
            memory: tier(snapshot.total.memory_bytes, snapshot.memory_budget, 0),
            disk: tier(snapshot.total.disk_bytes, snapshot.disk_budget, snapshot.disk_errors),
        },
        origins: Origins { market },
    })
}
