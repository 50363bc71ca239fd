//! The client of a Massive/Polygon-compatible API.

use std::sync::OnceLock;
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use reqwest::StatusCode;
use reqwest::header::RETRY_AFTER;

use crate::bars::{Bar, BarKey, Bars};
use crate::wire::{Aggregate, Aggregates};

/// How long a call may take. The cache has a deadline of its own above this.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// From when on bars are asked for: before any provider's first.
const BEGINNING: &str = "1970-01-01";

/// The longest answer that is read.
const MAX_BODY_BYTES: usize = 64 << 20;

/// Why a provider gave no data.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProviderError {
    /// It could not be reached, or did not answer in time.
    #[error("provider unreachable: {0}")]
    Unreachable(String),
    /// There were too many calls.
    #[error("provider limit reached: {message}")]
    RateLimited {
        /// What it said.
        message: String,
        /// When it wants to be called again, in seconds from then.
        retry_after_seconds: Option<u64>,
    },
    /// The key is missing, wrong, or not entitled to the data.
    #[error("provider refused the key: {0}")]
    Unauthorized(String),
    /// It answered with an error.
    #[error("provider error {status}: {message}")]
    Failed {
        /// The HTTP status.
        status: u16,
        /// What it said.
        message: String,
    },
    /// Its answer cannot be understood.
    #[error("provider answer not understood: {0}")]
    Malformed(String),
    /// The client could not be set up.
    #[error("provider client: {0}")]
    Setup(String),
}

/// A client of one provider with one key.
#[derive(Clone)]
pub struct Provider {
    http: reqwest::Client,
    base_url: String,
    api_key: Option<String>,
    new_york: TimeZone,
}

impl Provider {
    /// A client of the API at `base_url`, such as `https://api.massive.com`.
    ///
    /// # Errors
    /// [`ProviderError::Setup`] when no HTTP client can be made.
    pub fn new(base_url: &str, api_key: Option<&str>) -> Result<Self, ProviderError> {
        install_tls();
        let setup = |error: &dyn std::fmt::Display| ProviderError::Setup(error.to_string());
        let http = reqwest::Client::builder()
            // How long an answer may take is for the caller's deadline to say.
            .connect_timeout(CONNECT_TIMEOUT)
            // Whoever answers in the provider's stead is not the provider.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("spence/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| setup(&error))?;
        let new_york = TimeZone::get("America/New_York").map_err(|error| setup(&error))?;
        let base_url = base_url.trim_end_matches('/').to_owned();
        Ok(Self { http, base_url, api_key: api_key.map(str::to_owned), new_york })
    }

    /// Where the provider is.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The bars that `key` asks for, in one call; `None` if the provider has none.
    /// `now_ms` is the time, Unix milliseconds.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn daily_bars(
        &self,
        key: &BarKey,
        now_ms: u64,
    ) -> Result<Option<Bars>, ProviderError> {
        let end = key.end().unwrap_or_else(|| self.tomorrow(now_ms));
        let symbol = encode(key.symbol().as_str());
        let base = &self.base_url;
        let url = format!("{base}/v2/aggs/ticker/{symbol}/range/1/day/{BEGINNING}/{end}");
        let limit = key.bars().to_string();
        let query = [("adjusted", "false"), ("sort", "desc"), ("limit", &limit)];
        let mut request = self.http.get(url).query(&query);
        if let Some(key) = &self.api_key {
            request = request.bearer_auth(key);
        }
        // The error's own text may contain the URL; without it nothing secret can leak.
        let unreachable =
            |error: reqwest::Error| ProviderError::Unreachable(chain(&error.without_url()));
        let mut response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after_seconds = retry_after.and_then(|seconds| seconds.trim().parse().ok());
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await.map_err(unreachable)? {
            if body.len() + part.len() > MAX_BODY_BYTES {
                let message = format!("more than {MAX_BODY_BYTES} bytes");
                return Err(ProviderError::Malformed(message));
            }
            body.extend_from_slice(&part);
        }
        let answer = read(status, retry_after_seconds, &body)?;
        check(&answer, key)?;
        let bars = self.bars_in(answer, end)?;
        Ok(bars.map(|bars| bars.most_recent(key.bars() as usize)))
    }

    fn bars_in(&self, answer: Aggregates, end: Date) -> Result<Option<Bars>, ProviderError> {
        let rows = answer.results.unwrap_or_default();
        if rows.is_empty() {
            return match answer.results_count {
                // It does that under load: the data exist, and it leaves them out.
                Some(count) if count > 0 => {
                    Err(ProviderError::Malformed(format!("{count} results announced, none given")))
                }
                Some(_) => Ok(None),
                // Only the provider may say that there is nothing (contract C14).
                None => Err(ProviderError::Malformed("neither results nor their count".into())),
            };
        }
        let bars: Result<Vec<Bar>, _> = rows.iter().map(|row| self.bar(row)).collect();
        let bars = bars?;
        if let Some(bar) = bars.iter().find(|bar| bar.date > end) {
            return Err(ProviderError::Malformed(format!("asked up to {end}, got {}", bar.date)));
        }
        Ok(Some(Bars::new(bars)))
    }

    fn bar(&self, row: &Aggregate) -> Result<Bar, ProviderError> {
        let garbage = || ProviderError::Malformed(format!("row {row:?}"));
        let time = Timestamp::from_millisecond(row.t).map_err(|_| garbage())?;
        let date = time.to_zoned(self.new_york.clone()).date();
        let prices = [row.o, row.h, row.l, row.c];
        let sound = prices.iter().all(|price| price.is_finite() && *price > 0.0)
            && row.v.is_finite()
            && row.v >= 0.0
            && row.l <= row.h;
        if !sound {
            return Err(garbage());
        }
        let Aggregate { o: open, h: high, l: low, c: close, v: volume, .. } = *row;
        Ok(Bar { date, open, high, low, close, volume })
    }

    /// A date that no session in New York is after.
    fn tomorrow(&self, now_ms: u64) -> Date {
        let now = i64::try_from(now_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
        let today = now.unwrap_or(Timestamp::MAX).to_zoned(self.new_york.clone()).date();
        today.checked_add(1.day()).unwrap_or(today)
    }
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Provider").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

/// Whether an answer is one to this question: of that symbol, and not adjusted.
fn check(answer: &Aggregates, key: &BarKey) -> Result<(), ProviderError> {
    let asked = key.symbol().as_str();
    let malformed = |what: String| Err(ProviderError::Malformed(what));
    match (&answer.ticker, answer.adjusted) {
        (Some(ticker), _) if !ticker.eq_ignore_ascii_case(asked) => {
            malformed(format!("asked for {asked}, answered for {}", brief(ticker)))
        }
        (_, Some(true)) => malformed("asked for unadjusted prices, answered with adjusted".into()),
        _ => Ok(()),
    }
}

/// The beginning of what a provider says; it is not repeated at length.
fn brief(text: &str) -> String {
    text.chars().take(200).collect()
}

/// Classifies an answer by what it says first, and by its status second: errors come with status
/// 200 too.
fn read(
    status: StatusCode,
    retry_after_seconds: Option<u64>,
    body: &[u8],
) -> Result<Aggregates, ProviderError> {
    let answer: Result<Aggregates, _> = serde_json::from_slice(body);
    let said = answer.as_ref().ok().and_then(|answer| {
        answer.error.as_ref().or(answer.message.as_ref()).map(|text| brief(text))
    });
    let message = said.unwrap_or_else(|| status.to_string());
    let limited = message.contains("exceeded the maximum requests");
    let word = answer.as_ref().ok().and_then(|answer| answer.status.as_deref()).unwrap_or("");
    let failed = word == "ERROR" || answer.as_ref().is_ok_and(|answer| answer.error.is_some());
    match (status, word) {
        _ if limited || status == StatusCode::TOO_MANY_REQUESTS => {
            Err(ProviderError::RateLimited { message, retry_after_seconds })
        }
        (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) | (_, "NOT_AUTHORIZED") => {
            Err(ProviderError::Unauthorized(message))
        }
        (StatusCode::OK, _) if failed => Err(ProviderError::Failed { status: 200, message }),
        (StatusCode::OK, _) => {
            answer.map_err(|error| ProviderError::Malformed(brief(&error.to_string())))
        }
        _ => Err(ProviderError::Failed { status: status.as_u16(), message }),
    }
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

/// A symbol as one segment of a path.
fn encode(symbol: &str) -> String {
    let mut path = String::new();
    for byte in symbol.bytes() {
        match byte {
            b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b':' => path.push(char::from(byte)),
            other => path.push_str(&format!("%{other:02X}")),
        }
    }
    path
}

/// Tells rustls which cryptography to use; needed once in a process, before its first HTTP client
/// is made. [`Provider::new`] does it; others that make clients call it themselves.
pub fn install_tls() {
    static ONCE: OnceLock<()> = OnceLock::new();
    // If somebody else has chosen already, their choice is as good.
    ONCE.get_or_init(|| drop(rustls::crypto::ring::default_provider().install_default()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, body: &str, expected: &str) {
        let status = StatusCode::from_u16(status).unwrap();
        let provider = Provider::new("http://127.0.0.1:1", None).unwrap();
        let outcome = read(status, Some(3), body.as_bytes());
        let key = BarKey::new("AAPL", 2, None).unwrap();
        let outcome = outcome.and_then(|answer| {
            super::check(&answer, &key)?;
            provider.bars_in(answer, Date::constant(2012, 6, 29))
        });
        let shown = match outcome {
            Ok(None) => "nothing".to_owned(),
            Ok(Some(bars)) => format!("{} bars", bars.len()),
            Err(error) => error.to_string(),
        };
        assert!(shown.starts_with(expected), "{body}: {shown}");
    }

    const ROW: &str = r#"{"v":1,"o":2,"c":2,"h":3,"l":1,"t":1340942400000}"#;

    #[test]
    fn answers_are_classified_by_what_they_say() {
        check(200, &format!(r#"{{"status":"OK","resultsCount":1,"results":[{ROW}]}}"#), "1 bars");
        check(200, r#"{"status":"OK","resultsCount":0}"#, "nothing");
        check(200, r#"{"status":"OK","resultsCount":0,"results":[]}"#, "nothing");
        check(200, r#"{"status":"OK","resultsCount":9,"results":null}"#, "provider answer not");
        check(200, r#"{"status":"ERROR","error":"oops"}"#, "provider error 200: oops");
        let limit =
            r#"{"status":"ERROR","error":"You've exceeded the maximum requests per minute"}"#;
        check(200, limit, "provider limit reached");
        check(429, "busy", "provider limit reached");
        check(401, r#"{"error":"Unknown API Key"}"#, "provider refused the key: Unknown API Key");
        check(
            403,
            r#"{"status":"NOT_AUTHORIZED","message":"plan"}"#,
            "provider refused the key: plan",
        );
        check(500, "<html>", "provider error 500: 500 Internal Server Error");
        check(200, "<html>", "provider answer not understood");
        check(200, &format!(r#"{{"results":[{ROW}"#), "provider answer not understood");
        // Only the provider may say that there is nothing.
        check(200, "{}", "provider answer not understood: neither");
        check(200, r#"{"status":"OK"}"#, "provider answer not understood: neither");
        check(200, r#"{"error":"maintenance"}"#, "provider error 200: maintenance");
        check(302, "", "provider error 302");
    }

    #[test]
    fn an_answer_to_another_question_is_not_taken() {
        let rows = format!(r#""resultsCount":1,"results":[{ROW}]"#);
        check(200, &format!(r#"{{"ticker":"aapl","adjusted":false,{rows}}}"#), "1 bars");
        check(200, &format!(r#"{{"ticker":"MSFT",{rows}}}"#), "provider answer not");
        check(200, &format!(r#"{{"adjusted":true,{rows}}}"#), "provider answer not");
        let later = ROW.replace("1340942400000", "1341201600000");
        let later = format!(r#"{{"resultsCount":1,"results":[{later}]}}"#);
        check(200, &later, "provider answer not understood: asked up to 2012-06-29, got");
    }

    #[test]
    fn rows_that_cannot_be_are_not_taken() {
        for row in [
            r#"{"v":1,"o":0,"c":2,"h":3,"l":1,"t":1340942400000}"#,
            r#"{"v":-1,"o":2,"c":2,"h":3,"l":1,"t":1340942400000}"#,
            r#"{"v":1,"o":2,"c":2,"h":1,"l":3,"t":1340942400000}"#,
            r#"{"v":1,"o":2,"c":2,"h":3,"l":1,"t":9999999999999999}"#,
        ] {
            check(200, &format!(r#"{{"status":"OK","results":[{row}]}}"#), "provider answer not");
        }
    }
}
