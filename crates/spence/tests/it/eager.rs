//! Eager refresh: what is about to expire is fetched anew while it is served as fresh.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use spence::{Batch, Cached, Error, Fill, FillCx, Fills, Freshness, PolicyLayer, Source};

use crate::{Bench, Numbers};

const SECOND: Duration = Duration::from_secs(1);

/// Fresh for 100 seconds; fills take two, so that beta 1 reaches back twenty.
fn numbers(bench: &Bench, beta: f64) -> Numbers {
    let layer = PolicyLayer::new().ttl(SECOND * 100).jitter(0.0).eager_refresh(beta);
    let layer = layer.error_backoff(SECOND * 4);
    bench.spence.cache("numbers").settings(layer).build().unwrap()
}

fn fill(bench: &Bench) -> impl Future<Output = Result<Fill<u32>, Error>> + Send + 'static {
    let (calls, clock) = (Arc::clone(&bench.origin.calls), bench.spence.clock().clone());
    async move {
        let call = calls.fetch_add(1, Ordering::SeqCst) + 1;
        clock.sleep(SECOND * 2).await;
        Ok(Fill::new(call))
    }
}

async fn read(bench: &Bench, numbers: &Numbers) -> Result<Cached<u32>, Error> {
    let fill = fill(bench);
    let hit = numbers.get_or_fetch(&"a".to_owned(), |_| fill).await;
    let_others_run().await;
    hit
}

async fn let_others_run() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

/// Fills the key; the clock then stands at the value's birth.
async fn first(bench: &Bench, numbers: &Numbers) {
    let reading = tokio::spawn({
        let (fill, numbers) = (fill(bench), numbers.clone());
        async move { numbers.get_or_fetch(&"a".to_owned(), |_| fill).await.unwrap() }
    });
    let_others_run().await;
    bench.advance(2);
    assert_eq!(*reading.await.unwrap(), 1);
}

/// Reads until a refresh has begun; every read is a fresh hit.
async fn until_refreshed(bench: &Bench, numbers: &Numbers) {
    let before = bench.origin.calls();
    for _ in 0..10_000 {
        let hit = read(bench, numbers).await.unwrap();
        assert_eq!((hit.freshness(), hit.source()), (Freshness::Fresh, Source::Memory));
        assert_eq!(*hit, before);
        if bench.origin.calls() > before {
            return;
        }
    }
    panic!("10,000 reads refreshed nothing");
}

#[tokio::test]
async fn c09_a_read_shortly_before_the_expiry_starts_the_next_fill_and_does_not_wait() {
    let bench = Bench::in_memory().await;
    let numbers = numbers(&bench, 1.0);
    first(&bench, &numbers).await;
    // Nobody draws more than twenty seconds early.
    bench.advance(79);
    for _ in 0..1000 {
        assert_eq!(*read(&bench, &numbers).await.unwrap(), 1);
    }
    assert_eq!(bench.origin.calls(), 1);

    bench.advance(19);
    until_refreshed(&bench, &numbers).await;
    // One fill at a time, however often it is asked for.
    for _ in 0..100 {
        assert_eq!(*read(&bench, &numbers).await.unwrap(), 1);
    }
    assert_eq!(bench.origin.calls(), 2);
    assert!(bench.spence.stats().total.hits > 1100, "each of them is a hit");
    bench.advance(2);
    let_others_run().await;
    let hit = read(&bench, &numbers).await.unwrap();
    assert_eq!((*hit, hit.source(), bench.origin.calls()), (2, Source::Memory, 2));
    bench.close().await;
}

#[tokio::test]
async fn without_beta_nothing_is_refreshed_before_it_has_expired() {
    let bench = Bench::in_memory().await;
    let numbers = numbers(&bench, 0.0);
    first(&bench, &numbers).await;
    bench.advance(99);
    for _ in 0..1000 {
        assert_eq!(*read(&bench, &numbers).await.unwrap(), 1);
    }
    assert_eq!(bench.origin.calls(), 1);
}

#[tokio::test]
async fn peek_and_get_serve_it_as_fresh_and_nothing_is_fresh_for_longer() {
    let bench = Bench::in_memory().await;
    let numbers = numbers(&bench, 100.0);
    first(&bench, &numbers).await;
    let key = "a".to_owned();
    for _ in 0..99 {
        bench.advance(1);
        assert_eq!(numbers.peek(&key).unwrap().freshness(), Freshness::Fresh);
        assert_eq!(numbers.get(&key).await.unwrap().freshness(), Freshness::Fresh);
    }
    let explanation = bench.spence.explain("numbers", "a").await.unwrap();
    let held = explanation.memory.unwrap();
    assert_eq!((held.state, held.fresh_for), ("fresh", SECOND));
    bench.advance(1);
    assert!(numbers.peek(&key).is_none() && numbers.get(&key).await.is_none());
    assert_eq!(bench.origin.calls(), 1);
}

#[tokio::test]
async fn a_failing_eager_fill_is_nobodys_error() {
    let bench = Bench::in_memory().await;
    let numbers = numbers(&bench, 1.0);
    first(&bench, &numbers).await;
    bench.advance(99);
    for _ in 0..10_000 {
        assert_eq!(*bench.origin.fail(&numbers, "a").await.unwrap(), 1);
        let_others_run().await;
        if bench.origin.calls() > 1 {
            break;
        }
    }
    // It is left alone for a while, and then asked again.
    for _ in 0..100 {
        assert_eq!(*bench.origin.fail(&numbers, "a").await.unwrap(), 1);
    }
    assert_eq!(bench.origin.calls(), 2);
    bench.advance(1);
    // It has expired, and whoever reads now has a call of his own, which works.
    let fresh = bench.origin.read(&numbers, "a").await.unwrap();
    assert_eq!((*fresh, fresh.source()), (3, Source::Origin));
}

#[tokio::test]
async fn c01_an_invalidation_holds_against_an_eager_fill() {
    let bench = Bench::in_memory().await;
    let numbers = numbers(&bench, 1.0);
    first(&bench, &numbers).await;
    bench.advance(98);
    until_refreshed(&bench, &numbers).await;
    numbers.invalidate(&"a".to_owned()).await.unwrap();
    let late = tokio::spawn({
        let (numbers, fill) = (numbers.clone(), fill(&bench));
        async move { numbers.get_or_fetch(&"a".to_owned(), |_| fill).await.unwrap() }
    });
    let_others_run().await;
    bench.advance(2);
    assert_eq!(*late.await.unwrap(), 3, "neither the old value nor what was being fetched");
    bench.close().await;
}

#[tokio::test]
async fn a_batch_refreshes_eagerly_too() {
    let bench = Bench::in_memory().await;
    let numbers = numbers(&bench, 100.0);
    first(&bench, &numbers).await;
    bench.advance(99);
    let calls = Arc::clone(&bench.origin.calls);
    let fetch = move |missing: Vec<FillCx<String, u32>>| {
        let calls = Arc::clone(&calls);
        async move {
            let call = calls.fetch_add(1, Ordering::SeqCst) + 1;
            let fill = |cx: &FillCx<String, u32>| (cx.key().clone(), Fill::new(call));
            Ok::<_, Error>(missing.iter().map(fill).collect::<Fills<_, _>>())
        }
    };
    for _ in 0..10_000 {
        let keys = ["a".to_owned()];
        let answers = numbers.get_many_or_fetch(&keys, Batch::chunks(10), fetch.clone()).await;
        assert_eq!(**answers[0].as_ref().unwrap(), 1);
        let_others_run().await;
        if bench.origin.calls() > 1 {
            break;
        }
    }
    assert_eq!(bench.origin.calls(), 2);
    assert_eq!(*read(&bench, &numbers).await.unwrap(), 2);
}

#[tokio::test]
async fn c15_a_policy_switches_it_on_and_off_for_what_is_held() {
    let bench = Bench::in_memory().await;
    let numbers: Numbers = bench.spence.cache("numbers").build().unwrap();
    let named = |beta: f64| {
        let layer = PolicyLayer::new().ttl(SECOND * 100).jitter(0.0).eager_refresh(beta);
        BTreeMap::from([("numbers".to_owned(), layer)])
    };
    bench.spence.set_policies(PolicyLayer::new(), named(0.0)).unwrap();
    first(&bench, &numbers).await;
    bench.advance(99);
    for _ in 0..100 {
        read(&bench, &numbers).await.unwrap();
    }
    assert_eq!(bench.origin.calls(), 1);
    bench.spence.set_policies(PolicyLayer::new(), named(100.0)).unwrap();
    assert!(numbers.peek(&"a".to_owned()).is_some(), "it is examined under the new policy");
    bench.spence.set_policies(PolicyLayer::new(), named(0.0)).unwrap();
    let held = bench.spence.explain("numbers", "a").await.unwrap().memory.unwrap();
    assert_eq!((held.state, held.fresh_for), ("fresh", SECOND));
    for _ in 0..100 {
        assert_eq!(*read(&bench, &numbers).await.unwrap(), 1);
    }
    assert_eq!(bench.origin.calls(), 1, "it is off again");
    bench.spence.set_policies(PolicyLayer::new(), named(100.0)).unwrap();
    until_refreshed(&bench, &numbers).await;
    let wrong = bench.spence.set_policies(PolicyLayer::new(), named(101.0)).unwrap_err();
    assert!(wrong.to_string().contains("eager_refresh 101, expected 0 to 100"), "{wrong}");
}
