//! The service on a socket.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::ServiceExt;
use tokio::net::TcpListener;

use crate::app::App;
use crate::edge::Edge;

/// How long requests that are under way may take to end once the service is told to stop.
const GRACE: Duration = Duration::from_secs(10);

/// Serves on `listener` until `stop` completes; then takes no more connections, lets the requests
/// under way end, and closes the engine.
///
/// # Errors
/// When the socket fails.
pub async fn serve(
    app: App,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let stopping = app.clone();
    let until = async move {
        stop.await;
        stopping.stop();
    };
    let edge = Edge::new(app.clone());
    let serving = if edge.is_limited() {
        let edge = edge.into_make_service_with_connect_info::<SocketAddr>();
        let serving = axum::serve(listener, edge).with_graceful_shutdown(until);
        tokio::spawn(serving.into_future())
    } else {
        let serving = axum::serve(listener, edge.into_make_service());
        tokio::spawn(serving.with_graceful_shutdown(until).into_future())
    };
    let ahead = app.settings().market.refresh_ahead.then(|| {
        let market = app.market().clone();
        tokio::spawn(async move { market.keep_ahead().await })
    });
    let mut told = app.stopping();
    let clock = app.clock().clone();
    let overdue = async move {
        // The sender lives as long as the service.
        drop(told.wait_for(|stopping| *stopping).await);
        clock.sleep(GRACE).await;
    };
    let served = tokio::select! {
        served = serving => served.unwrap_or_else(|error| Err(io::Error::other(error))),
        () = overdue => {
            tracing::warn!("requests did not end within {GRACE:?}");
            Ok(())
        }
    };
    if let Some(ahead) = ahead {
        ahead.abort();
    }
    app.close().await;
    served
}
