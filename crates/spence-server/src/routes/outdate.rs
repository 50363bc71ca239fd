//! POST `/api/v1/cache/invalidate` and `/api/v1/cache/expire`.

use axum::extract::State;
use spence::Target;

use crate::app::App;
use crate::error::{ApiError, ApiResult};
use crate::routes::Json;
use crate::wire::{Reached, TargetBody};

pub(crate) async fn invalidate(
    State(app): State<App>,
    Json(body): Json<TargetBody>,
) -> ApiResult<Json<Reached>> {
    let scope = app.spence().invalidate(&target(&body)?).await?;
    Ok(Json(Reached { scope: scope.as_str(), target: body }))
}

pub(crate) async fn expire(
    State(app): State<App>,
    Json(body): Json<TargetBody>,
) -> ApiResult<Json<Reached>> {
    let scope = app.spence().expire(&target(&body)?).await?;
    Ok(Json(Reached { scope: scope.as_str(), target: body }))
}

fn target(body: &TargetBody) -> ApiResult<Target> {
    body.clone().target().map_err(|(field, message)| ApiError::field(field, message))
}
