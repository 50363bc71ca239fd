//! The HTTP side: routes, limits, latency.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use spence::Clock;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::bar::Bar;
use crate::calls::Calls;
use crate::fault::{FaultRate, strikes};
use crate::history::Universe;
use crate::struck::strike;
use crate::wire::{Aggregate, Aggregates, CallCounts, Failure};

const DEFAULT_LIMIT: usize = 5_000;
const MAX_LIMIT: usize = 50_000;

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
    /// The last session of synthetic histories. Default: the last weekday before today in New
    /// York.
    pub last_session: Option<Date>,
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

struct Shared {
    options: FeedOptions,
    new_york: TimeZone,
    limiter: Option<DefaultDirectRateLimiter>,
    calls: Arc<Calls>,
    requests: AtomicU64,
}

impl Feed {
    /// Serves on `address`; port 0 picks a free one.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn start(address: SocketAddr, options: FeedOptions) -> io::Result<Self> {
        let new_york = TimeZone::get("America/New_York").map_err(io::Error::other)?;
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let calls = Arc::new(Calls::default());
        let limiter =
            options.calls_per_second.map(|rate| RateLimiter::direct(Quota::per_second(rate)));
        let (calls_seen, requests) = (Arc::clone(&calls), AtomicU64::new(0));
        let shared = Shared { options, new_york, limiter, calls: calls_seen, requests };
        let router = Router::new()
            .route(
                "/v2/aggs/ticker/{ticker}/range/{multiplier}/{timespan}/{from}/{to}",
                get(aggregates),
            )
            .route("/__feed/calls", get(call_counts))
            .fallback(unknown)
            .with_state(Arc::new(shared));
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

/// A refusal: the status, and what the provider would say.
struct Refusal(StatusCode, &'static str, String);

#[derive(Debug)]
struct Range {
    from: Date,
    to: Date,
    adjusted: bool,
    descending: bool,
    limit: usize,
    /// Rows that came before, on other pages.
    cursor: usize,
}

async fn aggregates(
    State(shared): State<Arc<Shared>>,
    Path((ticker, multiplier, timespan, from, to)): Path<(String, String, String, String, String)>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    shared.options.clock.sleep(shared.options.latency).await;
    let answer = shared.admit(&query, &headers).and_then(|()| {
        if multiplier != "1" || timespan != "day" {
            let what = format!("this feed has daily bars only, not {multiplier}/{timespan}");
            return Err(Refusal(StatusCode::BAD_REQUEST, "ERROR", what));
        }
        let range = shared.range(&from, &to, &query)?;
        Ok(shared.answer(ticker, &range))
    });
    let call = shared.calls.total();
    let struck = strikes(&shared.options.faults, shared.options.seed, call);
    let response = match (answer, struck) {
        (Ok(answer), Some((fault, how))) => strike(fault, how, answer, &shared.options.clock),
        (Ok(answer), None) => Json(answer).into_response(),
        (Err(refusal), _) => shared.refuse(refusal),
    };
    shared.calls.count(response.status().as_u16());
    response
}

async fn call_counts(State(shared): State<Arc<Shared>>) -> Json<CallCounts> {
    let calls = &shared.calls;
    Json(CallCounts {
        calls: calls.total(),
        answered: calls.answered(),
        limited: calls.limited(),
        refused: calls.refused(),
    })
}

async fn unknown(State(shared): State<Arc<Shared>>) -> Response {
    shared.calls.count(404);
    shared.refuse(Refusal(StatusCode::NOT_FOUND, "NOT_FOUND", "no such path".into()))
}

/// Where the next page is: as the provider gives it, with its own host and without the key.
fn next_url(ticker: &str, range: &Range, cursor: usize) -> String {
    let Range { from, to, adjusted, limit, .. } = range;
    let sort = if range.descending { "desc" } else { "asc" };
    format!(
        "https://api.polygon.io/v2/aggs/ticker/{ticker}/range/1/day/{from}/{to}\
         ?adjusted={adjusted}&sort={sort}&limit={limit}&cursor={cursor}"
    )
}

impl Shared {
    fn admit(&self, query: &HashMap<String, String>, headers: &HeaderMap) -> Result<(), Refusal> {
        if let Some(key) = &self.options.api_key {
            let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
            let bearer = bearer.and_then(|value| value.strip_prefix("Bearer "));
            let given = bearer.or_else(|| query.get("apiKey").map(String::as_str));
            if given != Some(key) {
                let what = "Unknown API Key".to_owned();
                return Err(Refusal(StatusCode::UNAUTHORIZED, "ERROR", what));
            }
        }
        match &self.limiter {
            Some(limiter) if limiter.check().is_err() => Err(Refusal(
                StatusCode::TOO_MANY_REQUESTS,
                "ERROR",
                "You've exceeded the maximum requests per minute, please wait or upgrade your \
                 subscription to continue."
                    .to_owned(),
            )),
            _ => Ok(()),
        }
    }

    fn range(
        &self,
        from: &str,
        to: &str,
        query: &HashMap<String, String>,
    ) -> Result<Range, Refusal> {
        let wrong = |what: String| Refusal(StatusCode::BAD_REQUEST, "ERROR", what);
        let date = |name: &str, text: &str| {
            let of_millis = || {
                let time = Timestamp::from_millisecond(text.parse().ok()?).ok()?;
                Some(time.to_zoned(self.new_york.clone()).date())
            };
            text.parse::<Date>().ok().or_else(of_millis).ok_or_else(|| {
                wrong(format!("Could not parse the time parameter: '{name}'. Use YYYY-MM-DD or Unix MS Timestamps"))
            })
        };
        let limit = match query.get("limit").map(|limit| limit.parse::<usize>()) {
            None => DEFAULT_LIMIT,
            Some(Ok(limit)) if (1..=MAX_LIMIT).contains(&limit) => limit,
            Some(_) => return Err(wrong(format!("limit must be between 1 and {MAX_LIMIT}"))),
        };
        let cursor = match query.get("cursor").map(|cursor| cursor.parse::<usize>()) {
            None => 0,
            Some(Ok(cursor)) => cursor,
            Some(Err(_)) => return Err(wrong("cursor is not one of ours".to_owned())),
        };
        let (from, to) = (date("from", from)?, date("to", to)?);
        if to < from {
            return Err(wrong(
                "The parameter 'to' cannot be a time that occurs before 'from'".into(),
            ));
        }
        Ok(Range {
            from,
            to,
            adjusted: query.get("adjusted").is_none_or(|adjusted| adjusted != "false"),
            descending: query.get("sort").is_some_and(|sort| sort == "desc"),
            limit,
            cursor,
        })
    }

    fn answer(&self, ticker: String, range: &Range) -> Aggregates {
        let universe = Universe::new(self.options.seed, self.last_session());
        let mut bars = universe.bars(&ticker, range.from, range.to, range.adjusted);
        if range.descending {
            bars.reverse();
        }
        bars.truncate(range.limit);
        bars.drain(..range.cursor.min(bars.len()));
        let page = self.options.page_rows.unwrap_or(usize::MAX).max(1);
        let next_url = (bars.len() > page).then(|| next_url(&ticker, range, range.cursor + page));
        bars.truncate(page);
        Aggregates {
            ticker,
            query_count: bars.len(),
            results_count: bars.len(),
            adjusted: range.adjusted,
            count: bars.len(),
            results: bars.iter().map(|bar| self.aggregate(bar)).collect(),
            status: "OK",
            request_id: self.request_id(),
            next_url,
        }
    }

    fn aggregate(&self, bar: &Bar) -> Aggregate {
        let midnight = bar.date.to_zoned(self.new_york.clone());
        Aggregate {
            v: bar.volume,
            vw: ((bar.high + bar.low + bar.close) / 3.0 * 1e4).round() / 1e4,
            o: bar.open,
            c: bar.close,
            h: bar.high,
            l: bar.low,
            t: midnight.map_or(0, |midnight| midnight.timestamp().as_millisecond()),
            n: (bar.volume / 180.0) as u64 + 1,
        }
    }

    fn last_session(&self) -> Date {
        self.options.last_session.unwrap_or_else(|| {
            let now_ms = i64::try_from(self.options.clock.unix_ms()).unwrap_or(i64::MAX);
            let now = Timestamp::from_millisecond(now_ms).unwrap_or(Timestamp::MAX);
            let today = now.to_zoned(self.new_york.clone()).date();
            today.checked_sub(1.day()).unwrap_or(today)
        })
    }

    fn refuse(&self, Refusal(status, word, error): Refusal) -> Response {
        let request_id = self.request_id();
        let mut response =
            (status, Json(Failure { status: word, request_id, error })).into_response();
        if status == StatusCode::TOO_MANY_REQUESTS {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }

    fn request_id(&self) -> String {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let hash =
            twox_hash::XxHash3_64::oneshot_with_seed(self.options.seed, &number.to_le_bytes());
        format!("{hash:016x}{number:016x}")
    }
}
