//! Every read counts once, and the figures say what happened.

use std::time::Duration;

use spence::{Error, Fill};

use crate::Bench;

#[tokio::test]
async fn a_listed_sequence_of_calls_gives_exactly_these_figures() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::on_disk(dir.path()).await;
    let numbers = bench.numbers();
    let slow = |seconds| {
        let hands = std::sync::Arc::clone(&bench.hands);
        move |_| async move {
            hands.advance(Duration::from_secs(seconds));
            Ok::<_, Error>(Fill::new(1))
        }
    };
    let (a, b) = ("a".to_owned(), "b".to_owned());
    numbers.get_or_fetch(&a, slow(2)).await.unwrap(); // miss, origin 2 s
    numbers.get_or_fetch(&a, slow(2)).await.unwrap(); // hit, saves 2 s
    assert!(numbers.peek(&a).is_some()); // hit, saves 2 s
    assert!(numbers.peek(&b).is_none()); // miss
    numbers.get_or_fetch(&b, |_| async { Ok::<_, Error>(Fill::not_found()) }).await.unwrap_err(); // miss
    assert!(numbers.get(&b).await.is_none()); // hit: known to be nothing
    numbers.expire(&a).await.unwrap();
    bench.origin.fail(&numbers, "a").await.unwrap(); // stale hit, origin error
    numbers.invalidate(&a).await.unwrap();
    bench.origin.fail(&numbers, "a").await.unwrap_err(); // miss, origin error

    let snapshot = bench.spence.stats();
    let stats = &snapshot.caches[0].1;
    assert_eq!(snapshot.caches[0].0, "numbers");
    assert_eq!((stats.hits, stats.stale_hits, stats.misses, stats.total), (3, 1, 4, 8));
    assert_eq!(stats.hit_rate, 3.0 / 8.0);
    assert_eq!((stats.memory_hits, stats.disk_hits, stats.negative_hits), (3, 0, 1));
    assert_eq!((stats.origin_calls, stats.origin_errors), (4, 2));
    assert_eq!((stats.origin_seconds, stats.origin_seconds_saved), (2.0, 4.0));
    assert_eq!((stats.cache_size, stats.invalidations), (1, 2), "b's \"nothing there\" is held");
    assert!(stats.memory_bytes > 0 && stats.disk_bytes > 0);
    let mut total = snapshot.total.clone();
    assert!(total.disk_bytes > stats.disk_bytes, "all files, headers included");
    total.disk_bytes = stats.disk_bytes;
    assert_eq!(total, *stats);
    bench.close().await;
}

#[tokio::test]
async fn callers_that_joined_a_fill_are_misses_and_cost_one_call() {
    let bench = Bench::in_memory().await;
    let numbers = bench.numbers();
    let read = || bench.origin.read(&numbers, "a");
    let (one, two, three) = tokio::join!(read(), read(), read());
    assert_eq!((*one.unwrap(), *two.unwrap(), *three.unwrap()), (1, 1, 1));
    let total = bench.spence.stats().total;
    assert_eq!((total.misses, total.hits, total.origin_calls), (3, 0, 1));
    bench.close().await;
}

#[tokio::test]
async fn disk_bytes_follow_overwrites_and_removals_and_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::on_disk(dir.path()).await;
    let numbers = bench.numbers();
    let bytes = |bench: &Bench| bench.spence.stats().caches[0].1.disk_bytes;
    numbers.insert("a".into(), 1).await.unwrap();
    let one = bytes(&bench);
    assert!(one > 0 && one % 16 == 0);
    numbers.insert("a".into(), 2).await.unwrap();
    assert_eq!(bytes(&bench), one);
    numbers.insert("b".into(), 2).await.unwrap();
    assert_eq!(bytes(&bench), 2 * one);
    numbers.invalidate(&"a".into()).await.unwrap();
    assert_eq!(bytes(&bench), one);
    bench.close().await;

    let bench = Bench::on_disk(dir.path()).await;
    bench.numbers();
    assert_eq!(bytes(&bench), one);
    let on_disk: u64 = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|file| file.unwrap())
        .filter(|file| file.file_name() != "LOCK")
        .map(|file| file.metadata().unwrap().len())
        .sum();
    assert_eq!(bench.spence.stats().total.disk_bytes, on_disk);
    bench.close().await;
}

#[tokio::test]
async fn overwriting_and_removing_are_not_evictions() {
    let bench = Bench::in_memory().await;
    let numbers = bench.numbers();
    for value in 0..5 {
        numbers.insert("a".to_owned(), value).await.unwrap();
    }
    numbers.invalidate(&"a".to_owned()).await.unwrap();
    let total = bench.spence.stats().total;
    assert_eq!((total.inserts, total.evictions, total.cache_size), (5, 0, 0));
    bench.close().await;
}
