//! One way to ask the service, whether it runs elsewhere or in this very process.
//!
//! Commands make HTTP requests. When a server answers at `server.listen` (or `--server` names
//! one), they go there; otherwise the command opens the disk directory itself and puts the same
//! router to the same request, so that there is one behaviour to know and to test.

use std::io::IsTerminal;
use std::time::Duration;

use anyhow::Context;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use bytes::Bytes;
use futures_util::StreamExt;
use indicatif::ProgressBar;
use spence::Clock;
use spence_config::{Secret, Settings};
use spence_server::{App, Edge, NO_SUCH_PATH};
use tower::ServiceExt;

use crate::args::Common;
use crate::exit::{Code, Failure};
use crate::settings;

/// How long a server may take to say that it is there.
const PROBE: Duration = Duration::from_millis(500);
/// How long a command waits for another to let go of the directory.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);
const LOCK_RETRY: Duration = Duration::from_millis(50);
/// How long a server may take to answer, if nobody says how long.
const USUAL_TIMEOUT: Duration = Duration::from_secs(60);
/// How long an answer that tells how far it is may take.
const A_DAY: Duration = Duration::from_secs(86_400);
/// When waiting becomes worth showing.
const PATIENCE: Duration = Duration::from_millis(700);

/// Something that answers requests.
pub(crate) enum Client {
    Remote { http: reqwest::Client, base: String },
    Local { app: App },
}

/// An answer of the service.
pub(crate) struct Answer {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Client {
    /// The server if one is meant or answers, else the directory.
    pub(crate) async fn connect(common: &Common) -> anyhow::Result<Self> {
        spence_market::install_tls();
        let settings = settings::load(common)?;
        let token = settings.server.token.as_ref().map(Secret::reveal);
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(common.timeout.map_or(USUAL_TIMEOUT, |timeout| timeout.0))
            .default_headers(credentials(token)?)
            .build()
            .context("HTTP client")?;
        if let Some(base) = &common.server {
            return Ok(Self::Remote { http, base: base.clone() });
        }
        let base = format!("http://{}", settings.server.listen);
        if !common.local && is_spence(&http, &base).await {
            return Ok(Self::Remote { http, base });
        }
        Self::open(settings, common.local).await
    }

    /// Opens the directory; waits a moment if another command is just using it.
    async fn open(settings: Settings, local: bool) -> anyhow::Result<Self> {
        let listen = settings.server.listen;
        let clock = Clock::system();
        let waited = clock.stopwatch();
        loop {
            let error = match App::start(settings.clone()).await {
                Ok(app) => return Ok(Self::Local { app }),
                Err(error) => error,
            };
            let in_use = error.to_string().contains("is in use");
            if in_use && waited.elapsed() < LOCK_PATIENCE {
                clock.sleep(LOCK_RETRY).await;
            } else if in_use && !local {
                let hint =
                    format!("{error} (no server answers at {listen}; name it with --server)");
                return Err(Failure::error(Code::Unavailable, hint));
            } else {
                return Err(error.into());
            }
        }
    }

    /// Whether what is put ends with this process.
    pub(crate) fn keeps_nothing(&self) -> bool {
        matches!(self, Self::Local { app } if app.settings().disk.is_none())
    }

    /// Sends a request; any other status than success is an error.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> anyhow::Result<Answer> {
        let waiting = waiting();
        let (status, answer) = match self {
            Self::Remote { http, base } => {
                let request = http.request(method, format!("{base}{path}")).headers(headers);
                let unreachable = |error: reqwest::Error| {
                    let cause = match error.is_timeout() {
                        true => "did not answer in time (see --timeout)".to_owned(),
                        false => root(&error.without_url()),
                    };
                    Failure::error(Code::Unavailable, format!("server {base}: {cause}"))
                };
                let response = request.body(body).send().await.map_err(unreachable)?;
                let (status, headers) = (response.status(), response.headers().clone());
                check_spence(base, &headers)?;
                (status, Answer { headers, body: response.bytes().await.map_err(unreachable)? })
            }
            Self::Local { app } => {
                let mut request = Request::new(Body::from(body));
                *request.method_mut() = method;
                *request.uri_mut() = path.parse().context("path of the request")?;
                let token = app.settings().server.token.clone();
                *request.headers_mut() = headers;
                request.headers_mut().extend(credentials(token.as_ref().map(Secret::reveal))?);
                let Ok(response) = Edge::new(app.clone()).oneshot(request).await;
                let (parts, body) = response.into_parts();
                let body = axum::body::to_bytes(body, usize::MAX).await.context("answer")?;
                (parts.status, Answer { headers: parts.headers, body })
            }
        };
        waiting.finish_and_clear();
        if status.is_success() { Ok(answer) } else { Err(failure(status, &answer.body)) }
    }

    /// The server; an error if none is meant and none answers.
    pub(crate) async fn server(common: &Common) -> anyhow::Result<Self> {
        let client = Self::connect(common).await?;
        match client {
            Self::Remote { .. } => Ok(client),
            Self::Local { .. } => {
                client.close().await;
                let message = "no server answers; name it with --server";
                Err(Failure::error(Code::Unavailable, message))
            }
        }
    }

    /// Sends a request and shows each line of the answer as it comes.
    pub(crate) async fn lines(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
        mut show: impl FnMut(&str) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut rest = Vec::new();
        let mut take = |part: &[u8]| {
            rest.extend_from_slice(part);
            let Some(end) = rest.iter().rposition(|byte| *byte == b'\n') else {
                return anyhow::Ok(());
            };
            let whole: Vec<u8> = rest.drain(..=end).collect();
            String::from_utf8_lossy(&whole).lines().try_for_each(|line| show(line.trim_end()))
        };
        match self {
            Self::Remote { http, base } => {
                let failed = |error: reqwest::Error| {
                    let cause = root(&error.without_url());
                    Failure::error(Code::Unavailable, format!("server {base}: {cause}"))
                };
                // It may take its time: it tells how far it is.
                let request = http.request(method, format!("{base}{path}")).body(body);
                let mut answer = request.timeout(A_DAY).send().await.map_err(failed)?;
                check_spence(base, answer.headers())?;
                if !answer.status().is_success() {
                    let status = answer.status();
                    return Err(failure(status, &answer.bytes().await.map_err(failed)?));
                }
                while let Some(part) = answer.chunk().await.map_err(failed)? {
                    take(&part)?;
                }
            }
            Self::Local { app } => {
                let mut request = Request::new(Body::from(body));
                *request.method_mut() = method;
                *request.uri_mut() = path.parse().context("path of the request")?;
                let token = app.settings().server.token.clone();
                request.headers_mut().extend(credentials(token.as_ref().map(Secret::reveal))?);
                let Ok(answer) = Edge::new(app.clone()).oneshot(request).await;
                let (status, mut body) = (answer.status(), answer.into_body().into_data_stream());
                let mut whole = Vec::new();
                while let Some(part) = body.next().await {
                    let part = part.context("answer")?;
                    match status.is_success() {
                        true => take(&part)?,
                        false => whole.extend_from_slice(&part),
                    }
                }
                if !status.is_success() {
                    return Err(failure(status, &Bytes::from(whole)));
                }
            }
        }
        Ok(())
    }

    /// Gets a path.
    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        self.send(Method::GET, path, HeaderMap::new(), Bytes::new()).await
    }

    /// Lets go of the directory, if it was opened.
    pub(crate) async fn close(&self) {
        if let Self::Local { app } = self {
            app.close().await;
        }
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn json(&self) -> anyhow::Result<serde_json::Value> {
        serde_json::from_slice(&self.body).context("answer of the server")
    }
}

/// The path of a raw value. An empty key, or dots, would make another path of it.
pub(crate) fn entry_path(namespace: &str, key: &str) -> anyhow::Result<String> {
    let refused = |error: spence::Error| Failure::error(Code::Refused, error.to_string());
    spence::check_namespace(namespace).map_err(refused)?;
    spence::key::check_text(key).map_err(refused)?;
    Ok(format!("/api/v1/cache/entries/{namespace}/{}", segment(key)?))
}

/// Text as one segment of a path.
pub(crate) fn segment(text: &str) -> anyhow::Result<String> {
    if matches!(text, "." | "..") {
        let message = format!("{text:?}: dots alone cannot stand in a path");
        return Err(Failure::error(Code::Refused, message));
    }
    Ok(encode(text))
}

/// Text as it can stand in a path or query.
pub(crate) fn encode(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' => {
                out.push(char::from(byte));
            }
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

/// What lets a request in.
fn credentials(token: Option<&str>) -> anyhow::Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    if let Some(token) = token {
        let bearer = HeaderValue::from_str(&format!("Bearer {token}"));
        let refused = |_| Failure::error(Code::Refused, "server.token: is no header value");
        headers.insert(header::AUTHORIZATION, bearer.map_err(refused)?);
    }
    Ok(headers)
}

fn check_spence(base: &str, headers: &HeaderMap) -> anyhow::Result<()> {
    if says_spence(headers) {
        return Ok(());
    }
    let message = format!("server {base}: what answers there is not spence");
    Err(Failure::error(Code::Unavailable, message))
}

fn says_spence(headers: &HeaderMap) -> bool {
    let server = headers.get(header::SERVER).and_then(|value| value.to_str().ok());
    server.is_some_and(|server| server.starts_with("spence/"))
}

async fn is_spence(http: &reqwest::Client, base: &str) -> bool {
    let probe = http.get(format!("{base}/health")).timeout(PROBE).send().await;
    probe.is_ok_and(|answer| says_spence(answer.headers()))
}

/// The error that the service gave, in one line.
fn failure(status: StatusCode, body: &Bytes) -> anyhow::Error {
    let said = serde_json::from_slice::<serde_json::Value>(body).ok();
    let said = said.as_ref().and_then(|error| error.get("message")?.as_str());
    if said == Some(NO_SUCH_PATH) {
        return Failure::error(Code::Unavailable, "server: no such path; is its URL right?");
    }
    Failure::of_status(status.as_u16(), said.unwrap_or(status.as_str()))
}

fn root(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), root)
}

/// Shows on a terminal, after a moment, that something is being waited for.
fn waiting() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner().with_message("waiting for the answer");
    // The first tick, and so the first drawing, comes after that.
    bar.enable_steady_tick(PATIENCE);
    bar
}
