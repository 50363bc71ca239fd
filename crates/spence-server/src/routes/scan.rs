//! POST `/api/v1/market/scan`: rates many symbols; a line of JSON for every step and every row.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use spence::{Clock, Error, Source, Stopwatch};
use spence_market::score::Signal;
use spence_market::{Market, Progress, Survey, SurveyRequest, SurveyRow, Symbol};
use tokio::sync::mpsc;

use crate::app::App;
use crate::error::ApiResult;
use crate::routes::Json;
use crate::wire::ErrorBody;
use crate::wire::scan::{Asked, CacheCounts, Line, ScanBody, Summary};

/// Rows that are scored before they are sent; the first ones are sent soon.
const FIRST_ROWS: usize = 64;
const ROWS: usize = 512;
/// Parts of the answer that wait for a slow reader.
const WAITING: usize = 8;

/// Streams rows as they are scored; close the connection to stop it.
#[utoipa::path(
    post,
    path = "/api/v1/market/scan",
    tag = "market",
    summary = "Rates many symbols; a line for every step and every row",
    request_body = ScanBody,
    responses(
        (status = 200, content_type = "application/x-ndjson", body = Line<'_>),
        (status = "4XX", description = "the input is refused", body = ErrorBody),
    ),
)]
pub(crate) async fn scan(
    State(app): State<App>,
    Json(body): Json<ScanBody>,
) -> ApiResult<Response> {
    let asked = body.read()?;
    let (lines, sent) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        let watch = app.clock().stopwatch();
        // Whoever has gone away wants nothing more.
        drop(Scanning { app, lines, watch, cpu: Clock::processor_time() }.run(asked).await);
    });
    let body = stream::unfold(sent, |mut sent| async move {
        let part = sent.recv().await?;
        Some((Ok::<Bytes, std::convert::Infallible>(part), sent))
    });
    let headers = [(header::CONTENT_TYPE, "application/x-ndjson")];
    Ok((headers, Body::from_stream(body)).into_response())
}

/// The reader has closed the connection.
struct Gone;

/// A scan that is under way.
struct Scanning {
    app: App,
    lines: mpsc::Sender<Bytes>,
    watch: Stopwatch,
    /// The processor time of the process when it began.
    cpu: Duration,
}

impl Scanning {
    async fn run(&self, asked: Asked) -> Result<(), Gone> {
        let market = self.app.market();
        let (symbols, calls) = match asked.symbols {
            Some(symbols) => (symbols, 0),
            None => match self.listed(&asked).await? {
                Ok(listed) => listed,
                Err(error) => {
                    let message = format!("which symbols are listed: {error}");
                    return self.send(&Line::Error { message }).await;
                }
            },
        };
        let Asked { options, end, may_call, max_signals, timeout, .. } = asked;
        let time_limit = timeout.saturating_sub(self.watch.elapsed());
        let request = SurveyRequest { symbols, options, end, may_call, time_limit };
        if asked.only_plan {
            let (sessions, symbols_alone) = market.survey_plan(&request).await;
            let (symbols, calls) = (request.symbols.len(), sessions + symbols_alone);
            let calls_left_today = market.calls_left().await;
            let plan = Line::Plan { symbols, calls, sessions, symbols_alone, calls_left_today };
            return self.send(&plan).await;
        }
        let survey = Arc::new(self.survey(market, request).await?);
        let (rows, signals, first_row) = match asked.only_warm {
            true => (0, 0, None),
            false => self.rows(&survey, max_signals).await?,
        };
        let stopped = survey.progress().is_over || signals >= max_signals;
        let summary = self.summary(&survey, rows, signals, calls, first_row, stopped);
        self.send(&Line::Summary(summary)).await
    }

    /// Which symbols are listed, and how many calls that took.
    async fn listed(&self, asked: &Asked) -> Result<Result<(Vec<Symbol>, usize), Error>, Gone> {
        let market = self.app.market();
        tokio::select! {
            listed = market.listed(asked.limit, asked.may_call) => Ok(listed),
            () = self.lines.closed() => Err(Gone),
            // What is held has to do then.
            () = self.app.clock().sleep(asked.timeout) => Ok(market.listed(asked.limit, false).await),
        }
    }

    /// Brings the bars together, and tells how far that is.
    async fn survey(&self, market: &Market, request: SurveyRequest) -> Result<Survey, Gone> {
        // A round that goes on when nobody waits for it has nothing to say any more.
        let lines = Arc::new(self.lines.clone());
        let weak = Arc::downgrade(&lines);
        let tell = Arc::new(move |progress: Progress| {
            if let Some(lines) = weak.upgrade() {
                let Progress { calls_done, calls_planned, calls, .. } = progress;
                // Who reads slowly misses some.
                let line = line_of(&Line::Progress { calls_done, calls_planned, calls });
                drop(lines.try_send(line));
            }
        });
        tokio::select! {
            survey = market.survey(request, tell) => Ok(survey),
            () = lines.closed() => Err(Gone),
        }
    }

    /// Scores and sends; how many rows were sent, how many of them have a signal, and when the
    /// first was.
    async fn rows(
        &self,
        survey: &Arc<Survey>,
        max_signals: usize,
    ) -> Result<(usize, usize, Option<Duration>), Gone> {
        let (mut begin, mut size) = (0, FIRST_ROWS);
        let (mut sent, mut signals, mut first_row) = (0, 0, None);
        while begin < survey.symbols() && signals < max_signals {
            let end = survey.symbols().min(begin + size);
            let left = max_signals - signals;
            let Part { text, rows, signals: more } = part_of(survey.rows(begin..end).await, left);
            (sent, signals) = (sent + rows, signals + more);
            if rows > 0 {
                self.lines.send(text).await.map_err(|_| Gone)?;
                first_row.get_or_insert_with(|| self.watch.elapsed());
            }
            (begin, size) = (end, ROWS);
        }
        Ok((sent, signals, first_row))
    }

    fn summary(
        &self,
        survey: &Survey,
        returned: usize,
        signals: usize,
        calls: usize,
        first_row: Option<Duration>,
        stopped: bool,
    ) -> Summary {
        let from = |source| survey.symbols_from(source);
        let (memory, disk) = (from(Source::Memory), from(Source::Disk));
        let (redis, origin) = (from(Source::Redis), from(Source::Origin));
        let symbols = survey.symbols();
        let summary = Summary {
            symbols,
            returned,
            signals,
            fetched: origin,
            calls: calls + survey.progress().calls,
            cache: CacheCounts { memory, disk, redis, origin },
            hit_rate: (memory + disk + redis) as f64 / symbols.max(1) as f64,
            seconds: self.watch.elapsed().as_secs_f64(),
            first_row_ms: first_row.map(|after| after.as_secs_f64() * 1e3),
            cpu_seconds: Clock::processor_time().saturating_sub(self.cpu).as_secs_f64(),
            stopped,
        };
        tracing::info!(
            symbols,
            returned,
            calls = summary.calls,
            memory,
            disk,
            redis,
            origin,
            seconds = summary.seconds,
            cpu_seconds = summary.cpu_seconds,
            "scan perf"
        );
        summary
    }

    async fn send(&self, line: &Line<'_>) -> Result<(), Gone> {
        self.lines.send(line_of(line)).await.map_err(|_| Gone)
    }
}

/// Some rows as lines.
struct Part {
    text: Bytes,
    rows: usize,
    signals: usize,
}

/// The rows of some symbols, up to the one that brings the last signal wanted.
fn part_of(of: Vec<SurveyRow>, max_signals: usize) -> Part {
    let (mut text, mut rows, mut signals) = (Vec::new(), 0, 0);
    for row in of {
        if signals >= max_signals {
            break;
        }
        put_line(&Line::Row { row: &row }, &mut text);
        rows += 1;
        let signal = row.scored.as_ref().map_or(Signal::Avoid, |(_, score)| score.signal());
        signals += usize::from(signal != Signal::Avoid);
    }
    Part { text: text.into(), rows, signals }
}

fn line_of(line: &Line<'_>) -> Bytes {
    let mut text = Vec::new();
    put_line(line, &mut text);
    text.into()
}

fn put_line(line: &Line<'_>, text: &mut Vec<u8>) {
    // Nothing in a line can fail to be JSON.
    drop(serde_json::to_writer(&mut *text, line));
    text.push(b'\n');
}
