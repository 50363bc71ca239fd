//! POST `/api/v1/config/reload`.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;

use crate::app::{App, ReloadError};
use crate::error::{ApiError, ApiResult};
use crate::routes::Json;

#[derive(Debug, Serialize)]
pub(crate) struct Reloaded {
    /// The settings that are different now.
    changed: Vec<String>,
}

pub(crate) async fn reload(State(app): State<App>) -> ApiResult<Json<Reloaded>> {
    match app.reload().await {
        Ok(changed) => Ok(Json(Reloaded { changed })),
        Err(error @ ReloadError::Config(_)) => {
            Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()))
        }
        Err(error) => Err(ApiError::new(StatusCode::CONFLICT, error.to_string())),
    }
}
