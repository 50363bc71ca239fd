//! Leases: one node of the cluster fills a key, and what happens when that one dies or is slow.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use spence::{Cache, Clock, Error, Fill, Redis, Source, Spence, Target};
use spence_testkit::RedisServer;
use tokio::sync::Semaphore;

use crate::cluster::until;
use crate::gathered::calls;

/// Set in a child: where the server is, and the file that tells that its fill has begun.
const CHILD: &str = "SPENCE_TEST_LEASES_CHILD";
const LEASE: Duration = Duration::from_secs(2);
const KEY: &str = "key";

struct Node {
    _spence: Spence,
    numbers: Cache<String, u32>,
}

async fn node(url: &str, lease: Duration) -> Node {
    let redis = Redis::at(url).deadline(Duration::from_secs(1)).lease(lease);
    let spence = Spence::builder().redis(redis).build().await.unwrap();
    until("connected", async || spence.stats().redis.unwrap().away.is_none()).await;
    let numbers = spence.cache("numbers").build().unwrap();
    Node { _spence: spence, numbers }
}

async fn wait(duration: Duration) {
    Clock::system().sleep(duration).await;
}

/// Fills the key for ever.
#[test]
fn child() {
    let Ok(what) = std::env::var(CHILD) else { return };
    let (url, begun) = what.split_once('#').unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let node = node(url, LEASE).await;
        let begun = Path::new(begun).to_owned();
        let fill = move |_| async move {
            std::fs::write(begun, "").unwrap();
            wait(Duration::from_secs(20)).await;
            Ok::<_, Error>(Fill::new(1))
        };
        node.numbers.get_or_fetch(&KEY.to_owned(), fill).await.unwrap();
    });
}

fn start_holder(url: &str, begun: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "leases::child", "--nocapture"])
        .env(CHILD, format!("{url}#{}", begun.display()))
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn c07_when_the_node_that_fills_is_killed_another_fills_once_its_lease_is_over() {
    let server = RedisServer::start();
    let dir = tempfile::tempdir().unwrap();
    let begun = dir.path().join("begun");
    let mut holder = start_holder(&server.url(), &begun);
    while !begun.exists() {
        wait(Duration::from_millis(5)).await;
    }
    let mut nodes = Vec::new();
    for _ in 0..3 {
        nodes.push(Arc::new(node(&server.url(), LEASE).await));
    }
    let calls = Arc::new(AtomicU32::new(0));
    let followers: Vec<_> = (0..20)
        .map(|n| {
            let (node, calls) = (Arc::clone(&nodes[n % 3]), Arc::clone(&calls));
            tokio::spawn(async move {
                let fill = move |_| async move {
                    calls.fetch_add(1, Ordering::SeqCst);
                    Ok::<_, Error>(Fill::new(2))
                };
                let key = KEY.to_owned();
                let since = Clock::system().stopwatch();
                (*node.numbers.get_or_fetch(&key, fill).await.unwrap(), since.elapsed())
            })
        })
        .collect();
    wait(LEASE / 2).await;
    let killed = Clock::system().stopwatch();
    holder.kill().unwrap();
    holder.wait().unwrap();
    let mut longest = Duration::ZERO;
    for follower in followers {
        let (value, waited) = follower.await.unwrap();
        assert_eq!(value, 2);
        longest = longest.max(waited);
    }
    println!("waited {longest:?}, {:?} of it after the kill", killed.elapsed());
    // The origin was asked by the node that died, and once by another.
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fill_of_four_lease_times_is_stored_and_the_others_wait_for_it() {
    let lease = Duration::from_millis(500);
    let server = RedisServer::start();
    let (a, b) = (node(&server.url(), lease).await, node(&server.url(), lease).await);
    let calls = Arc::new(AtomicU32::new(0));
    let fill = |calls: &Arc<AtomicU32>| {
        let calls = Arc::clone(calls);
        move |_| async move {
            calls.fetch_add(1, Ordering::SeqCst);
            wait(4 * lease).await;
            Ok::<_, Error>(Fill::new(7))
        }
    };
    let slow = tokio::spawn({
        let (numbers, fill) = (a.numbers.clone(), fill(&calls));
        async move { *numbers.get_or_fetch(&KEY.to_owned(), fill).await.unwrap() }
    });
    // Late enough to have the patience for the rest.
    wait(3 * lease + lease / 2).await;
    let hit = b.numbers.get_or_fetch(&KEY.to_owned(), fill(&calls)).await.unwrap();
    assert_eq!((*hit, hit.source()), (7, Source::Redis));
    assert_eq!(slow.await.unwrap(), 7);
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    assert_eq!(server.command(&["EXISTS", "spence:{numbers:key}:l"]), ":0");
    assert_eq!(server.command(&["EXISTS", "spence:{numbers:key}:v"]), ":1");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_waited_for_two_lease_times_fills_for_itself_and_believes_nothing_older() {
    let lease = Duration::from_millis(200);
    let server = RedisServer::start();
    let (a, b) = (node(&server.url(), lease).await, node(&server.url(), lease).await);
    let slow = tokio::spawn({
        let numbers = a.numbers.clone();
        async move {
            let fill = |_| async {
                wait(Duration::from_millis(1_500)).await;
                Ok::<_, Error>(Fill::new(1))
            };
            *numbers.get_or_fetch(&KEY.to_owned(), fill).await.unwrap()
        }
    });
    wait(Duration::from_millis(100)).await;
    let fill = |_| async { Ok::<_, Error>(Fill::new(2).no_store()) };
    let hit = b.numbers.get_or_fetch(&KEY.to_owned(), fill).await.unwrap();
    assert_eq!((*hit, hit.source()), (2, Source::Origin));
    assert_eq!(slow.await.unwrap(), 1, "it is not disturbed");
    // It was asked for before, so for this node it is older than what it has given out.
    assert!(b.numbers.get(&KEY.to_owned()).await.is_none());
    let c = node(&server.url(), lease).await;
    assert_eq!(*c.numbers.get(&KEY.to_owned()).await.unwrap(), 1, "another one may believe it");
}

#[tokio::test(flavor = "multi_thread")]
async fn c02_a_node_that_joins_after_the_log_was_trimmed_knows_the_bans() {
    let server = RedisServer::start();
    let a = node(&server.url(), LEASE).await;
    let fill = |_| async { Ok::<_, Error>(Fill::new(1)) };
    a.numbers.get_or_fetch(&KEY.to_owned(), fill).await.unwrap();
    let target = Target::Glob { namespace: "numbers".into(), pattern: "k?[^x]".into() };
    a._spence.invalidate(&target).await.unwrap();
    server.command(&["XTRIM", "spence:{log}:stream", "MAXLEN", "0"]);
    assert_eq!(server.command(&["EXISTS", "spence:{numbers:key}:v"]), ":1", "it is there still");
    let late = node(&server.url(), LEASE).await;
    assert!(late.numbers.get(&KEY.to_owned()).await.is_none());
    let fill = |_| async { Ok::<_, Error>(Fill::new(2)) };
    assert_eq!(*late.numbers.get_or_fetch(&KEY.to_owned(), fill).await.unwrap(), 2);
    let later = node(&server.url(), LEASE).await;
    assert_eq!(*later.numbers.get(&KEY.to_owned()).await.unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_wait_for_many_keys_look_with_one_call() {
    let server = RedisServer::start();
    let url = server.url();
    // So long that none is renewed meanwhile.
    let (a, b) = (node(&url, LEASE * 20).await, node(&url, LEASE * 20).await);
    let keys = || (0..300).map(|n: u32| n.to_string());
    let gate = Arc::new(Semaphore::new(0));
    let fetch = |node: &Node, key: String, value: u32| {
        let (numbers, gate) = (node.numbers.clone(), Arc::clone(&gate));
        tokio::spawn(async move {
            let fill = move |_| async move {
                drop(gate.acquire().await.unwrap());
                Ok::<_, Error>(Fill::new(value))
            };
            let hit = numbers.get_or_fetch(&key, fill).await.unwrap();
            (*hit, hit.source())
        })
    };
    let filling: Vec<_> = keys().map(|key| fetch(&a, key, 1)).collect();
    until("all are leased", async || server.command(&["DBSIZE"]) == ":302").await;
    let waiting: Vec<_> = keys().map(|key| fetch(&b, key, 2)).collect();
    until("all have asked", async || calls(&server, "evalsha") >= 600).await;
    server.command(&["CONFIG", "RESETSTAT"]);
    wait(Duration::from_millis(300)).await;
    // Two for each look: of 300 leases, 256 go as one.
    let (asked, looked) = (calls(&server, "evalsha"), calls(&server, "mget"));
    assert!(asked < 50 && (2..200).contains(&looked), "{asked} and {looked}");
    gate.add_permits(1);
    for (filled, waited) in filling.into_iter().zip(waiting) {
        assert_eq!(filled.await.unwrap(), (1, Source::Origin));
        assert_eq!(waited.await.unwrap(), (1, Source::Redis));
    }
}
