//! A batch keeps every promise for each of its keys (C11).

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use spence::{Batch, Error, ErrorKind, Fill, FillCx, Fills, PolicyLayer, Source};

use crate::{Bench, Numbers};

/// What a batch's origin answers.
type Answering = BoxFuture<'static, Result<Fills<String, u32>, Error>>;

/// The keys of each call, in order.
type Calls = Arc<Mutex<Vec<Vec<String>>>>;

fn key(n: u32) -> String {
    n.to_string()
}

fn keys(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(key).collect()
}

/// Answers each key with its number, "13" with an error, "14" with nothing, and forgets "15".
fn origin(calls: &Calls) -> impl Fn(Vec<FillCx<String, u32>>) -> Answering + Send + Sync + 'static {
    let calls = Arc::clone(calls);
    move |missing| {
        let calls = Arc::clone(&calls);
        Box::pin(async move {
            let asked: Vec<_> = missing.iter().map(|cx| cx.key().clone()).collect();
            calls.lock().push(asked.clone());
            tokio::task::yield_now().await;
            let mut fills = Fills::new();
            for key in asked {
                match key.as_str() {
                    "13" => fills.fail(key, std::io::Error::other("garbled")),
                    "14" => fills.put(key, Fill::not_found()),
                    "15" => {}
                    number => {
                        let number = number.parse().unwrap();
                        fills.put(key, Fill::new(number).tags(["t"]));
                    }
                }
            }
            Ok(fills)
        })
    }
}

async fn read(
    numbers: &Numbers,
    wanted: &[String],
    batch: Batch,
    calls: &Calls,
) -> Vec<Result<(u32, Source), ErrorKind>> {
    let answers = numbers.get_many_or_fetch(wanted, batch, origin(calls)).await;
    let told = |answer: Result<spence::Cached<u32>, Error>| {
        answer.map(|cached| (*cached, cached.source())).map_err(|error| error.kind())
    };
    answers.into_iter().map(told).collect()
}

#[tokio::test]
async fn c11_only_the_misses_reach_the_origin_in_chunks_and_each_key_has_its_answer() {
    let bench = Bench::in_memory().await;
    let (numbers, calls) = (bench.numbers(), Calls::default());
    for n in 0..5 {
        numbers.insert(key(n), n).await.unwrap();
    }
    let mut wanted = keys(0..20);
    wanted.push(key(7));
    let answers = read(&numbers, &wanted, Batch::chunks(4).parallel(2), &calls).await;
    for (n, answer) in answers.iter().take(20).enumerate() {
        let expected = match n {
            0..5 => Ok((n as u32, Source::Memory)),
            13 | 15 => Err(ErrorKind::Origin),
            14 => Err(ErrorKind::NotFound),
            _ => Ok((n as u32, Source::Origin)),
        };
        assert_eq!(*answer, expected, "key {n}");
    }
    assert_eq!(answers[20].as_ref().unwrap().0, 7, "a key asked for twice is fetched once");
    let mut asked: Vec<_> = calls.lock().concat();
    assert!(calls.lock().iter().all(|call| call.len() <= 4));
    asked.sort_by_key(|key| key.parse::<u32>().unwrap());
    assert_eq!(asked, keys(5..20));
    let stats = bench.spence.stats().total;
    assert_eq!((stats.hits, stats.misses), (6, 15), "the second 7 is a hit by then");
    assert_eq!(stats.origin_calls as usize, calls.lock().len());

    // What failed is backed off from, what is known is known, nothing is fetched twice.
    let before = calls.lock().len();
    let again = read(&numbers, &keys(0..20), Batch::default(), &calls).await;
    assert_eq!(calls.lock().len(), before);
    assert_eq!(again[14], Err(ErrorKind::NotFound));
    assert_eq!(again[13], Err(ErrorKind::Origin));
    bench.close().await;
}

#[tokio::test]
async fn c11_a_batch_joins_flights_elsewhere_and_is_joined() {
    let bench = Bench::in_memory().await;
    let (numbers, calls) = (bench.numbers(), Calls::default());
    let single = bench.origin.read(&numbers, "1");
    let wanted = keys(1..4);
    let batch = read(&numbers, &wanted, Batch::default(), &calls);
    let other = read(&numbers, &wanted, Batch::default(), &calls);
    let (single, batch, other) = tokio::join!(single, batch, other);
    assert_eq!(*single.unwrap(), 1);
    assert_eq!(batch, other);
    assert_eq!(*calls.lock(), [keys(2..4)], "the first key was on its way");
    assert_eq!(bench.spence.stats().total.origin_calls, 2);
    bench.close().await;
}

#[tokio::test]
async fn c01_c11_a_batch_is_fenced_for_each_key() {
    let bench = Bench::in_memory().await;
    let numbers = bench.numbers();
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let fill = {
        let gate = Arc::clone(&gate);
        move |missing: Vec<FillCx<String, u32>>| {
            let gate = Arc::clone(&gate);
            async move {
                gate.acquire().await.unwrap().forget();
                let one = |cx: &FillCx<String, u32>| (cx.key().clone(), Fill::new(1));
                Ok::<_, Error>(missing.iter().map(one).collect::<Fills<_, _>>())
            }
        }
    };
    let reading = tokio::spawn({
        let numbers = numbers.clone();
        async move { numbers.get_many_or_fetch(&keys(0..3), Batch::default(), fill).await.len() }
    });
    tokio::task::yield_now().await;
    while bench.spence.stats().total.origin_calls == 0 {
        tokio::task::yield_now().await;
    }
    numbers.invalidate(&key(1)).await.unwrap();
    gate.add_permits(1);
    assert_eq!(reading.await.unwrap(), 3);
    assert!(numbers.get(&key(0)).await.is_some() && numbers.get(&key(2)).await.is_some());
    assert!(numbers.get(&key(1)).await.is_none(), "invalidated while it was fetched");
    bench.close().await;
}

#[tokio::test]
async fn a_dropped_batch_finishes_the_chunk_that_runs_and_begins_no_other() {
    let bench = Bench::in_memory().await;
    let (numbers, calls) = (bench.numbers(), Calls::default());
    let reading = tokio::spawn({
        let (numbers, calls) = (numbers.clone(), Arc::clone(&calls));
        async move { read(&numbers, &keys(0..9), Batch::chunks(3).parallel(1), &calls).await }
    });
    while calls.lock().is_empty() {
        tokio::task::yield_now().await;
    }
    reading.abort();
    drop(reading.await);
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    assert_eq!(numbers.get_many(&keys(0..9)).await.iter().flatten().count(), 3);
    assert_eq!(calls.lock().len(), 1);
    bench.close().await;
}

#[tokio::test]
async fn a_failing_chunk_falls_back_on_what_is_stale_key_by_key() {
    let bench = Bench::in_memory().await;
    let numbers = bench.numbers();
    numbers.insert(key(1), 1).await.unwrap();
    bench.advance(61);
    let fail = |_| async { Err::<Fills<String, u32>, _>(std::io::Error::other("down")) };
    let answers = numbers.get_many_or_fetch(&keys(1..3), Batch::default(), fail).await;
    assert!(answers[0].as_ref().unwrap().freshness().is_stale());
    assert_eq!(answers[1].as_ref().unwrap_err().kind(), ErrorKind::Origin);
    let panic = |_| async { panic!("boom") };
    let panic = move |missing: Vec<FillCx<String, u32>>| -> Answering { Box::pin(panic(missing)) };
    bench.advance(10);
    let answers = numbers.get_many_or_fetch(&keys(5..7), Batch::default(), panic).await;
    for answer in answers {
        assert_eq!(answer.unwrap_err().kind(), ErrorKind::OriginPanicked);
    }
    bench.close().await;
}

#[tokio::test]
async fn batches_read_the_disk_and_hold_their_keys_to_the_limits() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::on_disk(dir.path()).await;
    let (numbers, calls) = (bench.numbers(), Calls::default());
    for n in 20..120 {
        numbers.insert(key(n), n).await.unwrap();
    }
    bench.close().await;
    let bench = Bench::on_disk(dir.path()).await;
    let numbers = bench.numbers().with(PolicyLayer::new().ttl(Duration::from_secs(9)));
    let mut wanted = keys(20..120);
    wanted.push("k".repeat(70_000));
    let answers = read(&numbers, &wanted, Batch::default(), &calls).await;
    for (n, answer) in (20..120).zip(&answers) {
        assert_eq!(*answer, Ok((n, Source::Disk)));
    }
    assert_eq!(answers[100], Err(ErrorKind::InvalidArgument));
    assert!(calls.lock().is_empty());
    assert_eq!(numbers.get_many(&wanted[..100]).await.iter().flatten().count(), 100);
    bench.close().await;
}

#[tokio::test]
async fn no_more_calls_at_a_time_than_allowed_even_if_nobody_waits_for_them() {
    let bench = Bench::in_memory().await;
    let layer = PolicyLayer::new().stale_while_revalidate(Duration::from_secs(600));
    let layer = layer.ttl(Duration::from_secs(60)).jitter(0.0);
    let numbers: Numbers = bench.spence.cache("numbers").settings(layer).build().unwrap();
    for n in 20..60 {
        numbers.insert(key(n), n).await.unwrap();
    }
    bench.advance(61);
    let (running, most) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new(0)));
    let fill = {
        let (running, most) = (Arc::clone(&running), Arc::clone(&most));
        move |missing: Vec<FillCx<String, u32>>| {
            let (running, most) = (Arc::clone(&running), Arc::clone(&most));
            async move {
                *running.lock() += 1;
                let now = *running.lock();
                let before = *most.lock();
                *most.lock() = before.max(now);
                for _ in 0..10 {
                    tokio::task::yield_now().await;
                }
                *running.lock() -= 1;
                let one = |cx: &FillCx<String, u32>| (cx.key().clone(), Fill::new(1));
                Ok::<_, Error>(missing.iter().map(one).collect::<Fills<_, _>>())
            }
        }
    };
    let batch = Batch::chunks(4).parallel(2);
    let answers = numbers.get_many_or_fetch(&keys(20..60), batch, fill).await;
    assert!(answers.iter().all(|answer| answer.as_ref().unwrap().freshness().is_stale()));
    for _ in 0..500 {
        tokio::task::yield_now().await;
    }
    assert_eq!((*most.lock(), *running.lock()), (2, 0));
    assert_eq!(*numbers.peek(&key(59)).unwrap(), 1);
    bench.close().await;
}
