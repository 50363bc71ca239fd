//! One question to the provider: within the rate, with a time limit for each try, and again if it
//! may well be answered the next time.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use parking_lot::Mutex;
use reqwest::header::RETRY_AFTER;
use spence::{Clock, Error, Spence, Stopwatch};

use crate::answer::read;
use crate::budget::Budget;
use crate::error::ProviderError;
use crate::wire::Reply;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Between the first try and the second; doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// The longest answer that is read.
const MAX_BODY_BYTES: usize = 64 << 20;
/// A try may take this part of the whole time, so that there is time for others.
const TRY_PART: u32 = 8;
const LEAST_TRY: Duration = Duration::from_millis(250);

/// What nobody who pays by the month should exceed, says the provider, is a hundred a second.
const USUAL_RATE: NonZeroU32 = NonZeroU32::new(90).unwrap();
const USUAL_BURST: NonZeroU32 = NonZeroU32::new(10).unwrap();

/// The buckets of all keys that this process uses, by provider and key: one a key, whoever calls.
static BUCKETS: LazyLock<Mutex<HashMap<Account, Bucket>>> = LazyLock::new(Mutex::default);

/// Base URL, key, and what tells one rate from another.
type Account = (String, Option<String>, NonZeroU32);

type Bucket = Arc<DefaultDirectRateLimiter>;

/// Makes the calls.
#[derive(Clone)]
pub(crate) struct Caller {
    http: reqwest::Client,
    base_url: String,
    api_key: Option<String>,
    key_goes: KeyGoes,
    bucket: Option<Bucket>,
    budget: Option<Budget>,
}

/// How a key is told to its provider.
#[derive(Debug, Clone, Copy)]
pub(crate) enum KeyGoes {
    /// `Authorization: Bearer`.
    AsBearer,
    /// As a parameter of this name.
    InQuery(&'static str),
}

/// How long a question may take, and what it has taken so far.
#[derive(Debug)]
pub struct Patience {
    clock: Clock,
    since: Stopwatch,
    limit: Duration,
    calls: Arc<AtomicU32>,
}

/// How many calls were made on behalf of somebody; clones count together.
#[derive(Debug, Clone, Default)]
pub(crate) struct CallCount(Arc<AtomicU32>);

impl CallCount {
    pub(crate) fn add(&self, patience: &Patience) {
        self.0.fetch_add(patience.calls(), Ordering::Relaxed);
    }

    pub(crate) fn total(&self) -> usize {
        self.0.load(Ordering::Relaxed) as usize
    }
}

impl Patience {
    pub(crate) fn new(clock: &Clock, limit: Duration) -> Self {
        let calls = Arc::default();
        Self { clock: clock.clone(), since: clock.stopwatch(), limit, calls }
    }

    /// One of so many equal parts of what is left; calls count for the whole.
    pub(crate) fn part(&self, of: u32) -> Self {
        let (clock, calls) = (self.clock.clone(), Arc::clone(&self.calls));
        Self { since: clock.stopwatch(), clock, limit: self.left() / of.max(1), calls }
    }

    /// How many calls were made.
    pub(crate) fn calls(&self) -> u32 {
        self.calls.load(Ordering::Relaxed)
    }

    /// The time that is left.
    #[must_use]
    pub fn left(&self) -> Duration {
        self.limit.saturating_sub(self.since.elapsed())
    }

    /// Says that a call was made.
    pub fn count_call(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    /// Waits, if there is time to do something after it.
    async fn pause(&self, pause: Duration) -> bool {
        if pause >= self.left() {
            return false;
        }
        self.clock.sleep(pause).await;
        true
    }
}

impl Caller {
    /// Calls what is at `base_url`.
    pub(crate) fn new(
        base_url: &str,
        api_key: Option<&str>,
        key_goes: KeyGoes,
    ) -> Result<Self, ProviderError> {
        install_tls();
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            // Whoever answers in the provider's stead is not the provider.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("spence/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| ProviderError::Setup(error.to_string()))?;
        let base_url = base_url.trim_end_matches('/').to_owned();
        let api_key = api_key.map(str::to_owned);
        let mut caller = Self { http, base_url, api_key, key_goes, bucket: None, budget: None };
        caller.limit_to(Quota::per_second(USUAL_RATE).allow_burst(USUAL_BURST));
        Ok(caller)
    }

    pub(crate) fn base_url(&self) -> &str {
        &self.base_url
    }

    pub(crate) fn limit(&mut self, calls_per_minute: NonZeroU32) {
        self.limit_to(Quota::per_minute(calls_per_minute));
    }

    pub(crate) fn limit_days(&mut self, calls_per_day: NonZeroU32) {
        self.budget = Some(Budget::of(calls_per_day));
    }

    pub(crate) fn budget(&self) -> Option<&Budget> {
        self.budget.as_ref()
    }

    /// Keeps what is spent with this key in `spence`.
    pub(crate) fn keep_in(&self, spence: &Spence) -> Result<(), Error> {
        let Some(budget) = &self.budget else { return Ok(()) };
        // Another key of the same provider has its own calls; none can be told from this.
        let key = self.api_key.as_deref().unwrap_or_default();
        let key = twox_hash::XxHash3_64::oneshot(key.as_bytes());
        budget.keep_in(spence, &format!("{} {key:016x}", self.base_url))
    }

    fn limit_to(&mut self, quota: Quota) {
        let key = (self.base_url.clone(), self.api_key.clone(), quota.burst_size());
        let new = || Arc::new(RateLimiter::direct(quota));
        self.bucket = Some(Arc::clone(BUCKETS.lock().entry(key).or_insert_with(new)));
    }

    /// Asks until `understand` makes something of an answer, or it makes no sense to go on.
    pub(crate) async fn call<A: Reply, T>(
        &self,
        path: &str,
        patience: &Patience,
        understand: impl Fn(A) -> Result<T, ProviderError>,
    ) -> Result<T, ProviderError> {
        let mut pause = FIRST_PAUSE;
        let (mut tries, mut last) = (0, None);
        loop {
            if patience.left().is_zero()
                && let Some(error) = last
            {
                return Err(error);
            }
            self.take_a_turn(patience).await?;
            if let Some(budget) = &self.budget {
                budget.spend(&patience.clock).await?;
            }
            tries += 1;
            patience.count_call();
            let limit = (patience.limit / TRY_PART).max(LEAST_TRY).min(patience.left());
            let asked = patience.clock.timeout(limit, self.ask(path, &patience.clock)).await;
            let asked = asked.unwrap_or_else(|| {
                Err(ProviderError::Interrupted(format!("no answer within {limit:?}")))
            });
            let error = match asked.and_then(&understand) {
                Ok(understood) => return Ok(understood),
                Err(error) => error,
            };
            let wanted = error.retry_after().unwrap_or(pause);
            if tries >= error.tries() || !patience.pause(wanted).await {
                return Err(error);
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
            last = Some(error);
        }
    }

    /// Waits until the rate allows another call.
    async fn take_a_turn(&self, patience: &Patience) -> Result<(), ProviderError> {
        let Some(bucket) = &self.bucket else { return Ok(()) };
        loop {
            let Err(not_yet) = bucket.check() else { return Ok(()) };
            let wait = not_yet.wait_time_from(governor::clock::Clock::now(bucket.clock()));
            if !patience.pause(wait).await {
                let message =
                    format!("calls_per_minute of {}: no call left in time", self.base_url);
                return Err(ProviderError::RateLimited { message, retry_after: Some(wait) });
            }
        }
    }

    async fn ask<A: Reply>(&self, path: &str, clock: &Clock) -> Result<A, ProviderError> {
        let mut request = self.http.get(format!("{}{path}", self.base_url));
        if let Some(key) = &self.api_key {
            request = match self.key_goes {
                KeyGoes::AsBearer => request.bearer_auth(key),
                KeyGoes::InQuery(name) => request.query(&[(name, key)]),
            };
        }
        // The error's own text may contain the URL; without it nothing secret can leak.
        let failed = |error: reqwest::Error| match error.is_connect() {
            true => ProviderError::Unreachable(chain(&error.without_url())),
            false => ProviderError::Interrupted(chain(&error.without_url())),
        };
        let mut response = request.send().await.map_err(failed)?;
        let status = response.status();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = retry_after.and_then(|text| parse_retry_after(text, now(clock)));
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await.map_err(failed)? {
            if body.len() + part.len() > MAX_BODY_BYTES {
                let message = format!("more than {MAX_BODY_BYTES} bytes");
                return Err(ProviderError::Malformed(message));
            }
            body.extend_from_slice(&part);
        }
        read(status, retry_after, &body)
    }
}

/// Tells rustls which cryptography to use; needed once in a process, before its first HTTP client
/// is made. [`Provider::new`](crate::Provider::new) does it; others that make clients call it
/// themselves.
pub fn install_tls() {
    static ONCE: OnceLock<()> = OnceLock::new();
    // If somebody else has chosen already, their choice is as good.
    ONCE.get_or_init(|| drop(rustls::crypto::ring::default_provider().install_default()));
}

/// The moment that it is.
pub(crate) fn now(clock: &Clock) -> Timestamp {
    let ms = i64::try_from(clock.unix_ms()).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX)
}

/// Retry-After as seconds or as a date (RFC 9110, 10.2.3); `None` if it is neither.
fn parse_retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let time = rfc2822::parse(text.trim()).ok()?.timestamp();
    Some(Duration::try_from(time.duration_since(now)).unwrap_or(Duration::ZERO))
}

/// An error with its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_retry_after_is_read() {
        let now: Timestamp = "1994-11-06T08:49:30Z".parse().unwrap();
        let check = |text, expected: Option<u64>| {
            let expected = expected.map(Duration::from_secs);
            assert_eq!(parse_retry_after(text, now), expected, "{text}");
        };
        check("0", Some(0));
        check(" 120 ", Some(120));
        check("Sun, 06 Nov 1994 08:49:37 GMT", Some(7));
        check("Sun, 06 Nov 1994 08:00:00 GMT", Some(0));
        check("soon", None);
        check("-5", None);
        check("", None);
    }
}
