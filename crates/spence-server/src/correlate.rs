//! Correlation ids: one for each request, the caller's own if it sends one, echoed in the answer.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;

use crate::app::App;

/// The header that carries the id.
pub(crate) const CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");

/// What the service calls itself; the command line knows it by this.
const SERVER: &str = concat!("spence/", env!("CARGO_PKG_VERSION"));

const MAX_BYTES: usize = 128;

/// Puts the id on the request's log lines and on its answer.
pub(crate) async fn correlate(State(app): State<App>, request: Request, next: Next) -> Response {
    let given = request.headers().get(&CORRELATION_ID).filter(|id| {
        id.len() <= MAX_BYTES && !id.is_empty() && id.as_bytes().iter().all(u8::is_ascii_graphic)
    });
    let id = given.cloned().unwrap_or_else(|| new_id(app.now_ms()));
    let shown = id.to_str().unwrap_or_default().to_owned();
    let span = tracing::info_span!("request", correlation_id = shown);
    let took = app.clock().stopwatch();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut response = async {
        let response = next.run(request).await;
        // The path may hold a key, so it is for the finer log only.
        tracing::debug!(%method, path, status = response.status().as_u16(), took = ?took.elapsed(), "http");
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
    let hash = xxhash_rust::xxh3::xxh3_64_with_seed(&number.to_le_bytes(), now_ms);
    HeaderValue::from_str(&format!("{hash:016x}")).expect("hexadecimal digits")
}
