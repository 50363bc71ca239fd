//! GET `/health`.

use axum::extract::State;

use crate::app::App;
use crate::providers::Origin;
use crate::routes::Json;
use crate::wire::{Health, OriginHealth, RedisHealth, TierHealth, Tiers};

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
    let origins = match app.origin() {
        Origin::DemoFeed(feed) => vec![OriginHealth {
            name: "market".to_owned(),
            kind: "demo-feed",
            base_url: feed.base_url(),
            calls: Some(feed.calls().total()),
        }],
        Origin::Providers(those) => {
            let health = |(name, url): &(String, String)| OriginHealth {
                name: name.clone(),
                kind: "provider",
                base_url: url.clone(),
                calls: None,
            };
            those.iter().map(health).collect()
        }
    };
    let redis: Option<RedisHealth> = snapshot.redis.as_ref().map(Into::into);
    let is_well = !app.disk_failed_lately(snapshot.disk_errors)
        && redis.as_ref().is_none_or(RedisHealth::is_well);
    Json(Health {
        status: if is_well { "ok" } else { "degraded" },
        version: env!("CARGO_PKG_VERSION"),
        uptime_seconds: app.uptime_seconds(),
        tiers: Tiers {
            memory: tier(snapshot.total.memory_bytes, snapshot.memory_budget, 0),
            disk: tier(snapshot.total.disk_bytes, snapshot.disk_budget, snapshot.disk_errors),
            redis,
        },
        origins: origins.into_iter().map(|one| (one.name.clone(), one)).collect(),
    })
}
