//! Charts over HTTP from a cold start: 100,000 requests, zipf 0.99 over 10,000 charts, by clients that
//! keep their connections. Then one client, chart after chart, by each tier.

mod client;
mod scenarios;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use rand::SeedableRng;
use rand::rngs::SmallRng;
use rand_distr::{Distribution, Zipf};
use spence_benches::machine::resident_bytes;
use spence_benches::report::Row;
use spence_benches::rounds::quantile_micros;
use spence_benches::{Options, Report, Target};

use client::{Client, Service};

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
    let service = Service::start(dir.path(), "{}").await?;
    let address = service.address;

    let seen = Arc::new(Seen::default());
    let started = Instant::now();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (asked, seen) = (Arc::clone(&asked), Arc::clone(&seen));
            tokio::spawn(async move { client(address, &asked, &seen).await })
        })
        .collect();
    let mut took = Vec::new();
    for client in clients {
        took.extend(client.await??);
    }
    let seconds = started.elapsed().as_secs_f64();
    service.stop().await?;

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
    scenarios::run(&mut report).await?;
    report.print(options);
    Ok(())
}

/// Asks until everything is asked.
async fn client(address: SocketAddr, asked: &[u32], seen: &Seen) -> anyhow::Result<Vec<Duration>> {
    let mut client = Client::connect(address).await?;
    let mut took = Vec::new();
    loop {
        let index = seen.next.fetch_add(1, Ordering::Relaxed);
        let Some(chart) = asked.get(index) else { return Ok(took) };
        if index.is_multiple_of(256) {
            seen.peak.fetch_max(resident_bytes() as u64, Ordering::Relaxed);
        }
        let answer = client.ask(*chart).await?;
        seen.hits.fetch_add(u64::from(answer.source != "origin"), Ordering::Relaxed);
        took.push(answer.took);
    }
}
