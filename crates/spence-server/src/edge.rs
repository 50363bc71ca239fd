//! The edge of the service, which every request passes on its way in and out: who it is (a
//! correlation id), whether it may come in, and one shape for every error. All three in one place
//! around the router, since a layer inside of it costs every request a copy of what is behind it.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use tower::{Service, ServiceExt};
use tracing::Instrument;

use crate::app::App;
use crate::error::shape;
use crate::guard::refusal;
use crate::limit::Limit;
use crate::router::router;
use crate::routes::entries;

/// The header that carries the id: the caller's own if it sends one.
pub(crate) const CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");

/// What the service calls itself; the command line knows it by this.
const SERVER: &str = concat!("spence/", env!("CARGO_PKG_VERSION"));

/// The longest id that is taken over from a client.
const MAX_BYTES: usize = 128;

/// The service as a tower service, to be put on a socket or called directly. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Edge {
    app: App,
    router: Router,
    limit: Option<Arc<Limit>>,
}

impl Edge {
    /// The service of `app`.
    #[must_use]
    pub fn new(app: App) -> Self {
        let limit = app.settings().server.rate_limit.map(Limit::new).map(Arc::new);
        Self { router: router(&app), app, limit }
    }

    /// Whether it has to know who asks.
    pub(crate) fn is_limited(&self) -> bool {
        self.limit.is_some()
    }

    async fn answer(self, request: Request) -> Response {
        let given = request.headers().get(&CORRELATION_ID).filter(|id| {
            id.len() <= MAX_BYTES
                && !id.is_empty()
                && id.as_bytes().iter().all(u8::is_ascii_graphic)
        });
        let id = given.cloned().unwrap_or_else(|| new_id(self.app.now_ms()));
        let shown = id.to_str().unwrap_or_default();
        let span = tracing::info_span!("request", correlation_id = shown);
        let took = self.app.clock().stopwatch();
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let mut response = async {
            let response = self.admit(request).await;
            let response = match method == Method::HEAD {
                true => response,
                false => shape(&self.app, &uri, response).await,
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

    /// Refuses a request, or answers it.
    async fn admit(&self, request: Request) -> Response {
        if let Some(limit) = &self.limit
            && let Some(ConnectInfo(address)) =
                request.extensions().get::<ConnectInfo<SocketAddr>>()
            && let Some(refusal) = limit.refusal(address.ip())
        {
            return refusal;
        }
        if !self.app.settings().server.allow_origins.is_empty() {
            // The guard stands behind the layer that answers the questions of browsers.
            return self.route(request).await;
        }
        if let Some(refusal) = refusal(&self.app, request.headers(), request.uri()) {
            return refusal;
        }
        // What is asked for most needs no router, which would copy the path and itself first.
        match entries::plain(request.method(), request.uri()) {
            Some((namespace, key)) => {
                let known = request.headers().get(header::IF_NONE_MATCH);
                let entry = entries::entry(&self.app, namespace, key.to_owned(), known).await;
                entry.unwrap_or_else(IntoResponse::into_response)
            }
            None => self.route(request).await,
        }
    }

    async fn route(&self, request: Request) -> Response {
        let Ok(response) = self.router.clone().oneshot(request).await;
        response
    }
}

impl Service<Request> for Edge {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let edge = self.clone();
        Box::pin(async move { Ok(edge.answer(request).await) })
    }
}

/// Sixteen hexadecimal digits.
fn new_id(now_ms: u64) -> HeaderValue {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let hash = twox_hash::XxHash3_64::oneshot_with_seed(now_ms, &number.to_le_bytes());
    let digit = |at: usize| match (hash >> (60 - 4 * at)) as u8 & 0xF {
        low @ 0..10 => b'0' + low,
        high => b'a' - 10 + high,
    };
    let digits: [u8; 16] = std::array::from_fn(digit);
    HeaderValue::from_bytes(&digits).expect("hexadecimal digits")
}
