//! POST `/api/v1/cache/invalidate` and `/api/v1/cache/expire`.

use axum::extract::State;

use crate::app::App;
use crate::error::{ApiError, ApiResult};
use crate::routes::Json;
use crate::wire::{ErrorBody, ReachBody, Reached, TargetBody};

/// What is done to the target.
enum Verb {
    Invalidate,
    Expire,
}

#[utoipa::path(
    post,
    path = "/api/v1/cache/invalidate",
    tag = "cache",
    summary = "Never serves again what is held now",
    request_body = TargetBody,
    responses(
        (status = 200, body = Reached),
        (status = "4XX", description = "the input is refused", body = ErrorBody),
        (status = 503, description = "the disk could not record it", body = ErrorBody),
    ),
)]
pub(crate) async fn invalidate(
    State(app): State<App>,
    Json(body): Json<TargetBody>,
) -> ApiResult<Json<Reached>> {
    outdate(&app, body, Verb::Invalidate).await
}

#[utoipa::path(
    post,
    path = "/api/v1/cache/expire",
    tag = "cache",
    summary = "Ends the freshness of what is held now",
    request_body = TargetBody,
    responses(
        (status = 200, body = Reached),
        (status = "4XX", description = "the input is refused", body = ErrorBody),
        (status = 503, description = "the disk could not record it", body = ErrorBody),
    ),
)]
pub(crate) async fn expire(
    State(app): State<App>,
    Json(body): Json<TargetBody>,
) -> ApiResult<Json<Reached>> {
    outdate(&app, body, Verb::Expire).await
}

async fn outdate(app: &App, body: TargetBody, verb: Verb) -> ApiResult<Json<Reached>> {
    let invalid = |(field, message): (&str, &str)| ApiError::field(field, message);
    let target = body.clone().target().map_err(invalid)?;
    if body.dry_run {
        let reach = app.spence().reach(&target).await?;
        let would_reach = ReachBody {
            memory_entries: reach.memory,
            disk_entries: reach.disk,
            exact: reach.exact,
        };
        return Ok(Json(Reached::dry(would_reach, body)));
    }
    let scope = match verb {
        Verb::Invalidate => app.spence().invalidate(&target).await?,
        Verb::Expire => app.spence().expire(&target).await?,
    };
    Ok(Json(Reached::done(scope, body)))
}
