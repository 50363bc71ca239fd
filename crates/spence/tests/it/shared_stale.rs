//! A stale value in the shared tier: the origin is asked all the same, and it stands in if need be.

use std::time::Duration;

use spence::{
    Cache, Clock, Error, Fill, Freshness, PolicyLayer, Redis, Source, Spence, SpenceBuilder,
};
use spence_testkit::RedisServer;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::cluster::until;
use crate::gathered::calls;

const TTL: Duration = Duration::from_millis(300);
const HOUR: Duration = Duration::from_secs(3600);

async fn node(server: &RedisServer) -> (Spence, Cache<u32, u32>) {
    build(server, Spence::builder()).await
}

async fn build(server: &RedisServer, builder: SpenceBuilder) -> (Spence, Cache<u32, u32>) {
    build_with(server, builder, |redis| redis).await
}

async fn build_with(
    server: &RedisServer,
    builder: SpenceBuilder,
    set: impl Fn(Redis) -> Redis,
) -> (Spence, Cache<u32, u32>) {
    let redis = set(Redis::at(server.url()).deadline(Duration::from_secs(5)));
    let policy = PolicyLayer::new().ttl(TTL).jitter(0.0).stale_if_error(HOUR);
    let policy = policy.error_backoff(Duration::ZERO);
    let spence = builder.redis(redis).policy("numbers", policy).build().await.unwrap();
    until("connected", async || spence.stats().redis.unwrap().away.is_none()).await;
    let numbers = spence.cache("numbers").build().unwrap();
    (spence, numbers)
}

async fn within<T>(work: impl Future<Output = T>) -> T {
    let answer = Clock::system().timeout(Duration::from_secs(10), work).await;
    answer.expect("it goes round and round")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_value_that_others_hold_too_is_fetched_anew() {
    let server = RedisServer::start();
    let (_a, a) = node(&server).await;
    a.insert(1, 1).await.unwrap();
    let (_b, b) = node(&server).await;
    Clock::system().sleep(2 * TTL).await;
    for (node, version) in [(&a, 2), (&b, 3)] {
        server.command(&["CONFIG", "RESETSTAT"]);
        let fill = move |_| async move { Ok::<_, Error>(Fill::new(version)) };
        let hit = within(node.get_or_fetch(&1, fill)).await.unwrap();
        assert_eq!(
            (*hit, hit.source(), hit.freshness()),
            (version, Source::Origin, Freshness::Fresh)
        );
        // Those of the scripts among them.
        let reads = calls(&server, "get");
        assert!(reads < 10, "{reads} reads");
        Clock::system().sleep(2 * TTL).await;
    }
    let fails = |_| async { Err::<Fill<u32>, _>(Error::origin("gone")) };
    let hit = within(a.get_or_fetch(&1, fails)).await.unwrap();
    assert!(hit.freshness().is_stale());
    assert_eq!(*hit, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_value_that_others_hold_too_stands_in_for_all_who_ask() {
    let server = RedisServer::start();
    for builder in [Spence::builder(), Spence::builder().no_memory()] {
        let (_spence, node) = build(&server, builder).await;
        node.insert(1, 1).await.unwrap();
        Clock::system().sleep(2 * TTL).await;
        // What happens to other keys makes no difference.
        let others = tokio::spawn({
            let node = node.clone();
            async move {
                for key in 2..100_000 {
                    node.insert(key, key).await.unwrap();
                }
            }
        });
        for _ in 0..20 {
            let asking: Vec<_> = (0..16)
                .map(|_| {
                    let node = node.clone();
                    let fails = |_| async {
                        Clock::system().sleep(Duration::from_millis(5)).await;
                        Err::<Fill<u32>, _>(Error::origin("gone"))
                    };
                    tokio::spawn(async move { within(node.get_or_fetch(&1, fails)).await })
                })
                .collect();
            for answer in asking {
                let hit = answer.await.unwrap().unwrap();
                assert!(*hit == 1 && hit.freshness().is_stale());
            }
        }
        others.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_looks_while_a_stale_value_is_fetched_anew_does_not_pass_it() {
    let server = RedisServer::start();
    let (spence, node) = node(&server).await;
    node.insert(1, 1).await.unwrap();
    Clock::system().sleep(2 * TTL).await;
    let fetching = tokio::spawn({
        let node = node.clone();
        let fill = |_| async {
            Clock::system().sleep(TTL / 2).await;
            Ok::<_, Error>(Fill::new(2))
        };
        async move { *node.get_or_fetch(&1, fill).await.unwrap() }
    });
    while spence.stats().total.origin_calls == 0 {
        tokio::task::yield_now().await;
    }
    let mut looks = 0;
    while !fetching.is_finished() {
        // So that a look is of a later version.
        node.insert(2, looks).await.unwrap();
        node.get(&1).await;
        looks += 1;
    }
    assert_eq!(fetching.await.unwrap(), 2);
    let refused = spence.stats().total.installs_refused;
    assert_eq!((node.peek(&1).map(|hit| *hit), refused), (Some(2), 0), "{looks} looks");
}

/// A reader whose fill answers with `value` once it is told to.
fn slow(numbers: &Cache<u32, u32>, value: u32) -> (oneshot::Sender<()>, JoinHandle<u32>) {
    let ((go, told), numbers) = (oneshot::channel::<()>(), numbers.clone());
    let fill = move |_| async move {
        told.await.unwrap();
        Ok::<_, Error>(Fill::new(value))
    };
    (go, tokio::spawn(async move { *numbers.get_or_fetch(&1, fill).await.unwrap() }))
}

/// A fill that goes on by itself, since another node takes too long, may end after what is stored
/// later has been shown.
#[tokio::test(flavor = "multi_thread")]
async fn c08_what_was_fetched_alone_does_not_replace_a_later_stale_value() {
    let server = RedisServer::start();
    let ((_b, b), (_c, c)) = (node(&server).await, node(&server).await);
    let redis = |redis: Redis| redis.lease(Duration::from_millis(500));
    let (spence, a) = build_with(&server, Spence::builder(), redis).await;
    let (store, holder) = slow(&c, 2);
    until("leased", async || server.command(&["KEYS", "*:l"]).contains(":l")).await;
    let (go, alone) = slow(&a, 1);
    until("it goes on alone", async || spence.stats().total.origin_calls == 1).await;
    store.send(()).unwrap();
    assert_eq!(holder.await.unwrap(), 2);
    Clock::system().sleep(2 * TTL).await;
    let fill = |_| async { Ok::<_, Error>(Fill::new(3)) };
    assert_eq!(*b.get_or_fetch(&1, fill).await.unwrap(), 3);
    Clock::system().sleep(2 * TTL).await;
    let shown = a.get(&1).await.unwrap();
    assert!(*shown == 3 && shown.freshness().is_stale());
    go.send(()).unwrap();
    assert_eq!(alone.await.unwrap(), 1, "it began before");
    assert_ne!(a.get(&1).await.map(|hit| *hit), Some(1));
}
