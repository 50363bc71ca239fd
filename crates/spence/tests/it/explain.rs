//! What the engine says about itself: why a key is served or not, what happens, how far an
//! invalidation would reach; and policies that change under live data.

use std::collections::BTreeMap;
use std::time::Duration;

use spence::{
    Cache, Clock, Error, Fill, Happening, Listener, MissCause, PolicyLayer, PrivateKey, Redis,
    Source, Spence, StaleUse, Target,
};
use spence_testkit::RedisServer;

use crate::cluster::until;
use crate::{Bench, Numbers, Origin};

const SECOND: Duration = Duration::from_secs(1);

fn key(text: &str) -> String {
    text.to_owned()
}

#[tokio::test]
async fn explain_says_where_how_fresh_under_what_and_why_not() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::on_disk(dir.path()).await;
    let numbers = bench.numbers();
    let explain = async |key: &str| bench.spence.explain("numbers", key).await.unwrap();
    let nothing = explain("a").await;
    assert!(nothing.memory.is_none() && nothing.disk.is_none() && nothing.last_miss.is_none());

    bench.origin.read(&numbers, "a").await.unwrap();
    bench.advance(10);
    let fresh = explain("a").await;
    let (memory, disk) = (fresh.memory.unwrap(), fresh.disk.unwrap());
    assert_eq!((memory.state, disk.state), ("fresh", "fresh"));
    assert_eq!((memory.age, memory.fresh_for), (SECOND * 10, SECOND * 50));
    assert_eq!((disk.age, disk.fresh_for), (SECOND * 10, SECOND * 50));
    assert_eq!(memory.tags, ["all"]);
    assert_eq!(fresh.last_miss.unwrap().cause, MissCause::Absent);
    let from = |name| fresh.policy.iter().find(|setting| setting.name == name).unwrap();
    assert_eq!((from("ttl").from, from("negative_ttl").from), ("cache", "built-in"));
    assert!(from("ttl").value.contains("1m"));

    bench.advance(60);
    assert_eq!(explain("a").await.memory.unwrap().state, "stale");
    bench.spence.invalidate_tag("all").await.unwrap();
    let banned = explain("a").await;
    assert_eq!(banned.banned_by.as_deref(), Some("tag all"));
    assert!(banned.memory.is_none_or(|memory| memory.state == "banned"));
    assert_eq!(banned.disk.unwrap().state, "banned");
    assert!(numbers.get(&key("a")).await.is_none());
    assert_eq!(explain("a").await.last_miss.unwrap().cause, MissCause::Banned);
    let before = bench.spence.stats().total;
    explain("a").await;
    assert_eq!(bench.spence.stats().total, before, "asking is no read");
    assert!(bench.spence.explain("numbers", "").await.is_err());
    bench.close().await;
}

#[tokio::test]
async fn misses_are_counted_by_their_cause() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::on_disk(dir.path()).await;
    let numbers = bench.numbers().with(PolicyLayer::new().stale(StaleUse::Never));
    assert!(numbers.get(&key("a")).await.is_none());
    bench.origin.read(&numbers, "a").await.unwrap();
    bench.advance(61);
    assert!(numbers.get(&key("a")).await.is_none());
    bench.spence.invalidate(&Target::Namespace(key("numbers"))).await.unwrap();
    assert!(numbers.get(&key("a")).await.is_none());
    numbers.insert(key("b"), 1).await.unwrap();
    bench.close().await;
    let (clock, _) = Clock::manual();
    let spence = Spence::builder().clock(clock).disk(dir.path(), 64_000_000).build().await.unwrap();
    let other: Numbers = spence.cache("numbers").schema(7).build().unwrap();
    assert!(other.get(&key("b")).await.is_none());
    assert_eq!(spence.stats().total.misses_schema, 1);
    spence.close().await;

    let bench = Bench::on_disk(dir.path()).await;
    let numbers = bench.numbers();
    assert!(numbers.get(&key("b")).await.is_some());
    assert!(numbers.get(&key("a")).await.is_none());
    let total = bench.spence.stats().total;
    assert_eq!((total.misses, total.misses_banned), (1, 1));
    bench.close().await;
}

/// What has been told, in words.
async fn heard(listener: &mut Listener, count: usize) -> Vec<&'static str> {
    let mut words = Vec::new();
    for _ in 0..count {
        words.push(listener.next().await.unwrap().what.as_str());
    }
    words
}

#[tokio::test]
async fn events_tell_what_happens_and_how_many_were_missed() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::on_disk(dir.path()).await;
    let numbers = bench.numbers();
    numbers.insert(key("before"), 1).await.unwrap();
    let mut listener = bench.spence.listen();
    bench.origin.read(&numbers, "a").await.unwrap();
    bench.origin.read(&numbers, "a").await.unwrap();
    bench.advance(61);
    bench.origin.fail(&numbers, "a").await.unwrap();
    numbers.expire(&key("a")).await.unwrap();
    numbers.invalidate(&key("a")).await.unwrap();
    bench.spence.invalidate_tag("all").await.unwrap();
    let expected = [
        "fill-started",
        "fill-finished",
        "miss",
        "fill-started",
        "fill-failed",
        "stale-served",
        "expired",
        "invalidated",
        "banned",
    ];
    assert_eq!(heard(&mut listener, expected.len()).await, expected);
    for _ in 0..3_000 {
        assert!(numbers.get(&key("nothing")).await.is_none());
    }
    let missed = listener.next().await.unwrap().what;
    assert_eq!(missed, Happening::Missed { events: 3_000 - 1_024 });
    let miss = listener.next().await.unwrap();
    assert_eq!(miss.what, Happening::Miss { cause: MissCause::Absent });
    assert_eq!(miss.cache.as_deref(), Some("numbers"));
    assert!(miss.key_hash.is_some());
    bench.close().await;
}

#[tokio::test]
async fn reach_counts_what_an_invalidation_would_take() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::on_disk(dir.path()).await;
    let numbers = bench.numbers();
    for n in 0..50 {
        let tags = if n % 2 == 0 { vec!["even"] } else { vec![] };
        numbers.insert_fill(format!("{n}:x"), Fill::new(n).tags(tags)).await.unwrap();
    }
    let reach = async |target| {
        let reach = bench.spence.reach(&target).await.unwrap();
        assert!(reach.exact);
        (reach.memory, reach.disk)
    };
    let namespace = || key("numbers");
    assert_eq!(reach(Target::Namespace(namespace())).await, (50, 50));
    assert_eq!(reach(Target::Tag(key("even"))).await, (25, 25));
    let prefix = || Target::Prefix { namespace: namespace(), prefix: key("1") };
    assert_eq!(reach(prefix()).await, (11, 11));
    assert_eq!(reach(Target::Glob { namespace: namespace(), pattern: key("?:*") }).await, (10, 10));
    assert_eq!(reach(Target::Key { namespace: namespace(), key: key("7:x") }).await, (1, 1));
    assert_eq!(reach(Target::Everything).await, (50, 50));
    bench.spence.invalidate(&prefix()).await.unwrap();
    assert_eq!(reach(Target::Everything).await, (39, 39), "what is dead is not counted");
    bench.spence.clear().await.unwrap();
    assert_eq!(reach(Target::Everything).await, (0, 0));
    assert!(numbers.get(&key("2:x")).await.is_none());
    bench.close().await;
}

fn policies(ttl: Duration) -> (PolicyLayer, BTreeMap<String, PolicyLayer>) {
    let layer = PolicyLayer::new().ttl(ttl).stale_if_error(ttl);
    (PolicyLayer::new().jitter(0.0), BTreeMap::from([(key("numbers"), layer)]))
}

#[tokio::test]
async fn c15_policies_change_under_live_data_and_back_exactly() {
    let dir = tempfile::tempdir().unwrap();
    let (clock, hands) = Clock::manual();
    let (defaults, named) = policies(SECOND * 60);
    let builder = Spence::builder().clock(clock).disk(dir.path(), 64_000_000).defaults(defaults);
    let spence = builder.policy("numbers", named["numbers"].clone()).build().await.unwrap();
    let numbers: Numbers = spence.cache("numbers").build().unwrap();
    let bench = Bench { spence, hands, origin: Origin::default() };
    for n in 0..20 {
        bench.origin.read(&numbers, &n.to_string()).await.unwrap();
    }
    bench.advance(10);
    let seen = async || {
        let mut seen = Vec::new();
        for n in 0..20 {
            let held = numbers.get(&n.to_string()).await;
            seen.push(held.map(|held| (*held, held.freshness(), held.age())));
        }
        seen
    };
    let before = seen().await;
    assert!(before.iter().all(|held| held.is_some_and(|(_, freshness, _)| !freshness.is_stale())));

    let (defaults, named) = policies(SECOND * 8);
    bench.spence.set_policies(defaults, named).unwrap();
    assert!(seen().await.iter().all(|held| held.unwrap().1.is_stale()));
    let (defaults, named) = policies(SECOND * 2);
    bench.spence.set_policies(defaults, named).unwrap();
    assert!(seen().await.iter().all(Option::is_none));

    let (defaults, named) = policies(SECOND * 60);
    bench.spence.set_policies(defaults, named).unwrap();
    assert_eq!(seen().await, before);
    assert_eq!(bench.origin.calls(), 20);

    // A change that cannot be changes nothing.
    let (defaults, mut named) = policies(SECOND);
    named.insert(key("other"), PolicyLayer::new().jitter(0.9));
    assert!(bench.spence.set_policies(defaults, named).is_err());
    let (defaults, mut named) = policies(SECOND);
    named.insert(key("numbers"), PolicyLayer::new().memory_budget(1_000_000_u64));
    assert!(bench.spence.set_policies(defaults, named).is_err());
    assert_eq!(seen().await, before);
    bench.close().await;
}

#[tokio::test]
async fn a_hit_below_memory_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let spence = Spence::builder().no_memory().disk(dir.path(), 64_000_000).build().await.unwrap();
    let numbers: Numbers = spence.cache("numbers").build().unwrap();
    numbers.insert(key("a"), 1).await.unwrap();
    let mut listener = spence.listen();
    let fill = |_| async { Ok::<_, Error>(Fill::new(2)) };
    assert_eq!(*numbers.get_or_fetch(&key("a"), fill).await.unwrap(), 1);
    let hit = listener.next().await.unwrap();
    assert_eq!(hit.what, Happening::Hit { source: Source::Disk });
    spence.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_looks_into_the_shared_tier_too() {
    let server = RedisServer::start();
    let node = async || {
        let redis = Redis::at(server.url()).deadline(SECOND * 2);
        let spence = Spence::builder().redis(redis).build().await.unwrap();
        until("connected", async || spence.stats().redis.unwrap().away.is_none()).await;
        spence
    };
    let (spence, other) = (node().await, node().await);
    let numbers: Numbers = spence.cache("numbers").build().unwrap();
    let explain = async |spence: &Spence| spence.explain("numbers", "a").await.unwrap();
    assert_eq!(explain(&spence).await.redis, None);
    let fill = |_| async { Ok::<_, Error>(Fill::new(1).tags(["all"]).ttl(SECOND * 600)) };
    numbers.get_or_fetch(&key("a"), fill).await.unwrap();
    let held = explain(&other).await;
    assert_eq!((held.memory, held.disk, held.banned_by), (None, None, None));
    let held = held.redis.unwrap();
    assert_eq!((held.state, held.negative, held.tags), ("fresh", false, vec![key("all")]));
    assert!(held.gone_in > SECOND * 60 && held.bytes > 0);
    assert!(explain(&spence).await.redis.is_some_and(|held| held.state == "fresh"));

    // The other has no cache of that name, but knows of its bans all the same.
    spence.invalidate_tag("all").await.unwrap();
    until("heard", async || explain(&other).await.banned_by.is_some()).await;
    let banned = explain(&other).await;
    assert_eq!(banned.redis.unwrap().state, "banned");
    assert_eq!(banned.banned_by.as_deref(), Some("tag all"));

    // Of a state that is lost nothing is believed, though no ban covers it.
    numbers.get_or_fetch(&key("a"), fill).await.unwrap();
    assert_eq!(explain(&other).await.redis.unwrap().state, "fresh");
    server.command(&["DEL", "spence:{log}:state"]);
    until("lost", async || {
        explain(&other).await.redis.is_some_and(|held| held.state == "superseded")
    })
    .await;
    assert_eq!(explain(&other).await.banned_by, None);

    server.command(&["SET", "spence:{numbers:a}:v", "not what it should be"]);
    assert_eq!(explain(&other).await.redis, None);
}

#[tokio::test]
async fn private_keys_are_seen_by_nobody_and_have_no_prefixes() {
    let dir = tempfile::tempdir().unwrap();
    let spence = Spence::builder().disk(dir.path(), 1 << 26).build().await.unwrap();
    let mut listener = spence.listen();
    let charts: Cache<PrivateKey, String> = spence.cache("charts").build().unwrap();
    let (born, other) = (PrivateKey::of("1990-06-15 Berlin"), PrivateKey::of("1990-06-16 Berlin"));
    assert!(charts.get(&born).await.is_none());
    charts.insert(born, "hers".to_owned()).await.unwrap();
    charts.insert(other, "his".to_owned()).await.unwrap();
    assert_eq!(*charts.get(&born).await.unwrap(), "hers");
    let explained = spence.explain("charts", born.as_str()).await.unwrap();
    assert!(explained.memory.is_some());
    let told = listener.next().await.unwrap();
    assert!(!format!("{explained:?} {told:?}").contains("Berlin"));
    let namespace = || "charts".to_owned();
    let some = Target::Glob { namespace: namespace(), pattern: "0*".to_owned() };
    for target in [Target::Prefix { namespace: namespace(), prefix: "0".to_owned() }, some] {
        let error = spence.invalidate(&target).await.unwrap_err();
        assert!(error.to_string().contains("the keys of charts are private"), "{error}");
        assert!(spence.expire(&target).await.is_err());
        assert!(spence.reach(&target).await.is_err());
    }
    let one = Target::Key { namespace: namespace(), key: born.as_str().to_owned() };
    spence.invalidate(&one).await.unwrap();
    assert!(charts.get(&born).await.is_none() && charts.get(&other).await.is_some());
    let all = Target::Glob { namespace: namespace(), pattern: "*".to_owned() };
    spence.invalidate(&all).await.unwrap();
    assert!(charts.get(&other).await.is_none());
    spence.close().await;
    let stored = std::fs::read_dir(dir.path()).unwrap().flatten();
    for file in stored.filter(|file| file.path().is_file()) {
        let bytes = std::fs::read(file.path()).unwrap();
        assert!(!bytes.windows(6).any(|bytes| bytes == b"Berlin"), "{file:?}");
    }
}
