//! Invalidations and expiries of many keys, by name from outside, and across restarts.

use spence::{Cache, ErrorKind, Fill, Freshness, Scope, Spence, Target};

use crate::Bench;

type Bars = Cache<(String, u32), u32>;

async fn filled(spence: &Spence) -> Bars {
    let bars: Bars = spence.cache("bars").build().unwrap();
    for symbol in ["AAPL", "IBM"] {
        for days in [5, 90] {
            let fill = Fill::new(days).tags([symbol]);
            bars.insert_fill((symbol.to_owned(), days), fill).await.unwrap();
        }
    }
    bars
}

async fn held(bars: &Bars) -> String {
    let mut held = Vec::new();
    for symbol in ["AAPL", "IBM"] {
        for days in [5, 90] {
            if bars.get(&(symbol.to_owned(), days)).await.is_some() {
                held.push(format!("{symbol}:{days}"));
            }
        }
    }
    held.join(" ")
}

fn prefix(text: &str) -> Target {
    Target::Prefix { namespace: "bars".into(), prefix: text.into() }
}

fn glob(text: &str) -> Target {
    Target::Glob { namespace: "bars".into(), pattern: text.into() }
}

fn key(text: &str) -> Target {
    Target::Key { namespace: "bars".into(), key: text.into() }
}

#[tokio::test]
async fn every_kind_of_target_covers_what_it_says_and_survives_a_restart() {
    let check = async |target: Target, left: &str| {
        let dir = tempfile::tempdir().unwrap();
        let bench = Bench::on_disk(dir.path()).await;
        let bars = filled(&bench.spence).await;
        assert_eq!(bench.spence.invalidate(&target).await.unwrap(), Scope::Node);
        assert_eq!(held(&bars).await, left, "{target:?}");
        bench.close().await;
        let bench = Bench::on_disk(dir.path()).await;
        let bars: Bars = bench.spence.cache("bars").build().unwrap();
        assert_eq!(held(&bars).await, left, "{target:?} after a restart");
        bars.insert(("AAPL".into(), 5), 1).await.unwrap();
        assert!(held(&bars).await.contains("AAPL:5"), "what comes later lives");
        bench.close().await;
    };
    check(key("AAPL:90"), "AAPL:5 IBM:5 IBM:90").await;
    check(Target::Tag("AAPL".into()), "IBM:5 IBM:90").await;
    check(prefix("AAPL:"), "IBM:5 IBM:90").await;
    check(glob("*:90"), "AAPL:5 IBM:5").await;
    check(glob("*"), "").await;
    check(Target::Namespace("bars".into()), "").await;
    check(Target::Tag("other".into()), "AAPL:5 AAPL:90 IBM:5 IBM:90").await;
    check(Target::Namespace("other".into()), "AAPL:5 AAPL:90 IBM:5 IBM:90").await;
}

#[tokio::test]
async fn a_directory_can_be_invalidated_without_its_caches() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::on_disk(dir.path()).await;
    filled(&bench.spence).await;
    bench.close().await;

    let bench = Bench::on_disk(dir.path()).await;
    bench.spence.invalidate(&key("AAPL:90")).await.unwrap();
    bench.spence.invalidate(&prefix("IBM")).await.unwrap();
    let bars: Bars = bench.spence.cache("bars").build().unwrap();
    assert_eq!(held(&bars).await, "AAPL:5");
    bench.close().await;
}

#[tokio::test]
async fn expired_entries_are_stale_across_a_restart_and_their_grace_runs_from_then() {
    for target in
        [Target::Key { namespace: "numbers".into(), key: "a".into() }, Target::Tag("all".into())]
    {
        let dir = tempfile::tempdir().unwrap();
        let bench = Bench::on_disk(dir.path()).await;
        let numbers = bench.numbers();
        bench.origin.read(&numbers, "a").await.unwrap();
        bench.advance(10);
        bench.spence.expire(&target).await.unwrap();
        assert!(numbers.peek(&"a".into()).unwrap().freshness().is_stale());
        let hands_at = 10;
        bench.close().await;

        let bench = Bench::on_disk(dir.path()).await;
        let numbers = bench.numbers();
        bench.advance(hands_at);
        let held = numbers.get(&"a".into()).await.unwrap();
        assert!(held.freshness().is_stale(), "{target:?}");
        bench.advance(3598);
        assert!(numbers.get(&"a".into()).await.is_some());
        bench.advance(3);
        assert!(numbers.get(&"a".into()).await.is_none(), "{target:?}");
        assert_eq!(*bench.origin.read(&numbers, "a").await.unwrap(), 1);
        assert_eq!(numbers.peek(&"a".into()).unwrap().freshness(), Freshness::Fresh);
        bench.close().await;
    }
}

#[tokio::test]
async fn dead_entries_leave_memory_soon_after_a_ban() {
    let bench = Bench::in_memory().await;
    let numbers = bench.numbers();
    for i in 0..1_000 {
        numbers.insert_fill(format!("k{i}"), Fill::new(i).tags(["all"])).await.unwrap();
    }
    assert_eq!(bench.spence.stats().total.cache_size, 1_000);
    bench.spence.invalidate_tag("all").await.unwrap();
    while bench.spence.stats().total.cache_size > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(bench.spence.stats().total.memory_bytes, 0);
    bench.close().await;
}

#[tokio::test]
async fn targets_that_cannot_be_are_refused() {
    let bench = Bench::in_memory().await;
    filled(&bench.spence).await;
    let check = async |target: Target, expected: &str| {
        let error = bench.spence.invalidate(&target).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{target:?}");
        assert!(error.to_string().contains(expected), "{target:?}: {error}");
    };
    check(key("AAPL"), "1 parts, expected 2").await;
    check(key(""), "is empty").await;
    check(prefix(""), "prefix: key: is empty").await;
    check(glob("[a"), "without a closing").await;
    check(Target::Namespace("../x".into()), "contains '/'").await;
    check(Target::Tag(String::new()), "tag: is empty").await;
    bench.close().await;
}
