//! How long a value is fresh, and what may be served after that.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use spence::{
    Calendar, Clock, Error, ErrorKind, Fill, FillCx, Freshness, Phase, PolicyLayer, Source, Spence,
    StaleReason, StaleUse, Ttl,
};

use crate::{Bench, Numbers};

const SECOND: Duration = Duration::from_secs(1);

async fn let_others_run() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

/// Reads through the cache; the origin takes `seconds` on the manual clock.
fn slow(
    bench: &Bench,
    seconds: u64,
) -> impl FnOnce(
    FillCx<String, u32>,
) -> futures_util::future::BoxFuture<'static, Result<Fill<u32>, Error>>
+ Send
+ 'static {
    let (calls, clock) = (Arc::clone(&bench.origin.calls), bench.spence.clock().clone());
    move |_| {
        Box::pin(async move {
            let call = calls.fetch_add(1, Ordering::SeqCst) + 1;
            clock.sleep(SECOND * seconds as u32).await;
            Ok(Fill::new(call))
        })
    }
}

#[tokio::test]
async fn c10_stale_while_revalidate_answers_at_once_and_fetches_once() {
    let bench = Bench::in_memory().await;
    let layer =
        PolicyLayer::new().stale_while_revalidate(SECOND * 30).stale_if_error(Duration::ZERO);
    let numbers: Numbers = {
        let layer = layer.over(&PolicyLayer::new().ttl(SECOND * 60).jitter(0.0));
        bench.spence.cache("numbers").settings(layer).build().unwrap()
    };
    bench.origin.read(&numbers, "a").await.unwrap();
    bench.advance(61);
    for _ in 0..3 {
        let stale = numbers.get_or_fetch(&"a".to_owned(), slow(&bench, 2)).await.unwrap();
        assert_eq!(*stale, 1);
        assert_eq!(stale.freshness(), Freshness::Stale(StaleReason::Revalidating));
        let_others_run().await;
    }
    bench.advance(2);
    let_others_run().await;
    let fresh = bench.origin.read(&numbers, "a").await.unwrap();
    assert_eq!((*fresh, fresh.source(), bench.origin.calls()), (2, Source::Memory, 2));
    let stats = bench.spence.stats().total;
    assert_eq!((stats.stale_hits, stats.misses, stats.hits), (3, 1, 1));

    // Past the grace everyone waits.
    bench.advance(91);
    assert_eq!(*bench.origin.read(&numbers, "a").await.unwrap(), 3);
    bench.close().await;
}

#[tokio::test]
async fn c06_at_the_soft_deadline_a_stale_value_is_served_and_the_fill_goes_on() {
    let bench = Bench::in_memory().await;
    let numbers = bench.numbers();
    bench.origin.read(&numbers, "a").await.unwrap();
    bench.advance(61);
    let reading = tokio::spawn({
        let (numbers, fill) = (numbers.clone(), slow(&bench, 10));
        async move { numbers.get_or_fetch(&"a".to_owned(), fill).await }
    });
    let_others_run().await;
    assert!(!reading.is_finished());
    bench.advance(1);
    let stale = reading.await.unwrap().unwrap();
    assert_eq!((*stale, stale.freshness()), (1, Freshness::Stale(StaleReason::Deadline)));
    assert!(stale.stale_cause().is_none());
    bench.advance(9);
    let_others_run().await;
    assert_eq!(*numbers.peek(&"a".to_owned()).unwrap(), 2);
    bench.close().await;
}

#[tokio::test]
async fn without_a_stale_value_the_soft_deadline_does_not_count() {
    let bench = Bench::in_memory().await;
    let numbers = bench.numbers();
    let reading = tokio::spawn({
        let (numbers, fill) = (numbers.clone(), slow(&bench, 10));
        async move { numbers.get_or_fetch(&"a".to_owned(), fill).await }
    });
    let_others_run().await;
    bench.advance(9);
    let_others_run().await;
    assert!(!reading.is_finished());
    bench.advance(1);
    assert_eq!(reading.await.unwrap().unwrap().freshness(), Freshness::Fresh);
    bench.close().await;
}

#[tokio::test]
async fn stale_never_means_an_error_or_nothing() {
    let bench = Bench::in_memory().await;
    let numbers = bench.numbers();
    let strict = numbers.with(PolicyLayer::new().stale(StaleUse::Never));
    bench.origin.read(&numbers, "a").await.unwrap();
    bench.advance(61);
    let key = "a".to_owned();
    assert!(strict.get(&key).await.is_none() && strict.peek(&key).is_none());
    assert_eq!(bench.origin.fail(&strict, "a").await.unwrap_err().kind(), ErrorKind::Origin);
    assert!(numbers.get(&key).await.unwrap().freshness().is_stale());
    bench.close().await;
}

#[tokio::test]
async fn not_modified_makes_the_value_fresh_again_in_every_tier() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::on_disk(dir.path()).await;
    let numbers = bench.numbers();
    let key = "a".to_owned();
    let first = |_| async { Ok::<_, Error>(Fill::new(7).etag("v7").tags(["t"]).cost_usd(0.5)) };
    numbers.get_or_fetch(&key, first).await.unwrap();
    for _ in 0..3 {
        bench.advance(61);
        let unchanged = |cx: FillCx<String, u32>| async move {
            assert_eq!((cx.etag(), cx.stale().map(|stale| **stale)), (Some("v7"), Some(7)));
            Ok::<_, Error>(Fill::not_modified())
        };
        let again = numbers.get_or_fetch(&key, unchanged).await.unwrap();
        assert_eq!((*again, again.source(), again.age()), (7, Source::Origin, Duration::ZERO));
        assert_eq!(again.tags().collect::<Vec<_>>(), ["t"]);
        assert_eq!(again.cost_usd(), 0.5);
    }
    let hit = numbers.peek(&key).unwrap();
    assert_eq!((*hit, hit.freshness()), (7, Freshness::Fresh));
    bench.spence.invalidate_tag("t").await.unwrap();
    assert!(numbers.get(&key).await.is_none());
    bench.close().await;
}

#[tokio::test]
async fn not_modified_without_a_value_or_of_an_invalidated_one_is_an_error() {
    let bench = Bench::in_memory().await;
    let numbers = bench.numbers();
    let key = "a".to_owned();
    let unchanged = |cx: FillCx<String, u32>| async move {
        assert!(cx.etag().is_none() && cx.stale().is_none());
        Ok::<_, Error>(Fill::not_modified())
    };
    let error = numbers.get_or_fetch(&key, unchanged).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Origin);
    assert!(error.to_string().contains("nothing is held"), "{error}");
    bench.advance(1);
    let tagged = |_| async { Ok::<_, Error>(Fill::new(1).etag("v1")) };
    numbers.get_or_fetch(&key, tagged).await.unwrap();
    numbers.invalidate(&key).await.unwrap();
    assert!(numbers.get_or_fetch(&key, unchanged).await.is_err());
    bench.close().await;
}

#[tokio::test]
async fn c08_no_store_is_handed_out_and_kept_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::on_disk(dir.path()).await;
    let numbers = bench.numbers();
    let key = "a".to_owned();
    bench.origin.read(&numbers, "a").await.unwrap();
    bench.advance(61);
    let once = |_| async { Ok::<_, Error>(Fill::new(100).no_store()) };
    assert_eq!(*numbers.get_or_fetch(&key, once).await.unwrap(), 100);
    // The older value is gone too: it would be a step back.
    assert!(numbers.get(&key).await.is_none());
    assert!(bench.origin.fail(&numbers, "a").await.is_err());

    let transient: Numbers = {
        let layer = PolicyLayer::new().no_store(true);
        bench.spence.cache("transient").settings(layer).build().unwrap()
    };
    let (one, two) =
        tokio::join!(bench.origin.read(&transient, "a"), bench.origin.read(&transient, "a"));
    assert_eq!(*one.unwrap(), *two.unwrap(), "they share a fill");
    assert!(transient.get(&key).await.is_none());
    assert_eq!(bench.spence.stats().total.cache_size, 0);
    bench.close().await;
}

/// Open in the even minutes of Unix time.
struct EvenMinutes;

impl Calendar for EvenMinutes {
    fn phase(&self, unix_ms: u64) -> Option<Phase> {
        let minute = unix_ms / 60_000;
        Some(Phase { open: minute.is_multiple_of(2), until_ms: (minute + 1) * 60_000 })
    }
}

#[tokio::test]
async fn the_close_ends_the_freshness_of_a_session_ttl() {
    let (clock, hands) = Clock::manual();
    let ttl = Ttl::BySession { open: SECOND * 20, closed: SECOND * 600 };
    let spence =
        Spence::builder().clock(clock).calendar("EVEN", EvenMinutes).build().await.unwrap();
    let layer = PolicyLayer::new().ttl(ttl).jitter(0.0).calendar(Some(Arc::from("EVEN")));
    let numbers: Numbers = spence.cache("numbers").settings(layer).build().unwrap();
    let bench = Bench { spence, hands, origin: crate::Origin::default() };
    // The manual clock begins 40 seconds into an even minute.
    let since_open = bench.spence.clock().unix_ms() % 120_000;
    assert_eq!(since_open, 40_000);
    bench.origin.read(&numbers, "a").await.unwrap();
    bench.advance(19);
    assert_eq!(*bench.origin.read(&numbers, "a").await.unwrap(), 1);
    bench.advance(1);
    assert_eq!(*bench.origin.read(&numbers, "a").await.unwrap(), 2, "the close");
    bench.advance(59);
    assert_eq!(*bench.origin.read(&numbers, "a").await.unwrap(), 2);
    bench.advance(1);
    assert_eq!(*bench.origin.read(&numbers, "a").await.unwrap(), 3, "the next open");
    bench.close().await;
}

#[tokio::test]
async fn c07_a_caller_is_released_by_its_hard_deadline_even_behind_two_flights() {
    let bench = Bench::in_memory().await;
    let numbers = bench.numbers();
    let read = |limit: u32| {
        let numbers = numbers.with(PolicyLayer::new().hard_deadline(SECOND * limit));
        let stuck = |_| std::future::pending::<Result<Fill<u32>, Error>>();
        tokio::spawn(async move { numbers.get_or_fetch(&"a".to_owned(), stuck).await })
    };
    let calls = AtomicU32::new(0);
    for _ in 0..2 {
        drop(read(1_000));
        let_others_run().await;
        numbers.invalidate(&"a".to_owned()).await.unwrap();
        calls.fetch_add(1, Ordering::SeqCst);
    }
    let third = read(5);
    let_others_run().await;
    bench.advance(5);
    assert_eq!(third.await.unwrap().unwrap_err().kind(), ErrorKind::Deadline);
    assert_eq!(bench.spence.stats().total.origin_calls, 2);
    bench.advance(1_000);
    let_others_run().await;
    bench.close().await;
}
