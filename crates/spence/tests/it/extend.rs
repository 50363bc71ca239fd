//! Values that grow: a fresh one answers only if it covers what is wanted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use spence::{Batch, Cache, Cached, Clock, Error, Fill, FillCx, Fills, Freshness, PolicyLayer};
use spence::{Redis, Source, Spence, SpenceBuilder, StaleReason};
use spence_testkit::RedisServer;
use tokio::sync::Semaphore;

use crate::cluster::until;

type Rows = Cache<String, Vec<u32>>;

const KEY: &str = "key";
const SHELF: Duration = Duration::from_secs(3600);

/// An origin that has as many rows as anybody wants.
#[derive(Clone)]
struct Origin {
    /// What was held and what was wanted, of each call.
    calls: Arc<parking_lot::Mutex<Vec<(usize, u32)>>>,
    gate: Arc<Semaphore>,
    fails: Arc<AtomicU32>,
}

impl Origin {
    fn open() -> Self {
        let gate = Arc::new(Semaphore::new(1_000));
        Self { calls: Arc::default(), gate, fails: Arc::default() }
    }

    async fn first(&self, rows: &Rows, wanted: u32) -> Result<Cached<Vec<u32>>, Error> {
        let origin = self.clone();
        let fill = move |short: Vec<FillCx<String, Vec<u32>>>| {
            let origin = origin.clone();
            async move {
                let held = short[0].stale().map(|held| held.to_vec()).unwrap_or_default();
                origin.calls.lock().push((held.len(), wanted));
                origin.gate.acquire().await.unwrap().forget();
                if origin.fails.load(Ordering::Relaxed) > 0 {
                    return Err(std::io::Error::other("no rows today"));
                }
                let rows = held.iter().copied().chain(held.len() as u32..wanted).collect();
                Ok([(short[0].key().clone(), Fill::new(rows))].into_iter().collect::<Fills<_, _>>())
            }
        };
        let covers = move |_: &String, held: &Vec<u32>| held.len() as u32 >= wanted;
        let keys = [KEY.to_owned()];
        rows.get_many_or_extend(&keys, Batch::default(), covers, fill).await.remove(0)
    }

    fn calls(&self) -> Vec<(usize, u32)> {
        self.calls.lock().clone()
    }
}

#[tokio::test]
async fn what_is_fresh_and_short_is_given_to_the_fill_and_grows() {
    let spence = Spence::builder().build().await.unwrap();
    let (rows, origin): (Rows, _) = (spence.cache("rows").build().unwrap(), Origin::open());
    let mut sources = Vec::new();
    for wanted in [2, 1, 4, 3] {
        let got = origin.first(&rows, wanted).await.unwrap();
        assert!(got.len() as u32 >= wanted);
        assert_eq!(got.freshness(), Freshness::Fresh);
        sources.push(got.source());
    }
    assert_eq!(sources, [Source::Origin, Source::Memory, Source::Origin, Source::Memory]);
    assert_eq!(origin.calls(), [(0, 2), (2, 4)]);
    let stats = spence.stats().total;
    assert_eq!((stats.hits, stats.misses), (2, 2));
    spence.close().await;
}

#[tokio::test]
async fn what_is_short_stands_in_for_an_origin_that_fails_and_says_so() {
    let (clock, _hands) = Clock::manual();
    let policy = PolicyLayer::new().stale_if_error(SHELF);
    let spence = Spence::builder().clock(clock).policy("rows", policy).build().await.unwrap();
    let (rows, origin): (Rows, _) = (spence.cache("rows").build().unwrap(), Origin::open());
    origin.first(&rows, 2).await.unwrap();
    origin.fails.store(1, Ordering::Relaxed);
    for reason in [StaleReason::OriginFailed, StaleReason::OriginBackoff] {
        let got = origin.first(&rows, 3).await.unwrap();
        assert_eq!((got.len(), got.freshness()), (2, Freshness::Stale(reason)));
        assert!(got.stale_cause().unwrap().to_string().contains("no rows today"));
    }
    assert_eq!(*origin.first(&rows, 2).await.unwrap(), [0, 1], "which is all that is wanted");
    assert_eq!(origin.calls().len(), 2);
    spence.close().await;
}

#[tokio::test]
async fn c01_what_is_invalidated_while_it_grows_is_not_kept() {
    let spence = Spence::builder().build().await.unwrap();
    let (rows, origin): (Rows, _) = (spence.cache("rows").build().unwrap(), Origin::open());
    origin.first(&rows, 2).await.unwrap();
    origin.gate.forget_permits(usize::MAX >> 4);
    let growing = tokio::spawn({
        let (rows, origin) = (rows.clone(), origin.clone());
        async move { origin.first(&rows, 3).await.unwrap().len() }
    });
    until("asked", async || origin.calls().len() == 2).await;
    rows.invalidate(&KEY.to_owned()).await.unwrap();
    origin.gate.add_permits(100);
    assert_eq!(growing.await.unwrap(), 3, "it came before");
    assert!(rows.get(&KEY.to_owned()).await.is_none());
    origin.first(&rows, 1).await.unwrap();
    assert_eq!(origin.calls(), [(0, 2), (2, 3), (0, 1)], "nothing of it is built upon");
    spence.close().await;
}

#[tokio::test]
async fn c03_what_is_expired_on_the_way_to_the_fill_is_given_to_it_as_stale() {
    let spence = Spence::builder().build().await.unwrap();
    let rows: Rows = spence.cache("rows").build().unwrap();
    let seen = Arc::new(parking_lot::Mutex::new(Vec::new()));
    for (key, wanted) in [("a", 1), ("b", 1), ("a", 2)] {
        let (seen, spence) = (Arc::clone(&seen), spence.clone());
        let fill = move |short: Vec<FillCx<String, Vec<u32>>>| {
            let (seen, spence) = (Arc::clone(&seen), spence.clone());
            async move {
                // While the first chunk is filled, what the second has found is expired.
                let told = short[0].stale().map(|held| held.freshness().is_stale());
                seen.lock().push(told);
                if wanted == 2 {
                    spence.expire(&spence::Target::Tag("t".to_owned())).await.unwrap();
                }
                let rows = (0..wanted).collect();
                let fill = Fill::new(rows).tags(["t"]);
                Ok::<_, Error>(
                    [(short[0].key().clone(), fill)].into_iter().collect::<Fills<_, _>>(),
                )
            }
        };
        let covers = move |_: &String, held: &Vec<u32>| held.len() as u32 >= wanted;
        let keys = [key.to_owned(), "b".to_owned()];
        let keys = if wanted == 2 { &keys[..] } else { &keys[..1] };
        let batch = Batch::chunks(1).parallel(1);
        let _ = rows.get_many_or_extend(keys, batch, covers, fill).await;
    }
    assert_eq!(*seen.lock(), [None, None, Some(false), Some(true)]);
    spence.close().await;
}

#[tokio::test]
async fn what_is_on_disk_answers_or_grows() {
    let dir = tempfile::tempdir().unwrap();
    let origin = Origin::open();
    for wanted in [2, 3, 3] {
        let spence = Spence::builder().disk(dir.path(), 16_000_000).build().await.unwrap();
        let rows: Rows = spence.cache("rows").build().unwrap();
        assert_eq!(origin.first(&rows, wanted).await.unwrap().len() as u32, wanted);
        spence.close().await;
    }
    assert_eq!(origin.calls(), [(0, 2), (2, 3)]);
}

async fn node(server: &RedisServer, builder: SpenceBuilder) -> (Spence, Rows) {
    let redis = Redis::at(server.url()).deadline(Duration::from_secs(2));
    let spence = builder.redis(redis).build().await.unwrap();
    until("connected", async || spence.stats().redis.unwrap().away.is_none()).await;
    let rows = spence.cache("rows").build().unwrap();
    (spence, rows)
}

#[tokio::test]
async fn what_another_node_has_let_grow_is_taken_from_the_shared_tier() {
    for builder in [Spence::builder, || Spence::builder().no_memory()] {
        let server = RedisServer::start();
        let (one, rows_of_one) = node(&server, builder()).await;
        let (other, rows_of_other) = node(&server, builder()).await;
        let origin = Origin::open();
        origin.first(&rows_of_one, 2).await.unwrap();
        assert_eq!(origin.first(&rows_of_other, 2).await.unwrap().source(), Source::Redis);
        // It is in the memory of both, and short; in the shared tier there is more after the first.
        assert_eq!(origin.first(&rows_of_one, 3).await.unwrap().source(), Source::Origin);
        let got = origin.first(&rows_of_other, 3).await.unwrap();
        assert_eq!((got.len(), got.source()), (3, Source::Redis));
        // There it is short too, but longer than what this node has.
        origin.first(&rows_of_one, 4).await.unwrap();
        let got = origin.first(&rows_of_other, 5).await.unwrap();
        assert_eq!((got.len(), got.source()), (5, Source::Origin));
        assert_eq!(origin.calls(), [(0, 2), (2, 3), (3, 4), (4, 5)]);
        one.close().await;
        other.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_all_nodes_let_grow_at_once_never_gets_shorter() {
    for builder in [Spence::builder, || Spence::builder().no_memory()] {
        let server = RedisServer::start();
        let nodes = [node(&server, builder()).await, node(&server, builder()).await];
        let origin = Origin::open();
        let growing: Vec<_> = (0..16)
            .map(|reader| {
                let (rows, origin) = (nodes[reader % 2].1.clone(), origin.clone());
                tokio::spawn(async move {
                    let mut seen = 0;
                    for wanted in 1..20 {
                        // Whoever joins what another one fetches may have to ask again.
                        while seen < wanted as usize {
                            let got = origin.first(&rows, wanted).await.unwrap().len();
                            assert!(got >= seen, "{got} after {seen}");
                            seen = got;
                        }
                        let held = rows.get(&KEY.to_owned()).await;
                        assert!(held.is_none_or(|held| held.len() >= seen));
                    }
                })
            })
            .collect();
        for reader in growing {
            let done = Clock::system().timeout(Duration::from_secs(30), reader).await;
            done.expect("it goes round and round").unwrap();
        }
        for (spence, _) in nodes {
            spence.close().await;
        }
        let calls = origin.calls();
        assert!(calls.iter().all(|(held, wanted)| (*held as u32) < *wanted), "{calls:?}");
    }
}
