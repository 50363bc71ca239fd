//! The walk: memory, then disk, then origin, and freshness on the way.

use std::future::Future;
use std::time::Duration;

use spence::{Cache, ErrorKind, Fill, Freshness, PolicyLayer, Source, Spence, StaleReason};

use crate::Bench;

#[tokio::test]
async fn a_value_comes_from_origin_then_memory_then_after_a_restart_from_disk() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::on_disk(dir.path()).await;
    let numbers = bench.numbers();
    let first = bench.origin.read(&numbers, "a").await.unwrap();
    assert_eq!((*first, first.source(), first.freshness()), (1, Source::Origin, Freshness::Fresh));
    let second = bench.origin.read(&numbers, "a").await.unwrap();
    assert_eq!((*second, second.source()), (1, Source::Memory));
    bench.close().await;

    let bench = Bench::on_disk(dir.path()).await;
    let numbers = bench.numbers();
    let third = bench.origin.read(&numbers, "a").await.unwrap();
    assert_eq!((*third, third.source(), third.freshness()), (1, Source::Disk, Freshness::Fresh));
    assert_eq!(third.tags().collect::<Vec<_>>(), ["all"]);
    let fourth = bench.origin.read(&numbers, "a").await.unwrap();
    assert_eq!((*fourth, fourth.source()), (1, Source::Memory));
    assert_eq!(bench.origin.calls(), 0);
    bench.close().await;
}

#[tokio::test]
async fn get_and_peek_never_ask_the_origin() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::on_disk(dir.path()).await;
    let numbers = bench.numbers();
    let key = "a".to_owned();
    assert!(numbers.peek(&key).is_none());
    assert!(numbers.get(&key).await.is_none());
    bench.origin.read(&numbers, "a").await.unwrap();
    assert_eq!(*numbers.peek(&key).unwrap(), 1);
    bench.close().await;

    let bench = Bench::on_disk(dir.path()).await;
    let numbers = bench.numbers();
    assert!(numbers.peek(&key).is_none());
    assert_eq!(numbers.get(&key).await.unwrap().source(), Source::Disk);
    assert_eq!(numbers.peek(&key).unwrap().source(), Source::Memory);
    bench.close().await;
}

#[tokio::test]
async fn c09_life_is_counted_from_the_origins_answer_in_every_tier() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::on_disk(dir.path()).await;
    bench.origin.read(&bench.numbers(), "a").await.unwrap();
    bench.close().await;

    let bench = Bench::on_disk(dir.path()).await;
    let numbers = bench.numbers();
    bench.advance(40);
    let promoted = bench.origin.read(&numbers, "a").await.unwrap();
    assert_eq!((promoted.source(), promoted.age().as_secs()), (Source::Disk, 40));
    bench.advance(21);
    assert_eq!(*bench.origin.read(&numbers, "a").await.unwrap(), 1, "fetched again");
    assert_eq!(bench.origin.calls(), 1);
    bench.close().await;
}

#[tokio::test]
async fn c09_an_entry_from_the_future_is_stale() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::on_disk(dir.path()).await;
    bench.hands.step_wall_clock(900_000);
    bench.origin.read(&bench.numbers(), "a").await.unwrap();
    bench.close().await;

    let bench = Bench::on_disk(dir.path()).await;
    let held = bench.numbers().get(&"a".to_owned()).await.unwrap();
    assert_eq!(held.freshness(), Freshness::Stale(StaleReason::NotRefreshed));
    bench.close().await;
}

#[tokio::test]
async fn a_wall_clock_that_jumps_does_not_change_what_memory_thinks() {
    let bench = Bench::in_memory().await;
    let numbers = bench.numbers();
    bench.origin.read(&numbers, "a").await.unwrap();
    bench.hands.step_wall_clock(86_400_000);
    assert!(numbers.peek(&"a".to_owned()).unwrap().freshness() == Freshness::Fresh);
    bench.hands.step_wall_clock(-2 * 86_400_000);
    assert!(numbers.peek(&"a".to_owned()).unwrap().freshness() == Freshness::Fresh);
    bench.close().await;
}

#[tokio::test]
async fn c10_a_stale_value_stands_in_for_a_failing_origin_and_says_so() {
    let bench = Bench::in_memory().await;
    let numbers = bench.numbers();
    bench.origin.read(&numbers, "a").await.unwrap();
    bench.advance(61);
    let stale = bench.origin.fail(&numbers, "a").await.unwrap();
    assert_eq!(stale.freshness(), Freshness::Stale(StaleReason::OriginFailed));
    let cause = stale.stale_cause().unwrap();
    assert_eq!(cause.to_string(), "origin failed: origin is down");

    // Right after the failure the origin is left alone.
    let calls = bench.origin.calls();
    let backoff = bench.origin.fail(&numbers, "a").await.unwrap();
    assert_eq!(backoff.freshness(), Freshness::Stale(StaleReason::OriginBackoff));
    assert_eq!(bench.origin.calls(), calls);

    // The grace is counted from the end of freshness.
    bench.advance(3600);
    let error = bench.origin.fail(&numbers, "a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Origin);
    bench.close().await;
}

#[tokio::test]
async fn a_stale_value_on_disk_stands_in_too() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::on_disk(dir.path()).await;
    bench.origin.read(&bench.numbers(), "a").await.unwrap();
    bench.close().await;

    let bench = Bench::on_disk(dir.path()).await;
    bench.advance(61);
    let stale = bench.origin.fail(&bench.numbers(), "a").await.unwrap();
    assert_eq!((*stale, stale.source()), (1, Source::Disk));
    assert_eq!(stale.freshness(), Freshness::Stale(StaleReason::OriginFailed));
    bench.close().await;
}

#[tokio::test]
async fn c14_not_found_is_remembered_for_its_own_time_and_never_after_an_error() {
    let bench = Bench::in_memory().await;
    let numbers = bench.numbers();
    let key = "missing".to_owned();
    let missing =
        || numbers.get_or_fetch(&key, |_| async { Ok::<_, spence::Error>(Fill::not_found()) });
    assert!(missing().await.unwrap_err().is_not_found());
    assert!(bench.origin.read(&numbers, "missing").await.unwrap_err().is_not_found());
    assert!(numbers.peek(&key).is_none());
    assert_eq!(bench.origin.calls(), 0);
    bench.advance(31);
    assert_eq!(*bench.origin.read(&numbers, "missing").await.unwrap(), 1);

    assert!(!bench.origin.fail(&numbers, "other").await.unwrap_err().is_not_found());
    bench.advance(1);
    assert_eq!(*bench.origin.read(&numbers, "other").await.unwrap(), 3);
    bench.close().await;
}

#[tokio::test]
async fn c13_a_value_of_another_schema_is_a_miss() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::on_disk(dir.path()).await;
    let key = "a".to_owned();
    bench.origin.read(&bench.numbers(), "a").await.unwrap();
    bench.close().await;
    for (schema, origin, held) in [(2, "", false), (0, "elsewhere", false), (0, "", true)] {
        let bench = Bench::on_disk(dir.path()).await;
        // The bytes could be read as well, so only what is written beside them can tell.
        let numbers: Cache<String, u32> =
            bench.spence.cache("numbers").schema(schema).origin(origin).build().unwrap();
        assert_eq!(numbers.get(&key).await.is_some(), held, "schema {schema}, origin {origin:?}");
        bench.close().await;
    }
}

#[tokio::test]
async fn a_fills_own_ttl_goes_before_the_policys_and_a_calls_before_both_layers() {
    let bench = Bench::in_memory().await;
    let numbers = bench.numbers();
    let second = Duration::from_secs(1);
    let own = |_| async { Ok::<_, spence::Error>(Fill::new(7).ttl(Duration::from_secs(5))) };
    numbers.get_or_fetch(&"own".to_owned(), own).await.unwrap();
    let hasty = numbers.with(PolicyLayer::new().ttl(second * 3));
    bench.origin.read(&hasty, "call").await.unwrap();
    let fresh = |key: &str| numbers.peek(&key.to_owned()).unwrap().freshness() == Freshness::Fresh;
    assert!(fresh("own") && fresh("call"));
    bench.advance(4);
    assert!(fresh("own") && !fresh("call"));
    bench.advance(2);
    assert!(!fresh("own"));
    bench.close().await;
}

#[tokio::test]
async fn without_memory_every_read_goes_to_disk() {
    let dir = tempfile::tempdir().unwrap();
    let spence = Spence::builder().no_memory().disk(dir.path(), 64_000_000).build().await.unwrap();
    let numbers: Cache<String, u32> = spence.cache("numbers").build().unwrap();
    numbers.insert("a".into(), 5).await.unwrap();
    assert!(numbers.peek(&"a".into()).is_none());
    for _ in 0..2 {
        let held = numbers.get(&"a".into()).await.unwrap();
        assert_eq!((*held, held.source()), (5, Source::Disk));
    }
    spence.close().await;
}

#[tokio::test]
async fn a_cache_in_memory_only_needs_no_codec_and_leaves_the_disk_alone() {
    struct Opaque(#[expect(dead_code, reason = "only its presence matters")] u64);
    let dir = tempfile::tempdir().unwrap();
    let spence = Spence::builder().disk(dir.path(), 64_000_000).build().await.unwrap();
    let opaque: Cache<u64, Opaque> =
        spence.cache("opaque").memory_only().weigher(|_| 0).build().unwrap();
    opaque.insert(1, Opaque(1)).await.unwrap();
    assert!(opaque.peek(&1).is_some());
    assert_eq!(spence.stats().disk_entries, 0);
    spence.close().await;
}

#[tokio::test]
async fn a_value_too_large_for_memory_is_kept_on_disk_and_replaces_the_older() {
    let dir = tempfile::tempdir().unwrap();
    let builder = Spence::builder().memory(100_000).disk(dir.path(), 128_000_000);
    let spence = builder.build().await.unwrap();
    let blobs: Cache<u32, Vec<u8>> = spence.cache("blobs").build().unwrap();
    blobs.insert(1, vec![1; 100]).await.unwrap();
    assert_eq!(blobs.get(&1).await.unwrap().source(), Source::Memory);
    blobs.insert(1, vec![2; 500_000]).await.unwrap();
    for _ in 0..2 {
        let held = blobs.get(&1).await.unwrap();
        assert_eq!((held.source(), held.len(), held[0]), (Source::Disk, 500_000, 2));
    }
    spence.check_invariants().unwrap();
    spence.close().await;
}

#[tokio::test]
async fn c12_memory_stays_within_its_budget_whatever_the_sizes() {
    let spence = Spence::builder().memory(1_000_000).build().await.unwrap();
    let blobs: Cache<u32, Vec<u8>> = spence.cache("blobs").build().unwrap();
    for i in 0..20_000_u32 {
        blobs.insert(i, vec![0; (i.wrapping_mul(2_654_435_761) % 3_000) as usize]).await.unwrap();
        if i % 1_000 == 0 {
            spence.check_invariants().unwrap();
        }
    }
    let total = spence.stats().total;
    assert!(total.memory_bytes > 900_000 && total.memory_bytes <= 1_000_000, "{total:?}");
    assert_eq!(total.evictions + total.cache_size, 20_000);
    spence.check_invariants().unwrap();
}

#[test]
fn c06_a_hit_allocates_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let spence = runtime.block_on(Spence::builder().build()).unwrap();
    let texts: Cache<(String, u32), String> = spence.cache("texts").build().unwrap();
    let key = ("a key of some length that is on the heap".to_owned(), 90);
    runtime.block_on(texts.insert(key.clone(), "value".to_owned())).unwrap();
    let fill = |_| async { Err::<Fill<String>, _>(std::io::Error::other("not asked")) };
    // The first hit gives this thread its stripe of the counters.
    assert!(texts.peek(&key).is_some());
    let counted = allocation_counter::measure(|| {
        for _ in 0..100 {
            assert!(texts.peek(&key).is_some());
            let hit = std::pin::pin!(texts.get_or_fetch(&key, fill));
            let waker = std::task::Waker::noop();
            let polled = hit.poll(&mut std::task::Context::from_waker(waker));
            assert!(matches!(polled, std::task::Poll::Ready(Ok(_))));
        }
    });
    assert_eq!(counted.count_total, 0);
}

#[tokio::test]
async fn one_name_is_one_cache() {
    let bench = Bench::in_memory().await;
    let numbers = bench.numbers();
    numbers.insert("a".into(), 1).await.unwrap();
    let again: Cache<String, u32> = bench.spence.cache("numbers").build().unwrap();
    assert_eq!(*again.peek(&"a".into()).unwrap(), 1);
    let other = bench.spence.cache::<String, String>("numbers").build().unwrap_err();
    assert_eq!(other.kind(), ErrorKind::Conflict);
    let schema = bench.spence.cache::<String, u32>("numbers").schema(9).build().unwrap_err();
    assert_eq!(schema.kind(), ErrorKind::Conflict);
    let policy = bench.spence.cache::<String, u32>("x").policy("nope").build().unwrap_err();
    assert_eq!(policy.to_string(), "cache \"x\": no policy \"nope\"");
    bench.close().await;
}
