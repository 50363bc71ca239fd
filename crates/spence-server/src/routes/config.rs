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
    // In a task of its own: a caller that goes away must not leave it half done.
    let reloading = tokio::spawn(async move { app.reload().await });
    let reloaded = reloading
        .await
        .map_err(|error| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    match reloaded {
        Ok(changed) => Ok(Json(Reloaded { changed })),
        Err(error @ ReloadError::Config(_)) => {
            Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()))
        }
        Err(error) => Err(ApiError::new(StatusCode::CONFLICT, error.to_string())),
    }
}
