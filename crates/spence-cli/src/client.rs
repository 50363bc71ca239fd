//! One way to ask the service, whether it runs elsewhere or in this very process.
//!
//! Commands make HTTP requests. When a server answers at `server.listen` (or `--server` names
//! one), they go there; otherwise the command opens the disk directory itself and puts the same
//! router to the same request, so that there is one behaviour to know and to test.

use std::io::IsTerminal;
use std::time::Duration;

use anyhow::Context;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use bytes::Bytes;
use indicatif::ProgressBar;
use spence_config::Settings;
use spence_server::{App, router};
use tower::ServiceExt;

use crate::args::Common;
use crate::exit::{Code, Failure};
use crate::settings;

/// How long a server may take to say that it is there.
const PROBE: Duration = Duration::from_millis(500);
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
        let http = reqwest::Client::builder().no_proxy().build().context("HTTP client")?;
        if let Some(base) = &common.server {
            let base = base.trim_end_matches('/').to_owned();
            return Ok(Self::Remote { http, base });
        }
        let settings = settings::load(common)?;
        let base = format!("http://{}", settings.server.listen);
        if !common.local && is_spence(&http, &base).await {
            return Ok(Self::Remote { http, base });
        }
        Self::open(settings).await
    }

    async fn open(settings: Settings) -> anyhow::Result<Self> {
        let listen = settings.server.listen;
        let app = App::start(settings).await.map_err(|error| {
            let hint = format!(" (no server answers at {listen}; name it with --server)");
            let hint = if error.to_string().contains("is in use") { hint } else { String::new() };
            anyhow::Error::new(error).context(hint)
        });
        match app {
            Ok(app) => Ok(Self::Local { app }),
            // The hint goes behind the error, in one line.
            Err(error) => {
                let hint = error.to_string();
                let root = error.root_cause().to_string();
                Err(Failure::error(Code::Unavailable, format!("{root}{hint}")))
            }
        }
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
                    let cause = root(&error.without_url());
                    Failure::error(Code::Unavailable, format!("server {base}: {cause}"))
                };
                let response = request.body(body).send().await.map_err(unreachable)?;
                let (status, headers) = (response.status(), response.headers().clone());
                (status, Answer { headers, body: response.bytes().await.map_err(unreachable)? })
            }
            Self::Local { app } => {
                let mut request = Request::new(Body::from(body));
                *request.method_mut() = method;
                *request.uri_mut() = path.parse().context("path of the request")?;
                *request.headers_mut() = headers;
                // The router's error type has no values.
                let response = router(app.clone()).oneshot(request).await?;
                let (parts, body) = response.into_parts();
                let body = axum::body::to_bytes(body, usize::MAX).await.context("answer")?;
                (parts.status, Answer { headers: parts.headers, body })
            }
        };
        waiting.finish_and_clear();
        if status.is_success() { Ok(answer) } else { Err(failure(status, &answer.body)) }
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

/// The path of a raw value. An empty key would make another path of it.
pub(crate) fn entry_path(namespace: &str, key: &str) -> anyhow::Result<String> {
    spence::key::check_text(key)
        .map_err(|error| Failure::error(Code::Refused, error.to_string()))?;
    Ok(format!("/api/v1/cache/entries/{}/{}", segment(namespace), segment(key)))
}

/// Text as one segment of a path.
pub(crate) fn segment(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' => {
                out.push(char::from(byte));
            }
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    // A path segment of dots would be taken for a way up.
    if text.chars().all(|c| c == '.') { text.replace('.', "%2E") } else { out }
}

async fn is_spence(http: &reqwest::Client, base: &str) -> bool {
    let probe = http.get(format!("{base}/health")).timeout(PROBE).send().await;
    match probe {
        Ok(answer) => match answer.bytes().await {
            Ok(body) => serde_json::from_slice::<serde_json::Value>(&body)
                .is_ok_and(|health| health.get("tiers").is_some()),
            Err(_) => false,
        },
        Err(_) => false,
    }
}

/// The error that the service gave, in one line.
fn failure(status: StatusCode, body: &Bytes) -> anyhow::Error {
    let said = serde_json::from_slice::<serde_json::Value>(body).ok();
    let said = said.as_ref().and_then(|error| error.get("message")?.as_str());
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
