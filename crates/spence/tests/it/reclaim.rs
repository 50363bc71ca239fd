//! What the disk forgets first, what it keeps, and what it gives back by itself.

use std::fs;
use std::path::Path;
use std::time::Duration;

use spence::{Cache, Clock, Fill, PolicyLayer, Spence};

type Blobs = Cache<u32, Vec<u8>>;

fn blob(key: u32) -> Vec<u8> {
    key.to_le_bytes().repeat(500)
}

fn bytes_in(dir: &Path) -> u64 {
    fs::read_dir(dir).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum()
}

#[tokio::test]
async fn records_that_are_read_outlive_their_segment() {
    let dir = tempfile::tempdir().unwrap();
    let builder = Spence::builder().no_memory().disk(dir.path(), 8_000_000).no_compression();
    let spence = builder.build().await.unwrap();
    let blobs: Blobs = spence.cache("blobs").build().unwrap();
    for key in 0..50 {
        let fill = Fill::new(blob(key)).tags(["hot"]);
        blobs.insert_fill(key, fill).await.unwrap();
    }
    for key in 50..10_000 {
        blobs.insert(key, blob(key)).await.unwrap();
        if key % 500 == 0 {
            for hot in 0..20 {
                assert_eq!(**blobs.get(&hot).await.unwrap(), blob(hot)[..], "at {key}");
            }
        }
    }
    for cold in 20..50 {
        assert!(blobs.get(&cold).await.is_none());
    }
    // What is carried over is fenced like everything else.
    blobs.invalidate(&3).await.unwrap();
    spence.close().await;
    let spence = Spence::builder().no_memory().disk(dir.path(), 8_000_000).build().await.unwrap();
    let blobs: Blobs = spence.cache("blobs").build().unwrap();
    assert!(blobs.get(&3).await.is_none() && blobs.get(&4).await.is_some());
    spence.invalidate_tag("hot").await.unwrap();
    for key in 10_000..20_000 {
        blobs.insert(key, blob(key)).await.unwrap();
    }
    spence.close().await;
    let spence = Spence::builder().no_memory().disk(dir.path(), 8_000_000).build().await.unwrap();
    let blobs: Blobs = spence.cache("blobs").build().unwrap();
    for hot in 0..20 {
        assert!(blobs.get(&hot).await.is_none());
    }
    spence.close().await;
}

#[tokio::test]
async fn what_can_be_served_no_more_is_given_back_without_waiting_for_the_budget() {
    let dir = tempfile::tempdir().unwrap();
    let (clock, hands) = Clock::manual();
    let builder = Spence::builder().clock(clock).disk(dir.path(), 64_000_000).no_compression();
    let hour = Duration::from_secs(3600);
    let layer = PolicyLayer::new().ttl(hour).stale_if_error(hour);
    let spence = builder.policy("blobs", layer).build().await.unwrap();
    let blobs: Blobs = spence.cache("blobs").build().unwrap();
    for key in 0..3_000 {
        blobs.insert(key, blob(key)).await.unwrap();
    }
    let full = bytes_in(dir.path());
    assert!(full > 6_000_000);
    hands.advance(hour + hour / 2);
    blobs.insert(5_000, blob(5_000)).await.unwrap();
    spence.close().await;
    assert!(bytes_in(dir.path()) >= full, "it may still stand in for a failing origin");

    let (clock, hands) = Clock::manual();
    hands.advance(2 * hour);
    let builder = Spence::builder().clock(clock).disk(dir.path(), 64_000_000);
    let spence = builder.policy("blobs", PolicyLayer::new().ttl(hour)).build().await.unwrap();
    let blobs: Blobs = spence.cache("blobs").build().unwrap();
    // Not before the policy has been in force for a while: it may be a mistake.
    blobs.insert(5_999, blob(5_999)).await.unwrap();
    assert!(bytes_in(dir.path()) >= full);
    hands.advance(Duration::from_secs(601));
    for key in 6_000..6_010 {
        blobs.insert(key, blob(key)).await.unwrap();
    }
    spence.close().await;
    assert!(bytes_in(dir.path()) < 2_500_000, "{}", bytes_in(dir.path()));
}

#[tokio::test]
async fn what_is_overwritten_or_invalidated_is_given_back_within_minutes_of_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let (clock, hands) = Clock::manual();
    let builder = Spence::builder().clock(clock).disk(dir.path(), 64_000_000).no_compression();
    let spence = builder.build().await.unwrap();
    let blobs: Blobs = spence.cache("blobs").build().unwrap();
    for key in 0..3_000 {
        blobs.insert(key, blob(key)).await.unwrap();
    }
    assert!(bytes_in(dir.path()) > 6_000_000);
    spence.invalidate(&spence::Target::Namespace("blobs".into())).await.unwrap();
    hands.advance(Duration::from_secs(61));
    for key in 0..1_000 {
        blobs.insert(key, blob(key)).await.unwrap();
    }
    spence.close().await;
    assert!(bytes_in(dir.path()) < 4_500_000, "{}", bytes_in(dir.path()));
}
