//! The edge of the service, which every request passes on its way in and out: who it is (a
//! correlation id), whether it may come in, and one shape for every error. One layer for all
//! three, since each layer costs every request a copy of the service behind it.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;

use crate::app::App;
use crate::error::shape;
use crate::guard::admit;

/// The header that carries the id: the caller's own if it sends one.
pub(crate) const CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");

/// What the service calls itself; the command line knows it by this.
const SERVER: &str = concat!("spence/", env!("CARGO_PKG_VERSION"));

/// The longest id that is taken over from a client.
const MAX_BYTES: usize = 128;

/// Lets a request in, and its answer out. Where pages of other origins may call, the guard has a
/// layer of its own, behind the one that answers their browsers' questions.
pub(crate) async fn edge(State(app): State<App>, request: Request, next: Next) -> Response {
    let given = request.headers().get(&CORRELATION_ID).filter(|id| {
        id.len() <= MAX_BYTES && !id.is_empty() && id.as_bytes().iter().all(u8::is_ascii_graphic)
    });
    let id = given.cloned().unwrap_or_else(|| new_id(app.now_ms()));
    let shown = id.to_str().unwrap_or_default();
    let span = tracing::info_span!("request", correlation_id = shown);
    let took = app.clock().stopwatch();
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let mut response = async {
        let response = match app.settings().server.allow_origins.is_empty() {
            true => admit(&app, request, next).await,
            false => next.run(request).await,
        };
        let response = match method == Method::HEAD {
            true => response,
            false => shape(&app, &uri, response).await,
        };
        // The path may hold a key, so it is for the finer log only.
        let (path, status) = (uri.path(), response.status().as_u16());
        tracing::debug!(%method, path, status, took = ?took.elapsed(), "http");
        response
    }
    .instrument(span)
    .await;
    response.headers_mut().insert(CORRELATION_ID, id);
    response.headers_mut().insert(header::SERVER, HeaderValue::from_static(SERVER));
    response
}

fn new_id(now_ms: u64) -> HeaderValue {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let hash = twox_hash::XxHash3_64::oneshot_with_seed(now_ms, &number.to_le_bytes());
    HeaderValue::try_from(format!("{hash:016x}")).expect("hexadecimal digits")
}
