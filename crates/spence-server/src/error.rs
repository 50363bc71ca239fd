//! Errors as the service tells them: the only place where causes become statuses.
//!
//! A handler returns an [`ApiError`]; [`shape`] gives every error answer, also those that the
//! framework makes itself, the one JSON shape.

use axum::body::{Body, to_bytes};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use spence::ErrorKind;
use spence_acg::{Fault, Problem};
use spence_market::{DataError, InvalidData, InvalidQuestion};

use crate::app::App;
use crate::wire::{ErrorBody, FieldError, timestamp};

/// What is read of a message that the framework made.
const MAX_MESSAGE_BYTES: usize = 1024;

/// The message of a 404 that says nothing of an entry.
pub const NO_SUCH_PATH: &str = "no such path";

/// An error answer.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    status: StatusCode,
    message: String,
    fields: Vec<FieldError>,
}

pub(crate) type ApiResult<T> = Result<T, ApiError>;

impl ApiError {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), fields: Vec::new() }
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// As it is told.
    pub(crate) fn body(self, path: &str, now_ms: u64) -> ErrorBody {
        ErrorBody {
            timestamp: timestamp(now_ms),
            status: self.status.as_u16(),
            error: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            message: self.message,
            path: path.to_owned(),
            errors: self.fields,
        }
    }

    /// The same error in other words.
    pub(crate) fn saying(self, message: impl Into<String>) -> Self {
        Self { message: message.into(), ..self }
    }

    /// An argument that the engine refused; its messages begin with what they are about.
    fn argument(message: &str) -> Self {
        let word = message.split([':', ' ']).next().unwrap_or_default();
        let known = ["namespace", "key", "tag", "tags", "prefix", "glob", "ttl"];
        Self::field(known.iter().find(|known| **known == word).unwrap_or(&"request"), message)
    }

    /// An argument that cannot be used.
    pub(crate) fn field(field: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        let field = if field.is_empty() || field == "?" { "body" } else { field };
        let fields = vec![FieldError { field: field.to_owned(), message: message.clone() }];
        Self { status: StatusCode::BAD_REQUEST, message, fields }
    }
}

/// What is wrong with a chart; of several kinds the plainest decides.
impl From<Vec<Problem>> for ApiError {
    fn from(problems: Vec<Problem>) -> Self {
        let has = |fault| problems.iter().any(|problem| problem.fault == fault);
        let status = if has(Fault::Invalid) {
            StatusCode::BAD_REQUEST
        } else if has(Fault::UnknownBody) {
            StatusCode::NOT_FOUND
        } else {
            StatusCode::CONFLICT
        };
        let message = Problem::in_words(&problems);
        let field = |Problem { field, message, .. }| FieldError { field, message };
        Self { status, message, fields: problems.into_iter().map(field).collect() }
    }
}

impl From<spence::Error> for ApiError {
    fn from(error: spence::Error) -> Self {
        let status = match error.kind() {
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            ErrorKind::InvalidArgument => return Self::argument(&error.to_string()),
            ErrorKind::Conflict => StatusCode::CONFLICT,
            ErrorKind::Origin => StatusCode::BAD_GATEWAY,
            ErrorKind::Deadline => StatusCode::GATEWAY_TIMEOUT,
            ErrorKind::Storage | ErrorKind::Closed => StatusCode::SERVICE_UNAVAILABLE,
            // A panic in a fill, and kinds to come.
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, error.to_string())
    }
}

impl From<InvalidQuestion> for ApiError {
    fn from(error: InvalidQuestion) -> Self {
        Self::field(error.field(), error.to_string())
    }
}

impl From<DataError> for ApiError {
    fn from(error: DataError) -> Self {
        match error {
            DataError::Invalid(invalid) => Self::field(&invalid.field, invalid.to_string()),
            DataError::Failed(error) => error.into(),
            // What it takes is in the configuration, not in the question.
            unserved => Self::new(StatusCode::CONFLICT, unserved.to_string()),
        }
    }
}

impl From<InvalidData> for ApiError {
    fn from(error: InvalidData) -> Self {
        DataError::from(error).into()
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Gives every error answer its shape.
pub(crate) async fn shape(app: &App, uri: &Uri, mut response: Response) -> Response {
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let error = match response.extensions_mut().remove::<ApiError>() {
        Some(error) => error,
        None if status == StatusCode::PAYLOAD_TOO_LARGE => {
            let most = app.settings().server.max_body;
            ApiError::new(status, format!("the body is larger than max_body, {most} bytes"))
        }
        None => {
            let body = std::mem::replace(response.body_mut(), Body::empty());
            let text = to_bytes(body, MAX_MESSAGE_BYTES).await.unwrap_or_default();
            let text = String::from_utf8_lossy(&text).trim().to_owned();
            ApiError::new(status, if text.is_empty() { default_message(status) } else { text })
        }
    };
    let body = error.body(uri.path(), app.now_ms());
    let text = serde_json::to_string(&body).unwrap_or_default();
    let mut headers = std::mem::take(response.headers_mut());
    headers.remove(header::CONTENT_LENGTH);
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    let mut shaped = (status, text).into_response();
    shaped.headers_mut().extend(headers);
    shaped
}

fn default_message(status: StatusCode) -> String {
    match status {
        StatusCode::NOT_FOUND => NO_SUCH_PATH.to_owned(),
        StatusCode::METHOD_NOT_ALLOWED => "this path does not take that method".to_owned(),
        other => other.canonical_reason().unwrap_or("error").to_lowercase(),
    }
}
