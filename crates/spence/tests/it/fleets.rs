//! The shared tier behind sentinels, in a cluster, and over TLS: real servers of each kind.

use std::time::Duration;

use spence::{Cache, Error, Fill, Redis, Scope, Source, Spence, Target};
use spence_testkit::{RedisCluster, RedisSentinels, RedisServer, RedisTls};

use crate::cluster::until;

struct Node {
    spence: Spence,
    numbers: Cache<u32, u32>,
}

impl Node {
    async fn at(redis: Redis) -> Self {
        let redis = redis.deadline(Duration::from_millis(500));
        let spence = Spence::builder().redis(redis).build().await.unwrap();
        until("connected", async || spence.stats().redis.unwrap().away.is_none()).await;
        let numbers = spence.cache("numbers").build().unwrap();
        Self { spence, numbers }
    }

    async fn fetch(&self, key: u32, value: u32) -> (u32, Source) {
        let fill = move |_| async move { Ok::<_, Error>(Fill::new(value).tags(["tag"])) };
        let hit = self.numbers.get_or_fetch(&key, fill).await.unwrap();
        (*hit, hit.source())
    }

    async fn held(&self, key: u32) -> Option<u32> {
        self.numbers.get(&key).await.map(|hit| *hit)
    }
}

/// What must hold wherever the servers are. Keys are many enough for each server of a cluster.
async fn shares_and_invalidates(redis: impl Fn() -> Redis) {
    let (a, b) = (Node::at(redis()).await, Node::at(redis()).await);
    for key in 0..30 {
        assert_eq!(a.fetch(key, key).await, (key, Source::Origin));
        assert_eq!(b.fetch(key, 100).await, (key, Source::Redis));
    }
    assert_eq!(a.numbers.invalidate(&7).await.unwrap(), Scope::Cluster);
    until("one is gone", async || b.held(7).await.is_none()).await;
    assert_eq!(b.fetch(7, 107).await, (107, Source::Origin));
    a.numbers.insert(8, 108).await.unwrap();
    until("one is replaced", async || b.held(8).await == Some(108)).await;
    let late = Node::at(redis()).await;
    let keys: Vec<_> = (0..30).collect();
    let found = late.numbers.get_many(&keys).await;
    assert_eq!(found.iter().flatten().filter(|hit| hit.source() == Source::Redis).count(), 30);
    assert_eq!(b.spence.invalidate(&Target::Tag("tag".into())).await.unwrap(), Scope::Cluster);
    until("those with the tag are gone", async || {
        a.held(0).await.is_none() && late.held(29).await.is_none()
    })
    .await;
    assert_eq!(a.held(8).await, Some(108), "it has no tag");
}

/// A fill that another node invalidates, or that two nodes want, behaves as on a single server.
async fn fills_are_leased(redis: impl Fn() -> Redis) {
    let (a, b) = (Node::at(redis()).await, Node::at(redis()).await);
    for key in 100..110 {
        let (begun, beginning) = tokio::sync::oneshot::channel::<()>();
        let (finish, finishing) = tokio::sync::oneshot::channel::<()>();
        let numbers = a.numbers.clone();
        let filling = tokio::spawn(async move {
            let fill = |_| async move {
                begun.send(()).unwrap();
                finishing.await.unwrap();
                Ok::<_, Error>(Fill::new(1))
            };
            *numbers.get_or_fetch(&key, fill).await.unwrap()
        });
        beginning.await.unwrap();
        let second = match key % 2 {
            // It waits for the other's value.
            0 => {
                let numbers = b.numbers.clone();
                Some(tokio::spawn(async move {
                    let fill = |_| async { Ok::<_, Error>(Fill::new(2)) };
                    *numbers.get_or_fetch(&key, fill).await.unwrap()
                }))
            }
            _ => {
                b.numbers.invalidate(&key).await.unwrap();
                None
            }
        };
        finish.send(()).unwrap();
        assert_eq!(filling.await.unwrap(), 1, "its caller gets it");
        match second {
            Some(second) => assert_eq!(second.await.unwrap(), 1),
            None => {
                assert_eq!(b.held(key).await, None, "the store was refused");
                until("forgotten", async || a.held(key).await.is_none()).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_shared_as_a_single_server_is() {
    let mut cluster = RedisCluster::start();
    let url = cluster.url();
    let redis = || Redis::at(url.clone());
    shares_and_invalidates(redis).await;
    fills_are_leased(redis).await;

    // With no more rights than are documented.
    let manual = include_str!("../../../../docs/redis.md");
    let grant = manual.lines().find(|line| line.starts_with("ACL SETUSER")).unwrap();
    let words: Vec<_> = grant.split_whitespace().chain(["+cluster|slots", "+asking"]).collect();
    cluster.each(|node| assert_eq!(node.command(&words), "+OK"));
    let user = url.replace("//", "//spence:password@");
    shares_and_invalidates(|| Redis::at(user.clone()).prefix("spence:user")).await;

    // One of its servers is lost, and comes back empty.
    let (a, b) = (Node::at(redis()).await, Node::at(redis()).await);
    a.fetch(200, 1).await;
    assert_eq!(b.fetch(200, 2).await, (1, Source::Redis));
    cluster.node_of("spence:{numbers:200}:v").kill();
    until("noticed", async || {
        matches!(a.numbers.invalidate(&200).await.unwrap(), Scope::Queued { .. })
    })
    .await;
    assert_eq!(a.held(200).await, None);
    assert_eq!(a.fetch(200, 3).await, (3, Source::Origin));
    cluster.node_of("spence:{numbers:200}:v").restart();
    cluster.wait();
    until("told", async || b.held(200).await != Some(1)).await;
    until("in use again", async || a.numbers.invalidate(&200).await.unwrap() == Scope::Cluster)
        .await;
    assert_eq!(b.fetch(200, 4).await.0, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn sentinels_are_asked_again_when_the_master_is_gone() {
    let mut servers = RedisSentinels::start();
    let url = servers.url();
    let redis = || Redis::at(url.clone());
    shares_and_invalidates(redis).await;

    let (a, b) = (Node::at(redis()).await, Node::at(redis()).await);
    a.fetch(200, 1).await;
    assert_eq!(b.fetch(200, 2).await, (1, Source::Redis));
    servers.master.kill();
    until("noticed", async || {
        matches!(a.numbers.invalidate(&201).await.unwrap(), Scope::Queued { .. })
    })
    .await;
    a.numbers.invalidate(&200).await.unwrap();
    assert_eq!(a.held(200).await, None);
    // The replica takes over; it may have the value still, but not for long.
    until("told", async || b.held(200).await.is_none()).await;
    assert!(servers.replica.command(&["ROLE"]).contains("master"));
    until("in use again", async || a.numbers.invalidate(&201).await.unwrap() == Scope::Cluster)
        .await;
    assert_eq!(a.fetch(200, 3).await, (3, Source::Origin));
    assert_eq!(b.fetch(200, 4).await, (3, Source::Redis));
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_trusted_by_its_authority_alone() {
    let tls = RedisTls::start();
    let trusting = || Redis::at(tls.url()).ca(tls.ca());
    shares_and_invalidates(trusting).await;

    // The system knows nothing of that authority.
    let stranger = Spence::builder().redis(tls.url()).build().await.unwrap();
    let away = stranger.stats().redis.unwrap().away.unwrap();
    assert!(away.contains("certificate") || away.contains("UnknownIssuer"), "{away}");
    let wrong = Redis::at(tls.url()).ca("-----BEGIN NOTHING-----").check().unwrap_err();
    assert!(wrong.to_string().contains("redis.ca"), "{wrong}");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_cluster_of_two_inserts_at_the_same_time_no_two_count() {
    let cluster = RedisCluster::start();
    let (a, b) =
        (Node::at(Redis::at(cluster.url())).await, Node::at(Redis::at(cluster.url())).await);
    for round in 0..30 {
        let (one, other) = (2 * round, 2 * round + 1);
        let (first, second) = tokio::join!(a.numbers.insert(1, one), b.numbers.insert(1, other));
        first.and(second).unwrap();
        until("they agree", async || {
            let held = a.held(1).await;
            held.is_none_or(|held| held == one || held == other) && held == b.held(1).await
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_the_cluster_that_goes_back_is_noticed_without_a_call() {
    let mut cluster = RedisCluster::start();
    let node = Node::at(Redis::at(cluster.url())).await;
    let name = |key: u32| format!("spence:{{numbers:{key}}}:v");
    // Not where the log is: nothing is read there.
    let log = cluster.node_of("spence:{log}:stream").port();
    let key = (0..).find(|key| cluster.node_of(&name(*key)).port() != log).unwrap();
    node.fetch(key, 1).await;
    let server = cluster.node_of(&name(key));
    assert_eq!(server.command(&["SAVE"]), "+OK");
    assert_eq!(node.numbers.invalidate(&key).await.unwrap(), Scope::Cluster);
    server.kill();
    server.restart();
    // It is a while until the cluster is whole again, and lets it be deleted.
    assert_ne!(server.command(&["DBSIZE"]), ":0", "it has come back with what was deleted");
    until("told again", async || server.command(&["DBSIZE"]) == ":0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_in_use_again_although_ever_more_is_owed() {
    let mut cluster = RedisCluster::start();
    let node = Node::at(Redis::at(cluster.url())).await;
    let spence = node.spence.clone();
    let owing = (0..4).map(|task| {
        let numbers = node.numbers.clone();
        tokio::spawn(async move {
            for key in (0..1_000).cycle() {
                numbers.invalidate(&(task * 1_000 + key)).await.unwrap();
                tokio::task::yield_now().await;
            }
        })
    });
    let owing: Vec<_> = owing.collect();
    let is_away = || spence.stats().redis.unwrap().away.is_some();
    cluster.nodes()[1].kill();
    until("noticed", async || is_away()).await;
    cluster.nodes()[1].restart();
    cluster.wait();
    until("in use again", async || !is_away()).await;
    owing.iter().for_each(|task| task.abort());
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_cluster_a_lease_that_cannot_be_numbered_is_given_back() {
    let mut cluster = RedisCluster::start();
    let node = Node::at(Redis::at(cluster.url())).await;
    for key in 0..5 {
        let state = cluster.node_of("spence:{log}:state");
        // Between this and that the node may have noticed, so it is tried some times.
        state.command(&["DEL", "spence:{log}:state"]);
        assert_eq!(node.fetch(key, 1).await, (1, Source::Origin));
        let lease = format!("spence:{{numbers:{key}}}:l");
        let held = cluster.node_of(&lease).command(&["EXISTS", &lease]);
        assert_eq!(held, ":0", "others would wait for it");
        until("in use again", async || node.spence.stats().redis.unwrap().away.is_none()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_of_this_machine_will_do() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("redis.sock");
    let socket = socket.to_str().unwrap();
    let server = RedisServer::start_with(&["--save", "", "--unixsocket", socket]);
    let url = format!("redis+unix://{socket}");
    shares_and_invalidates(|| Redis::at(url.clone())).await;
    server.command(&["CONFIG", "SET", "requirepass", "p+a&s/s"]);
    for (prefix, login) in [("one", ":p+a&s%2Fs"), ("two", "default:p%2Ba%26s%2Fs")] {
        let url = format!("redis+unix://{login}@{socket}");
        shares_and_invalidates(|| Redis::at(url.clone()).prefix(prefix)).await;
    }
}
