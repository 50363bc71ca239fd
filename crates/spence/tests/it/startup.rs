//! Starting with a shared tier that is not as it should be: the node serves, and says what is
//! wrong.

use std::io::Write;
use std::net::TcpListener;
use std::time::Duration;

use spence::{Clock, Error, Fill, Freshness, PolicyLayer, Redis, Scope, Source, Spence};
use spence_testkit::RedisServer;

use crate::cluster::until;

/// A node on such a tier: it fetches and holds values, queues what it invalidates, and says why.
async fn serves_without(redis: Redis, why: &str) -> Spence {
    let spence = Spence::builder().redis(redis).build().await.unwrap();
    let numbers = spence.cache::<u32, u32>("numbers").build().unwrap();
    let fill = |_| async { Ok::<_, Error>(Fill::new(1)) };
    for source in [Source::Origin, Source::Memory] {
        let hit = numbers.get_or_fetch(&1, fill).await.unwrap();
        assert_eq!((*hit, hit.source()), (1, source), "{why}");
    }
    let held = spence.explain("numbers", "1").await.unwrap().memory.unwrap();
    assert_eq!(held.state, "unverified", "{why}");
    assert_eq!(numbers.invalidate(&1).await.unwrap(), Scope::Queued { durable: false }, "{why}");
    let stats = spence.stats().redis.unwrap();
    let away = stats.away.clone().unwrap_or_default();
    assert!(away.contains(why) && !stats.verified, "expected {why:?}: {stats:?}");
    spence
}

#[tokio::test(flavor = "multi_thread")]
async fn absent_or_mute() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    serves_without(Redis::at(format!("redis://127.0.0.1:{port}")), "").await;
    drop(listener);
    let refused = format!("127.0.0.1:{port}: Connection refused");
    serves_without(Redis::at(format!("redis://127.0.0.1:{port}")), &refused).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn something_that_is_not_redis() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            // The client may have gone.
            drop(client.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
        }
    });
    let redis = Redis::at(format!("redis://127.0.0.1:{port}"));
    serves_without(redis, "it does not answer as Redis does").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_and_too_few_rights() {
    let server = RedisServer::start();
    server.command(&["ACL", "SETUSER", "app", "on", ">secret", "~*", "+@all", "-script"]);
    let at = |credentials: &str| {
        Redis::at(server.url().replace("redis://", &format!("redis://{credentials}@")))
    };
    serves_without(at("app:wrong"), "WRONGPASS").await;
    serves_without(at("app:secret"), "no permissions").await;
    server.command(&["ACL", "SETUSER", "app", "+script"]);
    let spence = Spence::builder().redis(at("app:secret")).build().await.unwrap();
    assert_eq!(spence.stats().redis.unwrap().away, None);
    server.command(&["CONFIG", "SET", "requirepass", "secret"]);
    serves_without(Redis::at(server.url()), "it needs a login").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica() {
    let (master, replica) = (RedisServer::start(), RedisServer::start());
    replica.command(&["REPLICAOF", "127.0.0.1", &master.port().to_string()]);
    serves_without(Redis::at(replica.url()), "it is a replica").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_is_something_else() {
    let server = RedisServer::start();
    server.command(&["SET", "spence:{log}:state", "a text of another application"]);
    serves_without(Redis::at(server.url()), "spence:{log}:state is not ours").await;
    server.command(&["DEL", "spence:{log}:state"]);
    server.command(&["HSET", "spence:{log}:state", "epoch", "a text"]);
    serves_without(Redis::at(server.url()), "spence:{log}:state is not ours").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keys_of_others_are_left_alone() {
    let server = RedisServer::start();
    server.command(&["SET", "theirs", "1"]);
    server.command(&["SET", "spence:{numbers:1}:v", "not one of ours"]);
    let spence = Spence::builder().redis(server.url()).build().await.unwrap();
    let numbers = spence.cache::<u32, u32>("numbers").build().unwrap();
    assert!(numbers.get(&1).await.is_none(), "what cannot be read is a miss");
    let fill = |_| async { Ok::<_, Error>(Fill::new(5)) };
    assert_eq!(*numbers.get_or_fetch(&1, fill).await.unwrap(), 5);
    spence.clear().await.unwrap();
    assert_eq!(server.command(&["GET", "theirs"]), "$1\r\n1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_server_keeps_nothing_and_still_passes_invalidations_on() {
    let server = RedisServer::start();
    server.command(&["CONFIG", "SET", "maxmemory", "1"]);
    let redis = || Redis::at(server.url()).deadline(Duration::from_secs(1));
    let a = Spence::builder().redis(redis()).build().await.unwrap();
    let b = Spence::builder().redis(redis()).build().await.unwrap();
    let (of_a, of_b) = (
        a.cache::<u32, u32>("numbers").build().unwrap(),
        b.cache::<u32, u32>("numbers").build().unwrap(),
    );
    for (numbers, value) in [(&of_a, 1), (&of_b, 2)] {
        let fill = move |_| async move { Ok::<_, Error>(Fill::new(value)) };
        let hit = numbers.get_or_fetch(&1, fill).await.unwrap();
        assert_eq!((*hit, hit.source()), (value, Source::Origin));
        assert_eq!(*numbers.get(&1).await.unwrap(), value);
    }
    let refused = || a.stats().redis.unwrap().refused;
    assert_eq!(refused().as_deref(), Some("it has no memory left for values"));
    assert_eq!(of_a.invalidate(&1).await.unwrap(), Scope::Cluster);
    while of_b.get(&1).await.is_some() {
        Clock::system().sleep(Duration::from_millis(5)).await;
    }
    server.command(&["CONFIG", "SET", "maxmemory", "0"]);
    of_a.insert(2, 2).await.unwrap();
    assert_eq!(refused(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_else_writes_into_the_log_is_passed_over() {
    let server = RedisServer::start();
    let meddle = || server.command(&["XADD", "spence:{log}:stream", "*", "foo", "bar"]);
    meddle();
    let node = async || {
        let redis = Redis::at(server.url()).deadline(Duration::from_secs(1));
        let spence = Spence::builder().redis(redis).build().await.unwrap();
        until("connected", async || spence.stats().redis.unwrap().away.is_none()).await;
        let numbers = spence.cache::<u32, u32>("numbers").build().unwrap();
        (spence, numbers)
    };
    let ((a, of_a), (b, of_b)) = (node().await, node().await);
    for value in 0..5 {
        meddle();
        of_a.insert(1, value).await.unwrap();
        meddle();
        until("found", async || of_b.get(&1).await.is_some_and(|held| *held == value)).await;
        meddle();
        assert_eq!(of_a.invalidate(&1).await.unwrap(), Scope::Cluster);
        until("gone", async || of_b.get(&1).await.is_none()).await;
    }
    for spence in [a, b] {
        let stats = spence.stats().redis.unwrap();
        assert_eq!((stats.away, stats.errors), (None, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_server_what_must_be_verified_is_asked_for_anew() {
    let mut server = RedisServer::start();
    let dir = tempfile::tempdir().unwrap();
    let lag = Duration::from_millis(200);
    let redis = Redis::at(server.url()).deadline(Duration::from_secs(1)).max_lag(lag);
    let builder = Spence::builder().no_memory().redis(redis).disk(dir.path(), 16_000_000);
    let strict = PolicyLayer::new().verified_only(true);
    let spence = builder.policy("strict", strict).build().await.unwrap();
    let numbers = ["numbers", "strict"].map(|name| spence.cache::<u32, u32>(name).build().unwrap());
    let fill = |value| move |_| async move { Ok::<_, Error>(Fill::new(value)) };
    for numbers in &numbers {
        numbers.insert(1, 1).await.unwrap();
        assert_eq!(*numbers.get_or_fetch(&1, fill(2)).await.unwrap(), 1);
    }
    server.kill();
    until("doubtful", async || !spence.stats().redis.unwrap().verified).await;
    let [lenient, strict] = &numbers;
    assert_eq!(lenient.get(&1).await.unwrap().freshness(), Freshness::Unverified);
    let held = spence.explain("numbers", "1").await.unwrap().disk.unwrap();
    assert_eq!(held.state, "unverified");
    assert!(strict.get(&1).await.is_none(), "it is on disk, if not in memory");
    let hit = strict.get_or_fetch(&1, fill(3)).await.unwrap();
    assert_eq!((*hit, hit.source()), (3, Source::Origin));
    spence.close().await;
}

/// The line of docs/redis.md that says which rights a user needs.
fn documented_rights() -> Vec<String> {
    let text = include_str!("../../../../docs/redis.md");
    let line = text.lines().find(|line| line.starts_with("ACL SETUSER")).unwrap();
    line.split(' ').map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_rights_are_enough() {
    let server = RedisServer::start();
    let rights = documented_rights();
    server.command(&rights.iter().map(String::as_str).collect::<Vec<_>>());
    let url = server.url().replace("redis://", "redis://spence:password@");
    let redis =
        || Redis::at(&url).deadline(Duration::from_secs(1)).lease(Duration::from_millis(300));
    let a = Spence::builder().redis(redis()).build().await.unwrap();
    let numbers = a.cache::<u32, u32>("numbers").build().unwrap();
    let slow = |_| async {
        // Long enough for the lease to be renewed.
        Clock::system().sleep(Duration::from_millis(250)).await;
        Ok::<_, Error>(Fill::new(1))
    };
    numbers.get_or_fetch(&1, slow).await.unwrap();
    numbers.insert(2, 2).await.unwrap();
    let expired = numbers.expire(&1).await.unwrap();
    assert_eq!(expired, Scope::Cluster);
    assert_eq!(a.invalidate_tag("tag").await.unwrap(), Scope::Cluster);
    assert_eq!(numbers.get_many(&[3, 4]).await.len(), 2);
    let b = Spence::builder().redis(redis()).build().await.unwrap();
    let of_b = b.cache::<u32, u32>("numbers").build().unwrap();
    assert_eq!(*of_b.get(&2).await.unwrap(), 2);
    assert_eq!(a.clear().await.unwrap(), Scope::Cluster);
    for spence in [a, b] {
        let stats = spence.stats().redis.unwrap();
        assert_eq!((stats.away, stats.errors), (None, 0));
    }
}
