//! POST `/api/v1/config/reload`.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::{App, ReloadError};
use crate::error::{ApiError, ApiResult};
use crate::routes::Json;
use crate::wire::ErrorBody;

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Reloaded {
    /// The settings that are different now.
    changed: Vec<String>,
}

#[utoipa::path(
    post,
    path = "/api/v1/config/reload",
    tag = "service",
    summary = "Reads the configuration again",
    responses(
        (status = 200, body = Reloaded),
        (status = 409, description = "it takes a restart", body = ErrorBody),
        (status = 422, description = "it is wrong", body = ErrorBody),
    ),
)]
pub(crate) async fn reload(State(app): State<App>) -> ApiResult<Json<Reloaded>> {
    match app.reload().await {
        Ok(changed) => Ok(Json(Reloaded { changed })),
        Err(error @ ReloadError::Config(_)) => {
            Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()))
        }
        Err(error) => Err(ApiError::new(StatusCode::CONFLICT, error.to_string())),
    }
}
