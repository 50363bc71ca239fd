//! What every call goes through: latency, key, rate, faults, counting.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::calls::Calls;
use crate::fault::strikes;
use crate::history::Universe;
use crate::server::FeedOptions;
use crate::sessions::{self, Progress};
use crate::struck::strike;
use crate::wire::{CallCounts, Failure, FredFailure};

/// Whose API a call is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    Massive,
    Fred,
}

/// The parameters of a call.
pub(crate) type Parameters = HashMap<String, String>;

/// Where calls are answered.
pub(crate) struct Desk {
    pub(crate) options: FeedOptions,
    pub(crate) new_york: TimeZone,
    pub(crate) listed: Vec<String>,
    limiter: Option<DefaultDirectRateLimiter>,
    calls: Arc<Calls>,
    requests: AtomicU64,
}

/// A refusal: the status, and what the provider would say.
pub(crate) struct Refusal {
    status: StatusCode,
    word: &'static str,
    what: String,
}

impl Refusal {
    /// A question that makes no sense.
    pub(crate) fn wrong(what: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, word: "ERROR", what: what.into() }
    }
}

impl Desk {
    pub(crate) fn new(options: FeedOptions, calls: Arc<Calls>) -> io::Result<Self> {
        let new_york = TimeZone::get("America/New_York").map_err(io::Error::other)?;
        let limiter =
            options.calls_per_second.map(|rate| RateLimiter::direct(Quota::per_second(rate)));
        let listed = Universe::listed(options.symbols);
        Ok(Self { options, new_york, listed, limiter, calls, requests: AtomicU64::new(0) })
    }

    /// Answers a call in the way of Massive, unless it is not admitted or a fault strikes it.
    pub(crate) async fn answer<T: Serialize>(
        &self,
        parameters: &Parameters,
        headers: &HeaderMap,
        answer: impl FnOnce(&Self) -> Result<T, Refusal>,
    ) -> Response {
        self.answer_in(Manner::Massive, parameters, headers, answer).await
    }

    pub(crate) async fn answer_in<T: Serialize>(
        &self,
        manner: Manner,
        parameters: &Parameters,
        headers: &HeaderMap,
        answer: impl FnOnce(&Self) -> Result<T, Refusal>,
    ) -> Response {
        let FeedOptions { clock, latency, faults, seed, .. } = &self.options;
        clock.sleep(*latency).await;
        let answer = self.admit(parameters, headers).and_then(|()| answer(self));
        let response = match (answer, strikes(faults, *seed, self.calls.total())) {
            (Ok(answer), Some((fault, how))) => strike(fault, how, &answer, clock),
            (Ok(answer), None) => Json(answer).into_response(),
            (Err(refusal), _) => self.refuse(manner, refusal),
        };
        self.calls.count(response.status().as_u16());
        response
    }

    /// The moment that it is.
    pub(crate) fn now(&self) -> Timestamp {
        let now = i64::try_from(self.options.clock.unix_ms()).unwrap_or(i64::MAX);
        Timestamp::from_millisecond(now).unwrap_or(Timestamp::MAX)
    }

    /// The histories as they are at this moment.
    pub(crate) fn universe(&self) -> Universe {
        let FeedOptions { seed, last_session, settle, .. } = &self.options;
        let settled = last_session.map(|last| (last, Progress::Settled));
        let newest = settled.or_else(|| sessions::newest(self.now(), *settle));
        let (last, progress) = newest.unwrap_or((Date::MIN, Progress::Settled));
        Universe::up_to(*seed, last, progress)
    }

    /// The day that a parameter names, as YYYY-MM-DD or in milliseconds of Unix time.
    pub(crate) fn date(&self, name: &str, text: &str) -> Result<Date, Refusal> {
        let of_millis = || {
            let time = Timestamp::from_millisecond(text.parse().ok()?).ok()?;
            Some(time.to_zoned(self.new_york.clone()).date())
        };
        text.parse::<Date>().ok().or_else(of_millis).ok_or_else(|| {
            Refusal::wrong(format!(
                "Could not parse the time parameter: '{name}'. Use YYYY-MM-DD or Unix MS Timestamps"
            ))
        })
    }

    pub(crate) fn request_id(&self) -> String {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let hash =
            twox_hash::XxHash3_64::oneshot_with_seed(self.options.seed, &number.to_le_bytes());
        format!("{hash:016x}{number:016x}")
    }

    pub(crate) fn call_counts(&self) -> CallCounts {
        CallCounts {
            calls: self.calls.total(),
            answered: self.calls.answered(),
            limited: self.calls.limited(),
            refused: self.calls.refused(),
        }
    }

    pub(crate) fn no_such_path(&self) -> Response {
        self.calls.count(404);
        let what = "no such path".to_owned();
        self.refuse(
            Manner::Massive,
            Refusal { status: StatusCode::NOT_FOUND, word: "NOT_FOUND", what },
        )
    }

    fn admit(&self, parameters: &Parameters, headers: &HeaderMap) -> Result<(), Refusal> {
        if let Some(key) = &self.options.api_key {
            let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
            let bearer = bearer.and_then(|value| value.strip_prefix("Bearer "));
            let of_query = ["apiKey", "api_key"].into_iter().find_map(|name| parameters.get(name));
            let given = bearer.or_else(|| of_query.map(String::as_str));
            if given != Some(key) {
                let what = "Unknown API Key".to_owned();
                return Err(Refusal { status: StatusCode::UNAUTHORIZED, word: "ERROR", what });
            }
        }
        match &self.limiter {
            Some(limiter) if limiter.check().is_err() => Err(Refusal {
                status: StatusCode::TOO_MANY_REQUESTS,
                word: "ERROR",
                what: "You've exceeded the maximum requests per minute, please wait or upgrade \
                       your subscription to continue."
                    .to_owned(),
            }),
            _ => Ok(()),
        }
    }

    fn refuse(&self, manner: Manner, Refusal { status, word, what }: Refusal) -> Response {
        let mut response = match manner {
            Manner::Massive => {
                let (request_id, error) = (self.request_id(), what);
                (status, Json(Failure { status: word, request_id, error })).into_response()
            }
            Manner::Fred => {
                let (error_code, error_message) = (status.as_u16(), what);
                (status, Json(FredFailure { error_code, error_message })).into_response()
            }
        };
        if status == StatusCode::TOO_MANY_REQUESTS {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// A number that a parameter gives, within limits; `default` without it.
pub(crate) fn number(
    parameters: &Parameters,
    name: &str,
    default: usize,
    limits: std::ops::RangeInclusive<usize>,
) -> Result<usize, Refusal> {
    match parameters.get(name).map(|text| text.parse::<usize>()) {
        None => Ok(default),
        Some(Ok(number)) if limits.contains(&number) => Ok(number),
        Some(_) => {
            let (least, most) = (limits.start(), limits.end());
            Err(Refusal::wrong(format!("{name} must be between {least} and {most}")))
        }
    }
}
