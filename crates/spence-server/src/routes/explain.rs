//! GET `/api/v1/cache/explain/{namespace}/{key}` and GET `/api/v1/events`.

use std::convert::Infallible;

use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::Stream;
use futures_util::stream;

use crate::app::App;
use crate::error::ApiResult;
use crate::routes::{EntryPath, Json, Segments};
use crate::wire::{ErrorBody, EventBody, ExplanationBody};

#[utoipa::path(
    get,
    path = "/api/v1/cache/explain/{namespace}/{key}",
    tag = "cache",
    summary = "Why a key is served or not",
    params(EntryPath),
    responses(
        (status = 200, body = ExplanationBody),
        (status = "4XX", description = "the input is refused", body = ErrorBody),
    ),
)]
pub(crate) async fn explain(
    State(app): State<App>,
    Segments(EntryPath { namespace, key }): Segments<EntryPath>,
) -> ApiResult<Json<ExplanationBody>> {
    let explanation = app.spence().explain(&namespace, &key).await?;
    Ok(Json(ExplanationBody::from(explanation)))
}

/// What happens, as it happens, until the listener goes away or the service stops.
#[utoipa::path(
    get,
    path = "/api/v1/events",
    tag = "service",
    summary = "What happens, as server-sent events",
    responses(
        (status = 200, content_type = "text/event-stream", body = EventBody),
    ),
)]
pub(crate) async fn events(
    State(app): State<App>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let listening = (app.spence().listen(), app.stopping());
    let events = stream::unfold(listening, async |(mut listener, mut stopping)| {
        let event = tokio::select! {
            event = listener.next() => event?,
            _ = stopping.wait_for(|stopping| *stopping) => return None,
        };
        let body = EventBody::from(&event);
        let data = serde_json::to_string(&body).unwrap_or_default();
        Some((Ok(Event::default().event(body.what).data(data)), (listener, stopping)))
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}
