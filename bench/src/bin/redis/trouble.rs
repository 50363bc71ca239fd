//! What the server's troubles cost the callers, and what joining it costs a hit in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use spence::{Cache, Error, Fill, PolicyLayer, Raw, Scope, Source, Spence};
use spence_benches::report::Row;
use spence_benches::rounds::{Contender, measure, median, quantile_micros};
use spence_benches::{Options, Report, Target};
use spence_testkit::RedisServer;

use crate::{patient, value};

type Values = Cache<u32, Bytes>;

async fn node(server: Option<&RedisServer>) -> Result<(Spence, Values), Error> {
    let mut builder = Spence::builder().policy("values", PolicyLayer::new().jitter(0.0));
    if let Some(server) = server {
        builder = builder.redis(server.url().as_str());
    }
    let spence = builder.build().await?;
    let values = spence.cache("values").codec(Raw).build()?;
    Ok((spence, values))
}

async fn fetch(values: &Values, key: u32) -> Result<Source, Error> {
    let fill = |_| async { Ok::<_, Error>(Fill::new(Bytes::from_static(b"value"))) };
    values.get_or_fetch(&key, fill).await.map(|hit| hit.source())
}

pub(crate) async fn rows(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    killed(report).await?;
    frozen(report).await?;
    races(options, report).await?;
    hits(options, report).await
}

/// The 99th percentile of ten hits in memory, in microseconds: the median of nine samples with a
/// while between them, so that one bad moment of the machine's is not the figure.
async fn p99_of_ten_hits(values: &Values) -> f64 {
    let mut p99s = Vec::new();
    for _ in 0..9 {
        p99s.push(quantile_micros(&mut sample_hits(values), 0.99));
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    median(&mut p99s)
}

/// Thousands of hits in memory; the durations of some.
fn sample_hits(values: &Values) -> Vec<Duration> {
    (0..20_000)
        .map(|_| {
            let started = Instant::now();
            // Enough at once for the clock to tell them apart.
            for _ in 0..10 {
                assert!(values.peek(&0).is_some());
            }
            started.elapsed()
        })
        .collect()
}

/// The server is killed while 32 tasks call every two milliseconds; then it is started again.
async fn killed(report: &mut Report) -> anyhow::Result<()> {
    let mut server = RedisServer::start();
    let (spence, values) = node(Some(&server)).await?;
    fetch(&values, 0).await?;
    let quiet = p99_of_ten_hits(&values).await;
    let over = Arc::new(AtomicBool::new(false));
    let (errors, worst) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let next = Arc::new(AtomicU64::new(1));
    let tasks: Vec<_> = (0..32)
        .map(|_| {
            let (values, over, next) = (values.clone(), Arc::clone(&over), Arc::clone(&next));
            let (errors, worst) = (Arc::clone(&errors), Arc::clone(&worst));
            tokio::spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    let key = next.fetch_add(1, Ordering::Relaxed) as u32;
                    let started = Instant::now();
                    let failed = fetch(&values, key).await.is_err();
                    errors.fetch_add(u64::from(failed), Ordering::Relaxed);
                    worst.fetch_max(started.elapsed().as_micros() as u64, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(500)).await;
    worst.store(0, Ordering::Relaxed);
    server.kill();
    tokio::time::sleep(Duration::from_secs(3)).await;
    over.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await?;
    }
    let away = p99_of_ten_hits(&values).await;
    server.restart();
    let back = Instant::now();
    while values.invalidate(&u32::MAX).await? != Scope::Cluster {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let back = back.elapsed().as_secs_f64() * 1e3;
    drop(spence);
    let worst = worst.load(Ordering::Relaxed) as f64 / 1e3;
    report.row(Row::told("server killed: worst call", worst, "ms").to_reach(Target::AtMost(50.0)));
    let errors = errors.load(Ordering::Relaxed) as f64;
    report.row(
        Row::told("server killed: errors to callers", errors, "").to_reach(Target::AtMost(0.0)),
    );
    report.row(
        Row::told("server killed: p99 of ten hits in memory", away, "us")
            .beside("with the server", quiet)
            .to_reach(Target::RatioAtMost(1.2)),
    );
    report.row(Row::told("server back: in use after", back, "ms").to_reach(Target::AtMost(100.0)));
    Ok(())
}

/// The server is stopped in its tracks: the first cold read waits, those after it do not.
async fn frozen(report: &mut Report) -> anyhow::Result<()> {
    let server = RedisServer::start();
    let (_spence, values) = node(Some(&server)).await?;
    fetch(&values, 0).await?;
    server.freeze();
    let mut took = Vec::new();
    // So many that one turn of the machine's is not the 99th percentile.
    for key in 1..=2_000 {
        let started = Instant::now();
        fetch(&values, key).await?;
        took.push(started.elapsed());
    }
    server.thaw();
    let first = took.remove(0).as_secs_f64() * 1e3;
    // Read, lease and store: the deadlines of all calls that a fetch can make.
    report.row(
        Row::told("server frozen: the first cold call", first, "ms").to_reach(Target::AtMost(60.0)),
    );
    let later = quantile_micros(&mut took, 0.99) / 1e3;
    report.row(
        Row::told("server frozen: p99 of the next 1,999", later, "ms")
            .to_reach(Target::AtMost(1.0)),
    );
    Ok(())
}

/// Another node invalidates while a read from the shared tier is under way; what is read after
/// that has been heard must not be the old value.
async fn races(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let trials = options.sized(200, 1_000);
    let server = RedisServer::start();
    let build = async || {
        let spence = Spence::builder().redis(patient(&server)).build().await?;
        let values: Values = spence.cache("values").codec(Raw).build()?;
        Ok::<_, Error>((spence, values))
    };
    let ((_a, of_a), (_b, of_b)) = (build().await?, build().await?);
    let mut stale = 0;
    for trial in 0..trials {
        of_a.insert(trial, Bytes::from_static(b"old")).await?;
        let reading = tokio::spawn({
            let values = of_b.clone();
            async move { values.get(&trial).await.is_some() }
        });
        for _ in 0..trial % 50 {
            tokio::task::yield_now().await;
        }
        of_a.invalidate(&trial).await?;
        reading.await?;
        // What comes after it in the log has been heard, so that has been, too.
        of_a.insert(u32::MAX, Bytes::from(trial.to_string())).await?;
        while of_b.get(&u32::MAX).await.is_none_or(|heard| **heard != *trial.to_string().as_bytes())
        {
            tokio::task::yield_now().await;
        }
        stale += u32::from(of_b.get(&trial).await.is_some());
    }
    report.set("races", trials);
    report.row(
        Row::told("stale after an invalidation during a read", f64::from(stale), "")
            .to_reach(Target::AtMost(0.0)),
    );
    Ok(())
}

async fn hits(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let server = RedisServer::start();
    let (mut nodes, mut with, mut without) = (Vec::new(), Vec::new(), Vec::new());
    // Several of each, since where entries come to lie in memory makes a difference too; each with
    // keys of its own, since an insert by one node makes the others forget.
    for first in (0..4_000).step_by(1_000) {
        for (server, kind) in [(Some(&server), &mut with), (None, &mut without)] {
            let (spence, values) = node(server).await?;
            for key in first..first + 1_000 {
                values.insert(key, value()).await?;
            }
            nodes.push(spence);
            kind.push((first, values));
        }
    }
    let rate = |kind: &[(u32, Values)]| {
        let started = Instant::now();
        let reads = 500_000;
        for (first, values) in kind {
            for n in 0..reads {
                // In an order that is not the one of memory.
                assert!(values.peek(&(first + n * 617 % 1_000)).is_some());
            }
        }
        f64::from(reads) * kind.len() as f64 / started.elapsed().as_secs_f64() / 1e6
    };
    let mut contenders =
        [Contender::new("joined", || rate(&with)), Contender::new("alone", || rate(&without))];
    let measured = measure(options.rounds(), &mut contenders);
    report.row(
        Row::told("peek with Redis joined", measured.median(0), "M/s")
            .paired("without", &measured, 0, 1)
            .to_reach(Target::RatioAtLeast(0.95)),
    );
    Ok(())
}
