//! Several nodes on one shared tier: a real Redis server, and engines that stand for nodes.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use spence::{Cache, Clock, Error, Fill, Freshness, Redis, Scope, Source, Spence, Target};
use spence_testkit::RedisServer;

/// A node without a disk.
pub(crate) struct Node {
    spence: Spence,
    pub(crate) numbers: Cache<String, u32>,
}

const KEY: &str = "key";

impl Node {
    pub(crate) async fn on(server: &RedisServer) -> Self {
        Self::with(Redis::at(server.url())).await
    }

    async fn with(redis: Redis) -> Self {
        // On this machine everything else runs as well.
        let redis = redis.deadline(Duration::from_secs(2));
        let spence = Spence::builder().redis(redis).build().await.unwrap();
        // On a busy machine that takes longer than it is waited for.
        until("connected", async || spence.stats().redis.unwrap().away.is_none()).await;
        let numbers = spence.cache("numbers").build().unwrap();
        Self { spence, numbers }
    }

    async fn on_disk(server: &RedisServer, dir: &Path) -> Self {
        let redis = Redis::at(server.url()).deadline(Duration::from_secs(2));
        let builder = Spence::builder().redis(redis).disk(dir, 16_000_000);
        let spence = builder.build().await.unwrap();
        let numbers = spence.cache("numbers").build().unwrap();
        Self { spence, numbers }
    }

    async fn freshness(&self) -> Option<Freshness> {
        self.numbers.get(&KEY.to_owned()).await.map(|hit| hit.freshness())
    }

    async fn fetch(&self, value: u32) -> (u32, Source) {
        let fill = move |_| async move { Ok::<_, Error>(Fill::new(value).tags(["tag"])) };
        let hit = self.numbers.get_or_fetch(&KEY.to_owned(), fill).await.unwrap();
        (*hit, hit.source())
    }

    async fn held(&self) -> Option<(u32, Source)> {
        self.numbers.get(&KEY.to_owned()).await.map(|hit| (*hit, hit.source()))
    }
}

/// Waits until something holds, for a minute at most.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..6_000 {
        if holds().await {
            return;
        }
        Clock::system().sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_node_has_fetched_the_others_find() {
    let server = RedisServer::start();
    let (a, b) = (Node::on(&server).await, Node::on(&server).await);
    assert_eq!(a.fetch(1).await, (1, Source::Origin));
    assert_eq!(b.held().await, Some((1, Source::Redis)));
    assert_eq!(b.held().await, Some((1, Source::Memory)));
    assert_eq!(b.fetch(2).await, (1, Source::Memory));

    // So do those that come later.
    let c = Node::on(&server).await;
    assert_eq!(c.fetch(3).await, (1, Source::Redis));
    assert_eq!(c.spence.stats().total.redis_hits, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalidation_reaches_every_node_and_what_joins_later() {
    let target = |kind: u32| match kind {
        0 => Target::Key { namespace: "numbers".into(), key: KEY.into() },
        1 => Target::Tag("tag".into()),
        2 => Target::Prefix { namespace: "numbers".into(), prefix: "k".into() },
        3 => Target::Glob { namespace: "numbers".into(), pattern: "*e*[^z]".into() },
        4 => Target::Namespace("numbers".into()),
        _ => Target::Everything,
    };
    let server = RedisServer::start();
    let (a, b) = (Node::on(&server).await, Node::on(&server).await);
    for kind in 0..6 {
        let value = 10 * kind;
        assert_eq!(a.fetch(value).await, (value, Source::Origin));
        assert_eq!(b.fetch(value + 1).await, (value, Source::Redis));
        assert_eq!(a.spence.invalidate(&target(kind)).await.unwrap(), Scope::Cluster);
        assert_eq!(a.held().await, None, "{:?}", target(kind));
        until("gone on the other node", async || b.held().await.is_none()).await;
        let late = Node::on(&server).await;
        assert_eq!(late.held().await, None, "{:?}", target(kind));
        assert_eq!(b.fetch(value + 2).await, (value + 2, Source::Origin));
        assert_eq!(late.fetch(value + 3).await, (value + 2, Source::Redis));
        a.spence.invalidate(&target(0)).await.unwrap();
        until("gone", async || b.held().await.is_none()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_insert_replaces_what_other_nodes_hold() {
    let server = RedisServer::start();
    let (a, b) = (Node::on(&server).await, Node::on(&server).await);
    a.fetch(1).await;
    assert_eq!(b.held().await, Some((1, Source::Redis)));
    a.numbers.insert(KEY.into(), 2).await.unwrap();
    assert_eq!(a.held().await, Some((2, Source::Memory)));
    until("replaced", async || b.held().await.is_some_and(|held| held.0 == 2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_node_of_the_cluster_fills_and_the_others_wait_for_it() {
    let server = RedisServer::start();
    let mut nodes = Vec::new();
    for _ in 0..3 {
        nodes.push(Arc::new(Node::on(&server).await));
    }
    let calls = Arc::new(AtomicU32::new(0));
    let mut callers = Vec::new();
    for n in 0..30 {
        let (node, calls) = (Arc::clone(&nodes[n % 3]), Arc::clone(&calls));
        callers.push(tokio::spawn(async move {
            let fill = move |_| async move {
                let call = calls.fetch_add(1, Ordering::SeqCst);
                Clock::system().sleep(Duration::from_millis(300)).await;
                Ok::<_, Error>(Fill::new(call))
            };
            *node.numbers.get_or_fetch(&KEY.to_owned(), fill).await.unwrap()
        }));
    }
    for caller in callers {
        assert_eq!(caller.await.unwrap(), 0);
    }
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fill_that_another_node_invalidates_is_installed_nowhere() {
    let server = RedisServer::start();
    let (a, b) = (Arc::new(Node::on(&server).await), Node::on(&server).await);
    for by_tag in [false, true] {
        let (started, begun) = tokio::sync::oneshot::channel::<()>();
        let (finish, finished) = tokio::sync::oneshot::channel::<()>();
        let filling = Arc::clone(&a);
        let caller = tokio::spawn(async move {
            let fill = move |_| async move {
                started.send(()).unwrap();
                finished.await.unwrap();
                Ok::<_, Error>(Fill::new(1).tags(["tag"]))
            };
            *filling.numbers.get_or_fetch(&KEY.to_owned(), fill).await.unwrap()
        });
        begun.await.unwrap();
        let target = match by_tag {
            true => Target::Tag("tag".into()),
            false => Target::Key { namespace: "numbers".into(), key: KEY.into() },
        };
        assert_eq!(b.spence.invalidate(&target).await.unwrap(), Scope::Cluster);
        // The other node has heard of it or not: that must make no difference.
        finish.send(()).unwrap();
        assert_eq!(caller.await.unwrap(), 1, "its waiter gets it");
        assert_eq!(b.held().await, None, "by tag: {by_tag}");
        until("forgotten", async || a.held().await.is_none()).await;
        let late = Node::on(&server).await;
        assert_eq!(late.held().await, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_server_nodes_serve_and_queue_and_catch_up_when_it_returns() {
    // It comes back with all that it had.
    let mut server = RedisServer::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let (a, b) = (Node::on(&server).await, Node::on(&server).await);
    a.fetch(1).await;
    assert_eq!(b.fetch(2).await, (1, Source::Redis));

    server.kill();
    until("noticed", async || {
        let other = Target::Key { namespace: "numbers".into(), key: "other".into() };
        a.spence.invalidate(&other).await.unwrap() != Scope::Cluster
    })
    .await;
    let scope = a.numbers.invalidate(&KEY.to_owned()).await.unwrap();
    assert_eq!(scope, Scope::Queued { durable: false });
    assert_eq!(a.held().await, None);
    assert_eq!(b.fetch(3).await, (1, Source::Memory), "it cannot know");
    until("labelled", async || {
        b.numbers.get(&KEY.to_owned()).await.unwrap().freshness() == Freshness::Unverified
    })
    .await;

    server.restart();
    // What is there again must not be believed before it has been told.
    let read = a.fetch(4).await;
    assert_eq!(read, (4, Source::Origin));
    until("told", async || b.held().await.is_none_or(|held| held.0 == 4)).await;
    until("connected", async || {
        a.numbers.invalidate(&"other".to_owned()).await.unwrap() == Scope::Cluster
    })
    .await;
    let late = Node::on(&server).await;
    assert!(late.held().await.is_none_or(|held| held.0 == 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn c04_what_is_queued_is_told_even_if_the_process_ends_before_it() {
    let mut server = RedisServer::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (Node::on_disk(&server, dir.path()).await, Node::on(&server).await);
    a.fetch(1).await;
    assert_eq!(b.fetch(2).await, (1, Source::Redis));
    server.kill();
    let scope = a.numbers.invalidate(&KEY.to_owned()).await.unwrap();
    assert_eq!(scope, Scope::Queued { durable: true });
    assert_eq!(a.spence.stats().redis.unwrap().queued, 1);
    a.spence.close().await;
    drop(a);

    let a = Node::on_disk(&server, dir.path()).await;
    assert_eq!(a.spence.stats().redis.unwrap().queued, 1, "it is owed still");
    assert_eq!(b.held().await, Some((1, Source::Memory)));
    server.restart();
    until("told", async || b.held().await.is_none()).await;
    assert_eq!(a.held().await, None);
    until("struck out", async || std::fs::metadata(dir.path().join("owed")).unwrap().len() == 0)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c03_what_the_disk_has_kept_is_verified_if_nothing_was_missed_meanwhile() {
    let server = RedisServer::start();
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (Node::on_disk(&server, dir.path()).await, Node::on(&server).await);
    // Kept once something has been read, and it has been on disk for a while.
    until("its place is kept", async || {
        b.numbers.invalidate(&"other".to_owned()).await.unwrap();
        dir.path().join("place").exists()
    })
    .await;
    a.fetch(1).await;
    a.spence.close().await;
    drop(a);

    let a = Node::on_disk(&server, dir.path()).await;
    assert_eq!(a.held().await, Some((1, Source::Disk)));
    assert_eq!(a.freshness().await, Some(Freshness::Fresh));
    a.spence.close().await;
    drop(a);

    // What happens while it is away is read when it is back.
    b.numbers.invalidate(&KEY.to_owned()).await.unwrap();
    let a = Node::on_disk(&server, dir.path()).await;
    assert_eq!(a.held().await, None);
    a.fetch(2).await;
    a.spence.close().await;
    drop(a);

    // Unless the records are gone.
    b.numbers.invalidate(&"other".to_owned()).await.unwrap();
    server.command(&["XTRIM", "spence:{log}:stream", "MAXLEN", "0"]);
    server.command(&["DEL", "spence:{numbers:key}:v"]);
    let a = Node::on_disk(&server, dir.path()).await;
    assert_eq!(a.freshness().await, Some(Freshness::Unverified));
}

#[tokio::test(flavor = "multi_thread")]
async fn hits_are_compared_with_what_the_others_have_now_and_then() {
    let server = RedisServer::start();
    let lag = Duration::from_millis(100);
    let redis = || Redis::at(server.url()).max_lag(lag).shadow(1.0);
    let (a, b) = (Node::with(redis()).await, Node::with(redis()).await);
    a.fetch(1).await;
    let compared = |node: &Node| {
        let redis = node.spence.stats().redis.unwrap();
        (redis.shadow_checked, redis.shadow_differed)
    };
    until("compared", async || {
        a.held().await;
        compared(&a).0 > 0
    })
    .await;
    assert_eq!(compared(&a).1, 0);
    // Behind everybody's back: nothing tells the first node.
    server.command(&["DEL", "spence:{numbers:key}:v"]);
    Clock::system().sleep(3 * lag).await;
    b.fetch(2).await;
    until("found to differ", async || {
        assert_eq!(a.held().await.map(|held| held.0), Some(1));
        compared(&a).1 > 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalidation_that_nobody_waits_for_any_more_reaches_all_the_same() {
    let mut server = RedisServer::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let (a, b) = (Node::on(&server).await, Node::on(&server).await);
    a.fetch(1).await;
    assert_eq!(b.fetch(2).await.0, 1);
    // The server hears of it only after its caller has gone.
    server.freeze();
    let key = KEY.to_owned();
    let mut invalidating = Box::pin(a.numbers.invalidate(&key));
    assert!(futures_util::FutureExt::now_or_never(&mut invalidating).is_none());
    drop(invalidating);
    server.kill();
    server.restart();
    until("forgotten everywhere", async || b.held().await.is_none()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_inserts_at_the_same_time_one_counts_on_both_nodes() {
    let server = RedisServer::start();
    let (a, b) = (Node::on(&server).await, Node::on(&server).await);
    for round in 0..50 {
        let (one, other) = (2 * round, 2 * round + 1);
        let (first, second) =
            tokio::join!(a.numbers.insert(KEY.into(), one), b.numbers.insert(KEY.into(), other));
        first.and(second).unwrap();
        until("they agree", async || {
            let (held, others) = (a.held().await, b.held().await);
            let held = held.map(|held| held.0);
            held.is_some_and(|held| held == one || held == other)
                && held == others.map(|held| held.0)
        })
        .await;
    }
}

/// Sets a number at the end, also when the test fails.
struct Finally<'a>(&'a AtomicU32, u32);

impl Drop for Finally<'_> {
    fn drop(&mut self) {
        self.0.store(self.1, Ordering::SeqCst);
    }
}

/// A node inserts again and again while something happens to its lease; the other must not keep
/// what it had before.
async fn inserts_are_heard_of_while(meddling: &[&str]) {
    let server = RedisServer::start();
    let (a, b) = (Node::on(&server).await, Node::on(&server).await);
    let phase = AtomicU32::new(0);
    std::thread::scope(|scope| {
        let meddler = scope.spawn(|| {
            while phase.load(Ordering::SeqCst) < 2 {
                if phase.load(Ordering::SeqCst) == 1 {
                    server.command(meddling);
                }
            }
        });
        let inserting = async {
            let _end = Finally(&phase, 2);
            for round in 0..100 {
                b.fetch(1_000).await;
                phase.store(1, Ordering::SeqCst);
                a.numbers.insert(KEY.into(), round).await.unwrap();
                phase.store(0, Ordering::SeqCst);
                until("the older one is gone", async || {
                    let current = |held: Option<(u32, _)>| held.is_none_or(|held| held.0 == round);
                    current(a.held().await) && current(b.held().await)
                })
                .await;
            }
        };
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(inserting));
        meddler.join().unwrap();
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn an_insert_whose_lease_the_server_has_evicted_is_heard_of() {
    inserts_are_heard_of_while(&["DEL", "spence:{numbers:key}:l"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_insert_is_heard_of_although_one_that_came_in_between_is_never_made() {
    inserts_are_heard_of_while(&["SET", "spence:{numbers:key}:l", "!dead-1", "PX", "20"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_restarted_server_has_lost_is_told_again() {
    let mut server = RedisServer::start();
    let (a, b) = (Node::on(&server).await, Node::on(&server).await);
    a.fetch(1).await;
    assert_eq!(b.fetch(2).await, (1, Source::Redis));
    assert!(server.command(&["SAVE"]).contains("OK"));
    assert_eq!(a.numbers.invalidate(&KEY.to_owned()).await.unwrap(), Scope::Cluster);
    until("forgotten", async || b.held().await.is_none()).await;

    // It comes back as it was before the invalidation, the value with it.
    server.kill();
    server.restart();
    assert_eq!(server.command(&["EXISTS", "spence:{numbers:key}:v"]), ":1");
    until("told again", async || {
        assert_eq!((a.held().await, b.held().await), (None, None));
        server.command(&["EXISTS", "spence:{numbers:key}:v"]) == ":0"
    })
    .await;
    let late = Node::on(&server).await;
    assert_eq!(late.held().await, None);
    assert_eq!(b.fetch(3).await, (3, Source::Origin));
    assert_eq!(late.held().await, Some((3, Source::Redis)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fill_that_is_not_shared_makes_nobody_doubt_the_server() {
    let server = RedisServer::start();
    let (a, b) = (Node::on(&server).await, Node::on(&server).await);
    a.fetch(1).await;
    let fill = |_| async { Ok::<_, Error>(Fill::new(2).no_store()) };
    a.numbers.get_or_fetch(&"other".to_owned(), fill).await.unwrap();
    // Longer than the log is read once.
    Clock::system().sleep(Duration::from_millis(1_200)).await;
    assert_eq!(a.freshness().await, Some(Freshness::Fresh));
    assert_eq!(b.held().await, Some((1, Source::Redis)));
    assert_eq!(server.command(&["EXISTS", "spence:{numbers:key}:v"]), ":1");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_else_has_put_under_a_key_is_nothing_and_no_fault() {
    let server = RedisServer::start();
    let node = Node::on(&server).await;
    server.command(&["LPUSH", "spence:{numbers:a}:v", "theirs"]);
    assert!(node.numbers.get(&"a".to_owned()).await.is_none());
    let redis = node.spence.stats().redis.unwrap();
    assert_eq!((redis.away, redis.refused, redis.errors), (None, None, 0));
}
