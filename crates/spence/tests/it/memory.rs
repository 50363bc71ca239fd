//! The memory tier: what goes first, how much of it there is, and who has some for himself.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use spence::{Cache, ErrorKind, Eviction, PolicyLayer, Spence, SpenceBuilder};

type Blobs = Cache<u32, Vec<u8>>;

fn blobs(spence: &Spence, name: &str, layer: PolicyLayer) -> Blobs {
    let layer = layer.over(&PolicyLayer::new().ttl(Duration::from_secs(3600)));
    spence.cache(name).settings(layer).memory_only().build().unwrap()
}

async fn start(builder: SpenceBuilder) -> (Spence, Blobs) {
    let spence = builder.build().await.unwrap();
    let blobs = blobs(&spence, "blobs", PolicyLayer::new());
    (spence, blobs)
}

async fn fill(blobs: &Blobs, keys: std::ops::Range<u32>, length: usize) {
    for key in keys {
        blobs.insert(key, vec![1; length]).await.unwrap();
    }
}

fn held(blobs: &Blobs, keys: std::ops::Range<u32>) -> Vec<u32> {
    keys.filter(|key| blobs.peek(key).is_some()).collect()
}

#[tokio::test]
async fn lru_drops_what_was_used_longest_ago_exactly() {
    let builder = Spence::builder().memory(1_000_000).eviction(Eviction::Lru).max_entries(10);
    let (spence, blobs) = start(builder).await;
    fill(&blobs, 0..10, 100).await;
    for key in [0, 3, 1] {
        assert!(blobs.get(&key).await.is_some());
    }
    // By use, oldest first: 2 4 5 6 7 8 9 0 3 1.
    fill(&blobs, 10..17, 100).await;
    let stats = spence.stats().total;
    assert_eq!((stats.cache_size, stats.evictions), (10, 7));
    assert_eq!(held(&blobs, 0..17), [0, 1, 3, 10, 11, 12, 13, 14, 15, 16]);
    // `held` has used them in that order.
    fill(&blobs, 17..19, 100).await;
    assert_eq!(held(&blobs, 0..4), [3]);
    spence.check_invariants().unwrap();

    // By bytes too, and one that cannot fit makes nobody give way.
    blobs.insert(100, vec![1; 2_000_000]).await.unwrap();
    assert!(blobs.peek(&100).is_none() && blobs.peek(&18).is_some());
    blobs.insert(101, vec![1; 999_000]).await.unwrap();
    assert!(blobs.peek(&101).is_some() && spence.stats().total.cache_size < 10);
    spence.check_invariants().unwrap();
}

#[tokio::test]
async fn no_more_entries_than_allowed_whatever_goes_first() {
    for eviction in [Eviction::S3Fifo, Eviction::Lru] {
        for most in [1, 7, 500] {
            let builder = Spence::builder().eviction(eviction).max_entries(most);
            let (spence, blobs) = start(builder).await;
            fill(&blobs, 0..2_000, 10).await;
            let size = spence.stats().total.cache_size;
            let least = (most * 9).div_ceil(10);
            assert!((least..=most).contains(&size), "{eviction:?} {most}: {size}");
            spence.check_invariants().unwrap();
        }
    }
    let none = Spence::builder().max_entries(0).build().await.unwrap_err();
    assert_eq!(none.kind(), ErrorKind::InvalidArgument);
}

#[tokio::test]
async fn memory_shrinks_and_grows_while_it_is_used() {
    for eviction in [Eviction::S3Fifo, Eviction::Lru] {
        let (spence, blobs) = start(Spence::builder().memory(8_000_000).eviction(eviction)).await;
        fill(&blobs, 0..20_000, 1_000).await;
        let full = spence.stats().total;
        assert!(full.memory_bytes > 7_500_000 && full.memory_bytes <= 8_000_000);
        let (resized, _) = tokio::join!(spence.resize_memory(2_000_000), async {
            for key in 0..2_000 {
                drop(blobs.get(&key).await);
                blobs.insert(30_000 + key, vec![1; 1_000]).await.unwrap();
            }
        });
        resized.unwrap();
        let small = spence.stats();
        assert_eq!(small.memory_budget, 2_000_000);
        assert!(small.total.memory_bytes <= 2_000_000);
        assert!(small.total.evictions > full.evictions);
        spence.check_invariants().unwrap();
        // What came before the pool was shrunk may have gone with it.
        fill(&blobs, 40_000..42_000, 1_000).await;
        let small = spence.stats().total;
        assert!(small.memory_bytes <= 2_000_000 && small.memory_bytes > 1_800_000);
        spence.resize_memory(8_000_000).await.unwrap();
        fill(&blobs, 50_000..70_000, 1_000).await;
        assert!(spence.stats().total.memory_bytes > 7_000_000);
        spence.check_invariants().unwrap();
        let error = spence.resize_memory(1_000).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert_eq!(spence.stats().memory_budget, 8_000_000);
    }
    let off = Spence::builder().no_memory().build().await.unwrap();
    assert!(off.resize_memory(8_000_000).await.is_err());
}

#[tokio::test]
async fn a_cache_with_a_budget_of_its_own_is_not_crowded_out() {
    let spence = Spence::builder().memory(4_000_000).build().await.unwrap();
    let own = PolicyLayer::new().memory_budget(1_000_000_u64);
    let (few, many) =
        (blobs(&spence, "few", own.clone()), blobs(&spence, "many", PolicyLayer::new()));
    fill(&few, 0..500, 1_000).await;
    fill(&many, 0..20_000, 1_000).await;
    assert_eq!(held(&few, 0..500).len(), 500);
    let stats = spence.stats();
    assert_eq!(stats.memory_budget, 4_000_000);
    assert!(stats.total.memory_bytes <= 4_000_000);
    let of = |name| stats.caches.iter().find(|(n, _)| n == name).unwrap().1.memory_bytes;
    assert!(of("many") <= 3_000_000 && of("many") > 2_800_000, "{}", of("many"));
    spence.check_invariants().unwrap();

    // Invalidation and sweeping reach it as well.
    spence.invalidate(&spence::Target::Namespace("few".into())).await.unwrap();
    assert!(held(&few, 0..500).is_empty());

    // What is promised cannot be taken back, nor promised twice.
    let build = |name: &str, bytes: u64| {
        let layer = PolicyLayer::new().memory_budget(bytes);
        spence.cache::<u32, Vec<u8>>(name).settings(layer).memory_only().build()
    };
    assert!(build("greedy", 3_500_000).unwrap_err().to_string().contains("\"greedy\""));
    assert!(build("tiny", 10).is_err());
    assert!(spence.resize_memory(1_000_000).await.is_err());
    spence.resize_memory(2_000_000).await.unwrap();
    assert!(spence.stats().total.memory_bytes <= 2_000_000);
    spence.check_invariants().unwrap();
}

#[tokio::test]
async fn shrinking_by_little_drops_little_and_by_much_begins_anew() {
    for eviction in [Eviction::S3Fifo, Eviction::Lru] {
        let dir = tempfile::tempdir().unwrap();
        let builder = Spence::builder().memory(8_000_000).eviction(eviction);
        let spence = builder.disk(dir.path(), 64_000_000).build().await.unwrap();
        let kept: Blobs = spence.cache("kept").build().unwrap();
        fill(&kept, 0..20_000, 1_000).await;
        let held = || spence.stats().total.memory_bytes;
        spence.resize_memory(7_500_000).await.unwrap();
        assert!(held() > 7_000_000);
        // Little by little comes to much.
        spence.resize_memory(7_000_000).await.unwrap();
        assert_eq!(held(), 0);
        spence.check_invariants().unwrap();
        for key in 0..20_000 {
            assert!(kept.get(&key).await.is_some(), "{key} is on disk");
        }
        assert!(held() > 6_500_000 && held() <= 7_000_000);

        // As far as it has not held more, it loses nothing.
        let spence = Spence::builder().memory(8_000_000).eviction(eviction).build().await.unwrap();
        let few = blobs(&spence, "few", PolicyLayer::new());
        fill(&few, 0..100, 1_000).await;
        spence.resize_memory(1_000_000).await.unwrap();
        assert_eq!(self::held(&few, 0..100).len(), 100);
        spence.check_invariants().unwrap();
    }
}

#[tokio::test]
async fn the_smallest_pool_takes_a_value_of_a_few_kilobytes_however_many_cores_there_are() {
    let (spence, blobs) = start(Spence::builder().memory(65_536)).await;
    fill(&blobs, 0..10, 16_000).await;
    assert!(!held(&blobs, 0..10).is_empty());
    spence.check_invariants().unwrap();
}

/// A pool of one shard.
fn few(entries: u64) -> SpenceBuilder {
    Spence::builder().memory(1_000_000).max_entries(entries)
}

#[tokio::test]
async fn what_is_used_survives_what_is_asked_for_once() {
    let (spence, blobs) = start(few(60)).await;
    fill(&blobs, 0..20, 10).await;
    for scan in 1..50 {
        assert_eq!(held(&blobs, 0..20).len(), 20, "before scan {scan}");
        fill(&blobs, scan * 1000..scan * 1000 + 100, 10).await;
    }
    spence.check_invariants().unwrap();
}

#[tokio::test]
async fn what_comes_back_soon_after_it_left_is_not_taken_for_new() {
    let (spence, blobs) = start(few(60)).await;
    fill(&blobs, 0..60, 10).await;
    // Twenty must go, to make room for twenty that nobody has used either.
    fill(&blobs, 60..80, 10).await;
    let mut left = Vec::new();
    for key in 0..80 {
        // Which, unlike a read, is no use.
        if spence.explain("blobs", &key.to_string()).await.unwrap().memory.is_none() {
            left.push(key);
        }
    }
    assert_eq!(left.len(), 20);
    for key in &left {
        blobs.insert(*key, vec![1; 10]).await.unwrap();
    }
    fill(&blobs, 100..150, 10).await;
    let gone: Vec<&u32> = left.iter().filter(|key| blobs.peek(key).is_none()).collect();
    // One had been in the main queue, of which nothing is remembered.
    assert!(gone.len() <= 1, "{gone:?} of {left:?}");
    spence.check_invariants().unwrap();
}

#[test]
fn entries_that_come_and_go_leave_nothing_behind() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (spence, blobs) = runtime.block_on(start(few(1000)));
    let come_and_go = |times| {
        runtime.block_on(async {
            for _ in 0..times {
                blobs.insert(1, vec![1; 10]).await.unwrap();
                blobs.insert(1, vec![2; 10]).await.unwrap();
                blobs.invalidate(&1).await.unwrap();
            }
        });
    };
    come_and_go(1000);
    let counted = allocation_counter::measure(|| come_and_go(50_000));
    assert!(counted.bytes_current.abs() < 10_000, "{} bytes", counted.bytes_current);
    spence.check_invariants().unwrap();
}

/// Counts those that live.
struct Counted(Arc<AtomicU32>);

impl Counted {
    fn new(alive: &Arc<AtomicU32>) -> Self {
        alive.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(alive))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn an_engine_that_is_dropped_drops_what_it_holds() {
    let alive = Arc::new(AtomicU32::new(0));
    for eviction in [Eviction::S3Fifo, Eviction::Lru] {
        let own = PolicyLayer::new().memory_budget(Some(100_000));
        let builder = Spence::builder().memory(1_000_000).eviction(eviction).policy("own", own);
        let spence = builder.build().await.unwrap();
        let mut held = None;
        for name in ["shared", "own"] {
            let cache: Cache<u32, Counted> =
                spence.cache(name).memory_only().weigher(|_| 0).build().unwrap();
            for key in 0..100 {
                cache.insert(key, Counted::new(&alive)).await.unwrap();
            }
            held = cache.peek(&7);
        }
        assert_eq!(alive.load(Ordering::Relaxed), 200);
        drop(spence);
        assert_eq!(alive.load(Ordering::Relaxed), 1, "what a caller has stays");
        drop(held);
        assert_eq!(alive.load(Ordering::Relaxed), 0);
    }
}
