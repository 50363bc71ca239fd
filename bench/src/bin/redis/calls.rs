//! Calls a second, beside the same calls issued raw.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use spence::unstable::redis_scripts;
use spence::{Error, Fill};
use spence_benches::report::Row;
use spence_benches::rounds::{Contender, Measured, measure};
use spence_benches::{Options, Report, Target};
use tokio::runtime::Runtime;

use crate::{Bench, KEYS, value};

const BATCH: u32 = 100;

/// Calls a second of `tasks` tasks, each calling again and again for `length`.
fn rate<F, R>(runtime: &Runtime, tasks: u64, length: Duration, call: F) -> f64
where
    F: Fn(u64) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = ()> + Send,
{
    let (over, calls) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let started = Instant::now();
    runtime.block_on(async {
        let running: Vec<_> = (0..tasks)
            .map(|task| {
                let (over, calls, call) = (Arc::clone(&over), Arc::clone(&calls), call.clone());
                tokio::spawn(async move {
                    let mut n = task * 7_919;
                    while !over.load(Ordering::Relaxed) {
                        call(n).await;
                        n += 1;
                    }
                    calls.fetch_add(n - task * 7_919, Ordering::Relaxed);
                })
            })
            .collect();
        tokio::time::sleep(length).await;
        over.store(true, Ordering::Relaxed);
        for task in running {
            task.await.expect("a task of the bench panicked");
        }
    });
    calls.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64() / 1e3
}

/// Calls a second of ours and of theirs, turn by turn.
fn pair<F, G, R, S>(
    runtime: &Runtime,
    tasks: u64,
    options: &Options,
    ours: F,
    theirs: G,
) -> Measured
where
    F: Fn(u64) -> R + Clone + Send + Sync + 'static,
    G: Fn(u64) -> S + Clone + Send + Sync + 'static,
    R: Future<Output = ()> + Send,
    S: Future<Output = ()> + Send,
{
    let length = options.sized(Duration::from_millis(400), Duration::from_secs(1));
    let mut contenders = [
        Contender::new("spence", || rate(runtime, tasks, length, ours.clone())),
        Contender::new("raw", || rate(runtime, tasks, length, theirs.clone())),
    ];
    measure(options.rounds(), &mut contenders)
}

fn key_of(n: u64) -> u32 {
    (n % u64::from(KEYS)) as u32
}

fn name_of(key: u32) -> String {
    format!("spence:{{values:{key}}}:v")
}

pub(crate) fn rows(runtime: &Runtime, bench: &Bench, options: &Options, report: &mut Report) {
    for tasks in [1, 32, 256] {
        let (values, raw) = (bench.values.clone(), bench.raw.clone());
        let ours = move |n| {
            let values = values.clone();
            async move {
                assert!(values.get(&key_of(n)).await.is_some());
            }
        };
        let theirs = move |n| {
            let mut raw = raw.clone();
            async move {
                let value: Vec<u8> = redis::cmd("GET")
                    .arg(name_of(key_of(n)))
                    .query_async(&mut raw)
                    .await
                    .expect("the server answers");
                assert!(value.len() > 1000);
            }
        };
        let measured = pair(runtime, tasks, options, ours, theirs);
        report.row(
            Row::told(format!("get, {tasks} tasks"), measured.median(0), "k/s")
                .paired("redis-rs, GET", &measured, 0, 1)
                .to_reach(Target::RatioAtLeast(0.95)),
        );
    }
    report.row(batches(runtime, bench, options));
    report.row(invalidations(runtime, bench, options));
    report.row(inserts(runtime, bench, options));
    report.row(fills(runtime, bench, options));
}

fn batches(runtime: &Runtime, bench: &Bench, options: &Options) -> Row {
    let (values, raw) = (bench.values.clone(), bench.raw.clone());
    let ours = move |n: u64| {
        let values = values.clone();
        async move {
            let keys: Vec<_> = (0..BATCH).map(|i| (key_of(n) + i) % KEYS).collect();
            assert!(values.get_many(&keys).await.iter().all(Option::is_some));
        }
    };
    let theirs = move |n: u64| {
        let mut raw = raw.clone();
        async move {
            let names: Vec<_> = (0..BATCH).map(|i| name_of((key_of(n) + i) % KEYS)).collect();
            let values: Vec<Vec<u8>> =
                redis::cmd("MGET").arg(names).query_async(&mut raw).await.expect("it answers");
            assert_eq!(values.len(), BATCH as usize);
        }
    };
    let measured = pair(runtime, 8, options, ours, theirs);
    Row::told("get_many of 100, 8 tasks", measured.median(0), "k/s")
        .paired("redis-rs, MGET of 100", &measured, 0, 1)
        .to_reach(Target::RatioAtLeast(0.9))
}

/// The digest of a script.
fn digest(name: &str) -> String {
    let scripts = redis_scripts();
    let (_, code) = scripts.iter().find(|(known, _)| *known == name).expect("it has that name");
    redis::Script::new(code).get_hash().to_owned()
}

const STATE: &str = "spence:{log}:state";
const LOG: &str = "spence:{log}:stream";

/// Who has written the newest record of the log, and what it says: a raw call writes the same, since
/// a record that cannot be read would be taken for a missing one.
fn newest_record(runtime: &Runtime, bench: &Bench) -> (String, Vec<u8>) {
    let mut raw = bench.raw.clone();
    let mut newest = redis::cmd("XREVRANGE");
    newest.arg(LOG).arg("+").arg("-").arg("COUNT").arg(1);
    let entries: redis::streams::StreamRangeReply =
        runtime.block_on(newest.query_async(&mut raw)).expect("it answers");
    let record = entries.ids.first().expect("something was inserted");
    (record.get("n").expect("a node"), record.get("r").expect("a notice"))
}

fn invalidations(runtime: &Runtime, bench: &Bench, options: &Options) -> Row {
    let (values, raw, forget) = (bench.values.clone(), bench.raw.clone(), digest("forget"));
    let ours = move |n: u64| {
        let values = values.clone();
        async move {
            let scope = values.invalidate(&(KEYS + key_of(n))).await.expect("it answers");
            assert_eq!(scope, spence::Scope::Cluster);
        }
    };
    let (node, record) = newest_record(runtime, bench);
    let theirs = move |n: u64| {
        let (mut raw, forget) = (raw.clone(), forget.clone());
        let (node, record) = (node.clone(), record.clone());
        async move {
            let key = KEYS + key_of(n);
            let lease = format!("spence:{{values:{key}}}:l");
            let mut call = redis::cmd("EVALSHA");
            call.arg(&forget).arg(4).arg(STATE).arg(LOG).arg(name_of(key)).arg(lease);
            call.arg(1).arg(node).arg(record).arg(0).arg(100_000).arg("").arg(0);
            let _: redis::Value = call.query_async(&mut raw).await.expect("it answers");
        }
    };
    let measured = pair(runtime, 32, options, ours, theirs);
    Row::told("invalidate, 32 tasks", measured.median(0), "k/s")
        .paired("redis-rs, the same script", &measured, 0, 1)
        .to_reach(Target::RatioAtLeast(0.9))
}

fn inserts(runtime: &Runtime, bench: &Bench, options: &Options) -> Row {
    let (values, raw, bytes) = (bench.values.clone(), bench.raw.clone(), value());
    let (lease, put) = (digest("lease"), digest("put"));
    let own_bytes = bytes.clone();
    let ours = move |n: u64| {
        let (values, bytes) = (values.clone(), own_bytes.clone());
        async move { values.insert(2 * KEYS + key_of(n), bytes).await.expect("it is kept") }
    };
    let (node, record) = newest_record(runtime, bench);
    let theirs = move |n: u64| {
        let (mut raw, lease, put) = (raw.clone(), lease.clone(), put.clone());
        let (node, record) = (node.clone(), record.clone());
        let bytes = bytes.clone();
        async move {
            let key = 2 * KEYS + key_of(n);
            let (name, own, token) = (name_of(key), format!("spence:{{values:{key}}}:l"), n);
            let mut call = redis::cmd("EVALSHA");
            call.arg(&lease).arg(3).arg(&name).arg(&own).arg(STATE);
            call.arg(token).arg(5_000).arg("").arg(1);
            let _: redis::Value = call.query_async(&mut raw).await.expect("it answers");
            let mut call = redis::cmd("EVALSHA");
            call.arg(&put).arg(4).arg(&name).arg(&own).arg(STATE).arg(LOG);
            call.arg(token).arg(&bytes[..]).arg(3_600_000);
            call.arg(1).arg(node).arg(record).arg(0).arg(100_000).arg("").arg(0);
            let _: redis::Value = call.query_async(&mut raw).await.expect("it answers");
        }
    };
    let measured = pair(runtime, 32, options, ours, theirs);
    Row::told("insert: a fenced store, 32 tasks", measured.median(0), "k/s")
        .paired("redis-rs, the same scripts", &measured, 0, 1)
        .to_reach(Target::RatioAtLeast(0.9))
}

fn fills(runtime: &Runtime, bench: &Bench, options: &Options) -> Row {
    let (values, raw) = (bench.values.clone(), bench.raw.clone());
    let (lease, store) = (digest("lease"), digest("store"));
    let next = Arc::new(AtomicU64::new(1 << 20));
    let counter = Arc::clone(&next);
    let bytes = value();
    let ours_bytes = bytes.clone();
    let ours = move |_| {
        let (values, bytes) = (values.clone(), ours_bytes.clone());
        let key = counter.fetch_add(1, Ordering::Relaxed) as u32;
        async move {
            let fill = move |_| async move { Ok::<_, Error>(Fill::new(bytes)) };
            values.get_or_fetch(&key, fill).await.expect("it is filled");
        }
    };
    let theirs = move |_| {
        let (mut raw, lease, store) = (raw.clone(), lease.clone(), store.clone());
        let key = next.fetch_add(1, Ordering::Relaxed) as u32;
        let bytes = bytes.clone();
        async move {
            let (name, own) = (name_of(key), format!("spence:{{values:{key}}}:l"));
            let get: Option<Vec<u8>> =
                redis::cmd("GET").arg(&name).query_async(&mut raw).await.expect("it answers");
            assert!(get.is_none());
            let mut call = redis::cmd("EVALSHA");
            call.arg(&lease).arg(3).arg(&name).arg(&own).arg(STATE);
            call.arg("raw").arg(5_000).arg("").arg(0);
            let _: redis::Value = call.query_async(&mut raw).await.expect("it answers");
            let mut call = redis::cmd("EVALSHA");
            call.arg(&store).arg(2).arg(&name).arg(&own).arg("raw").arg(&bytes[..]).arg(3_600_000);
            let _: redis::Value = call.query_async(&mut raw).await.expect("it answers");
        }
    };
    let measured = pair(runtime, 32, options, ours, theirs);
    Row::told("fill and store under a lease, 32 tasks", measured.median(0), "k/s")
        .paired("redis-rs, GET and the same scripts", &measured, 0, 1)
        .to_reach(Target::RatioAtLeast(0.9))
}
