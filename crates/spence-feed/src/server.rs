//! The HTTP side: where what is asked, and how the feed is started.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::{Json, Response};
use axum::routing::get;
use jiff::civil::Date;
use spence::Clock;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::calls::Calls;
use crate::desk::Desk;
use crate::fault::FaultRate;
use crate::wire::CallCounts;
use crate::{aggregates, fred, reference, status};

/// How the feed behaves.
#[derive(Debug, Clone)]
pub struct FeedOptions {
    /// How long each answer takes. Default none.
    pub latency: Duration,
    /// Calls per second, beyond which the answer is 429. Default unlimited.
    pub calls_per_second: Option<NonZeroU32>,
    /// Faults, each with its probability. Default none.
    pub faults: Vec<FaultRate>,
    /// Rows of a page at most, whatever `limit` a call asks for; more are at the answer's
    /// `next_url`. Default: no pages.
    pub page_rows: Option<usize>,
    /// What synthetic histories follow from. Default 1.
    pub seed: u64,
    /// The key that calls must carry. Default none.
    pub api_key: Option<String>,
    /// The last session of synthetic histories, settled. Default: the newest that has begun, with
    /// what there is of it.
    pub last_session: Option<Date>,
    /// How long after the close figures may still change. Default 15 minutes.
    pub settle: Duration,
    /// How many symbols are listed: those of grouped bars and of the reference. Default 5,000.
    pub symbols: usize,
    /// The source of time.
    pub clock: Clock,
}

impl Default for FeedOptions {
    fn default() -> Self {
        Self {
            latency: Duration::ZERO,
            calls_per_second: None,
            faults: Vec::new(),
            page_rows: None,
            seed: 1,
            api_key: None,
            last_session: None,
            settle: Duration::from_secs(15 * 60),
            symbols: 5_000,
            clock: Clock::system(),
        }
    }
}

/// A running feed. It stops when this is dropped.
#[derive(Debug)]
pub struct Feed {
    address: SocketAddr,
    calls: Arc<Calls>,
    _stop: oneshot::Sender<()>,
}

impl Feed {
    /// Serves on `address`; port 0 picks a free one.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn start(address: SocketAddr, options: FeedOptions) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let calls = Arc::new(Calls::default());
        let desk = Arc::new(Desk::new(options, Arc::clone(&calls))?);
        let router = Router::new()
            .route(
                "/v2/aggs/ticker/{ticker}/range/{multiplier}/{timespan}/{from}/{to}",
                get(aggregates::range),
            )
            .route("/v2/aggs/grouped/locale/us/market/stocks/{date}", get(aggregates::grouped))
            .route("/v3/reference/tickers", get(reference::tickers))
            .route("/v3/reference/splits", get(reference::splits))
            .route("/v3/reference/dividends", get(reference::dividends))
            .route("/fred/series/observations", get(fred::observations))
            .route("/v1/marketstatus/now", get(status::now))
            .route("/v1/marketstatus/upcoming", get(status::upcoming))
            .route("/__feed/calls", get(call_counts))
            .fallback(unknown)
            .with_state(desk);
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(async move {
            let until = async {
                // Sent or dropped: either way it is over.
                drop(stopped.await);
            };
            drop(axum::serve(listener, router).with_graceful_shutdown(until).await);
        });
        Ok(Self { address, calls, _stop: stop })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What to give a client as the base URL.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How often it was called.
    #[must_use]
    pub fn calls(&self) -> &Calls {
        &self.calls
    }
}

async fn call_counts(State(desk): State<Arc<Desk>>) -> Json<CallCounts> {
    Json(desk.call_counts())
}

async fn unknown(State(desk): State<Arc<Desk>>) -> Response {
    desk.no_such_path()
}
