//! Reads from the shared tier: those that go as one, and of values that are too large for it.

use std::time::Duration;

use bytes::Bytes;
use spence::{Cache, Error, Fill, PolicyLayer, Raw, Redis, Source, Spence};
use spence_testkit::RedisServer;

use crate::cluster::{Node, until};

/// How often the server was asked by a command since its statistics were reset.
pub(crate) fn calls(server: &RedisServer, command: &str) -> u32 {
    let stats = server.command(&["INFO", "commandstats"]);
    let of = format!("cmdstat_{command}:calls=");
    let line = stats.lines().find_map(|line| line.strip_prefix(&of));
    line.and_then(|line| line.split(',').next()).map_or(0, |calls| calls.parse().unwrap())
}

/// A node that keeps nothing itself, so that each read goes to the server.
async fn reader(server: &RedisServer) -> Cache<u32, Bytes> {
    let redis = Redis::at(server.url()).deadline(Duration::from_secs(5));
    let compress = PolicyLayer::new().compress(true);
    let builder = Spence::builder().no_memory().redis(redis).policy("blobs", compress);
    let spence = builder.build().await.unwrap();
    until("connected", async || spence.stats().redis.unwrap().away.is_none()).await;
    spence.cache("blobs").codec(Raw).build().unwrap()
}

/// Bytes that cannot be compressed.
fn noise(length: usize) -> Bytes {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.take(length.div_ceil(8)).flatten().take(length).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_nobody_polls_any_more_holds_up_no_other() {
    let server = RedisServer::start();
    let a = Node::on(&server).await;
    // More than go each by itself.
    for n in 0..30 {
        a.numbers.insert(n.to_string(), n).await.unwrap();
    }
    // It comes after them: a read that hears of an insert on its way finds nothing.
    let b = Node::on(&server).await;
    let keys: Vec<_> = (0..30).map(|n: u32| n.to_string()).collect();
    // All are begun, and then left alone.
    let mut parked: Vec<_> =
        (0..).zip(&keys).map(|(n, key)| (n, Box::pin(b.numbers.get(key)))).collect();
    // Unless the machine was so slow that the answer is there already.
    parked.retain_mut(|(_, read)| futures_util::FutureExt::now_or_never(read.as_mut()).is_none());
    assert_eq!(b.numbers.get(&keys[29]).await.map(|hit| *hit), Some(29));
    for (n, read) in parked {
        assert_eq!(read.await.map(|hit| *hit), Some(n));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_that_are_sent_as_one_each_get_their_own() {
    let server = RedisServer::start();
    let a = Node::on(&server).await;
    for n in 0..200 {
        a.numbers.insert(n.to_string(), n).await.unwrap();
    }
    let b = Node::on(&server).await;
    server.command(&["CONFIG", "RESETSTAT"]);
    // While none is answered, all of them gather; some callers go away, whoever leads among them.
    server.freeze();
    let mut readers = Vec::new();
    for n in 0..200 {
        let numbers = b.numbers.clone();
        readers.push((n, tokio::spawn(async move { numbers.get(&n.to_string()).await })));
        if n % 10 == 0 {
            tokio::task::yield_now().await;
        }
    }
    for (_, reader) in readers.iter().filter(|(n, _)| n % 3 == 0) {
        reader.abort();
    }
    server.thaw();
    for (n, reader) in readers {
        match reader.await {
            Ok(held) => assert_eq!(held.map(|held| *held), Some(n)),
            Err(error) => assert!(error.is_cancelled()),
        }
    }
    let (one, many) = (calls(&server, "get"), calls(&server, "mget"));
    assert!(many > 0 && one + many < 150, "{one} and {many}");
}

/// On one thread, so that all ask before anything is sent.
#[tokio::test]
async fn no_more_is_asked_for_at_once_than_an_answer_should_hold() {
    let server = RedisServer::start();
    let blobs = reader(&server).await;
    for (first, length, least) in [(0, 64, 1), (100, 64 << 10, 8)] {
        for key in first..first + 56 {
            blobs.insert(key, noise(length)).await.unwrap();
        }
        // What is typical shows with time.
        for key in first..first + 56 {
            assert!(blobs.get(&key).await.is_some());
        }
        server.command(&["CONFIG", "RESETSTAT"]);
        // The first sixteen go each by itself.
        let reads = (first..first + 56).map(|key| {
            let blobs = blobs.clone();
            tokio::spawn(async move { blobs.get(&key).await.map(|blob| blob.len()) })
        });
        for read in reads.collect::<Vec<_>>() {
            assert_eq!(read.await.unwrap(), Some(length));
        }
        let asked = calls(&server, "mget");
        assert!((least..2 * least + 4).contains(&asked), "{length} bytes: {asked} times");
    }
}

#[spence::cached(cache = numbers, key = "{number}")]
fn same(numbers: &Cache<String, u32>, number: u32) -> Result<u32, Error> {
    Ok(number)
}

/// The only thread of the engine waits for a function that is not async.
#[tokio::test]
async fn a_read_that_the_blocked_runtime_should_send_is_given_up() {
    let server = RedisServer::start();
    let redis = Redis::at(server.url()).deadline(Duration::from_millis(200));
    let spence = Spence::builder().redis(redis).build().await.unwrap();
    until("connected", async || spence.stats().redis.unwrap().away.is_none()).await;
    let numbers = spence.cache("numbers").build().unwrap();
    // So that the next read does not go by itself.
    let keys: Vec<_> = (0..20).map(|n| format!("first {n}")).collect();
    let mut parked: Vec<_> = keys.iter().map(|key| Box::pin(numbers.get(key))).collect();
    for read in &mut parked {
        assert!(futures_util::FutureExt::now_or_never(read.as_mut()).is_none());
    }
    assert_eq!(same(&numbers, 7).unwrap(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_is_not_shared_and_holds_nobody_up() {
    let server = RedisServer::start();
    let (ours, theirs) = (reader(&server).await, reader(&server).await);
    // As stored, and before it was compressed: what would not be believed is not stored either.
    let large = [noise((16 << 20) + 1), Bytes::from(vec![7; (64 << 20) + 1])];
    for (key, blob) in (0..).zip(large) {
        let small = |_| async { Ok::<_, Error>(Fill::new(Bytes::from_static(b"small"))) };
        assert_eq!(ours.get_or_fetch(&key, small).await.unwrap().source(), Source::Origin);
        assert_eq!(theirs.get_or_fetch(&key, small).await.unwrap().source(), Source::Redis);
        let length = blob.len();
        ours.insert(key, blob.clone()).await.unwrap();
        assert!(theirs.get(&key).await.is_none(), "what it has replaced is gone");
        let fill = move |_| {
            let blob = blob.clone();
            async move { Ok::<_, Error>(Fill::new(blob)) }
        };
        for node in [&ours, &theirs] {
            let hit = node.get_or_fetch(&key, fill.clone()).await.unwrap();
            assert_eq!((hit.len(), hit.source()), (length, Source::Origin));
        }
        for what in ["v", "l"] {
            let name = format!("spence:{{blobs:{key}}}:{what}");
            assert_eq!(server.command(&["EXISTS", &name]), ":0", "{name}");
        }
    }
}
