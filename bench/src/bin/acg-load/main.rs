//! Charts over HTTP from a cold start: 100,000 requests, zipf 0.99 over 10,000 charts, by clients that
//! keep their connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Parser;
use rand::SeedableRng;
use rand::rngs::SmallRng;
use rand_distr::{Distribution, Zipf};
use spence_benches::machine::resident_bytes;
use spence_benches::report::Row;
use spence_benches::rounds::quantile_micros;
use spence_benches::{Options, Report, Target};
use spence_config::{Layer, Sources};
use spence_server::App;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

const REQUESTS: usize = 100_000;
const CHARTS: u64 = 10_000;
const SKEW: f64 = 0.99;
const CLIENTS: usize = 100;

#[derive(Parser)]
#[command(about = "Measures the hit ratio of charts over HTTP from a cold start")]
struct Arguments {
    #[command(flatten)]
    options: Options,
}

/// What the clients have seen.
#[derive(Default)]
struct Seen {
    next: AtomicUsize,
    hits: AtomicU64,
    peak: AtomicU64,
}

#[tokio::main(flavor = "multi_thread")]
async fn main() -> anyhow::Result<()> {
    let options = &Arguments::parse().options;
    let count = if options.quick { REQUESTS / 10 } else { REQUESTS };
    let mut random = SmallRng::seed_from_u64(options.seed);
    let zipf = Zipf::new(CHARTS as f64, SKEW)?;
    let asked: Arc<Vec<u32>> =
        Arc::new((0..count).map(|_| zipf.sample(&mut random) as u32).collect());
    let dir = tempfile::tempdir()?;
    let mut file = Layer::default();
    file.disk.dir = Some(dir.path().to_owned());
    let app = App::start(Sources { file: Some(file), ..Sources::default() }.resolve()?).await?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let server = tokio::spawn(spence_server::serve(app, listener, std::future::pending()));

    let seen = Arc::new(Seen::default());
    let started = Instant::now();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (asked, seen) = (Arc::clone(&asked), Arc::clone(&seen));
            tokio::spawn(
                async move { client(TcpStream::connect(address).await?, &asked, &seen).await },
            )
        })
        .collect();
    let mut took = Vec::new();
    for client in clients {
        took.extend(client.await??);
    }
    let seconds = started.elapsed().as_secs_f64();
    server.abort();

    let mut report = Report::new("acg-load", options);
    report.set(
        "requests",
        format!("{count}, zipf {SKEW} over {CHARTS} charts of 11 bodies x 4 angles, gzip"),
    );
    report.set("clients", CLIENTS);
    let hits = seen.hits.load(Ordering::Relaxed) as f64 / count as f64;
    report.row(
        Row::told("hit ratio, from a cold start", hits, "of all").to_reach(Target::AtLeast(0.8)),
    );
    let peak = seen.peak.load(Ordering::Relaxed) as f64 / 1e6;
    report.row(
        Row::told("resident at most, clients included", peak, "MB").to_reach(Target::AtMost(300.0)),
    );
    report.row(Row::told("requests", count as f64 / seconds, "a second"));
    report.row(Row::told("p50 of all", quantile_micros(&mut took, 0.5) / 1e3, "ms"));
    report.row(Row::told("p99 of all", quantile_micros(&mut took, 0.99) / 1e3, "ms"));
    report.print(options);
    Ok(())
}

/// Asks until everything is asked; an answer that is no 200 is an error.
async fn client(stream: TcpStream, asked: &[u32], seen: &Seen) -> anyhow::Result<Vec<Duration>> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    let mut took = Vec::new();
    loop {
        let index = seen.next.fetch_add(1, Ordering::Relaxed);
        let Some(chart) = asked.get(index) else { return Ok(took) };
        if index.is_multiple_of(256) {
            seen.peak.fetch_max(resident_bytes() as u64, Ordering::Relaxed);
        }
        let (year, day) = (1940 + chart % 60, 1 + chart / 60 % 28);
        let (month, hour) = (1 + chart / 1_680 % 12, chart % 24);
        let body = format!(
            r#"{{"epoch":"{year}-{month:02}-{day:02}T{hour:02}:{:02}:00Z","options":{{"include_parans":false}}}}"#,
            chart % 59
        );
        let request = format!(
            "POST /api/v1/acg/lines HTTP/1.1\r\nhost: localhost\r\naccept-encoding: gzip\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let started = Instant::now();
        stream.write_all(request.as_bytes()).await?;
        let (mut line, mut length, mut is_first) = (String::new(), 0, true);
        loop {
            line.clear();
            ensure!(stream.read_line(&mut line).await? > 0, "the connection was closed");
            let text = line.trim_end().to_ascii_lowercase();
            if is_first {
                ensure!(text.ends_with("200 ok"), "{text}");
            }
            is_first = false;
            if let Some(value) = text.strip_prefix("content-length: ") {
                length = value.parse().context("content-length")?;
            }
            if let Some(source) = text.strip_prefix("x-spence-source: ") {
                seen.hits.fetch_add(u64::from(source != "origin"), Ordering::Relaxed);
            }
            if text.is_empty() {
                break;
            }
        }
        let mut answer = vec![0; length];
        stream.read_exact(&mut answer).await?;
        took.push(started.elapsed());
    }
}
