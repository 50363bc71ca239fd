//! What a power cut may cost, and how the values that it leaves behind are labelled.

use std::fs;
use std::path::Path;
use std::time::Duration;

use spence::{Durability, Freshness, PolicyLayer, Spence};

use crate::Numbers;

async fn open(dir: &Path, durability: Durability) -> (Spence, Numbers) {
    let builder = Spence::builder().disk(dir, 64_000_000).durability(durability);
    let spence = builder.build().await.unwrap();
    let layer = PolicyLayer::new().ttl(Duration::from_secs(3600));
    let numbers = spence.cache("numbers").settings(layer).build().unwrap();
    (spence, numbers)
}

/// Copies the directory of a running engine, as if the machine had been started anew since.
fn after_a_power_cut(dir: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for file in fs::read_dir(dir).unwrap() {
        let path = file.unwrap().path();
        fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
    }
    let lock = copy.path().join("LOCK");
    let text = fs::read_to_string(&lock).unwrap();
    let mut lines: Vec<_> = text.lines().collect();
    lines[2] = "another boot";
    fs::write(&lock, lines.join("\n") + "\n").unwrap();
    copy
}

async fn freshness(numbers: &Numbers, key: &str) -> Freshness {
    numbers.get(&key.to_owned()).await.unwrap().freshness()
}

#[tokio::test]
async fn c01_after_a_power_cut_what_the_disk_holds_is_unverified_until_it_is_fetched_anew() {
    let dir = tempfile::tempdir().unwrap();
    let (spence, numbers) = open(dir.path(), Durability::Process).await;
    numbers.insert("old".to_owned(), 1).await.unwrap();
    let cut = after_a_power_cut(dir.path());
    spence.close().await;

    let (spence, numbers) = open(cut.path(), Durability::Process).await;
    assert_eq!(freshness(&numbers, "old").await, Freshness::Unverified, "from disk");
    assert_eq!(freshness(&numbers, "old").await, Freshness::Unverified, "from memory");
    numbers.insert("new".to_owned(), 2).await.unwrap();
    spence.close().await;

    // A clean restart proves nothing about what was lost before.
    let (spence, numbers) = open(cut.path(), Durability::Process).await;
    assert_eq!(freshness(&numbers, "old").await, Freshness::Unverified);
    assert_eq!(freshness(&numbers, "new").await, Freshness::Fresh);
    let strict = PolicyLayer::new().verified_only(true);
    let strict: Numbers = spence.cache("strict").settings(strict).build().unwrap();
    strict.insert("k".to_owned(), 3).await.unwrap();
    assert_eq!(freshness(&strict, "k").await, Freshness::Fresh);
    numbers.insert("old".to_owned(), 4).await.unwrap();
    assert_eq!(freshness(&numbers, "old").await, Freshness::Fresh);
    spence.close().await;
}

#[tokio::test]
async fn a_policy_that_wants_proof_refetches_what_is_unverified() {
    let dir = tempfile::tempdir().unwrap();
    let (spence, numbers) = open(dir.path(), Durability::Process).await;
    numbers.insert("a".to_owned(), 1).await.unwrap();
    let cut = after_a_power_cut(dir.path());
    spence.close().await;
    let spence = Spence::builder().disk(cut.path(), 64_000_000).build().await.unwrap();
    let strict = PolicyLayer::new().verified_only(true);
    let numbers: Numbers = spence.cache("numbers").settings(strict).build().unwrap();
    assert!(numbers.get(&"a".to_owned()).await.is_none());
    spence.close().await;
}

#[tokio::test]
async fn what_the_device_has_taken_stays_verified() {
    let dir = tempfile::tempdir().unwrap();
    let (spence, numbers) = open(dir.path(), Durability::Power).await;
    numbers.insert("a".to_owned(), 1).await.unwrap();
    let cut = after_a_power_cut(dir.path());
    spence.close().await;
    let (spence, numbers) = open(cut.path(), Durability::Power).await;
    assert_eq!(freshness(&numbers, "a").await, Freshness::Fresh);
    spence.close().await;

    // So does what a clean close has flushed.
    let (spence, numbers) = open(dir.path(), Durability::Process).await;
    numbers.insert("b".to_owned(), 2).await.unwrap();
    spence.close().await;
    let cut = after_a_power_cut(dir.path());
    let (spence, numbers) = open(cut.path(), Durability::Process).await;
    assert_eq!(freshness(&numbers, "b").await, Freshness::Fresh);
    spence.close().await;
}

#[tokio::test]
async fn a_killed_process_on_the_same_boot_costs_no_proof() {
    let dir = tempfile::tempdir().unwrap();
    let (spence, numbers) = open(dir.path(), Durability::Process).await;
    numbers.insert("a".to_owned(), 1).await.unwrap();
    let copy = tempfile::tempdir().unwrap();
    for file in fs::read_dir(dir.path()).unwrap() {
        let path = file.unwrap().path();
        fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
    }
    spence.close().await;
    let (spence, numbers) = open(copy.path(), Durability::Process).await;
    assert_eq!(freshness(&numbers, "a").await, Freshness::Fresh);
    spence.close().await;
}

#[tokio::test]
async fn what_an_unsynced_owner_left_behind_is_not_taken_for_synced() {
    let dir = tempfile::tempdir().unwrap();
    let (spence, numbers) = open(dir.path(), Durability::Process).await;
    numbers.insert("a".to_owned(), 1).await.unwrap();
    let killed = tempfile::tempdir().unwrap();
    for file in fs::read_dir(dir.path()).unwrap() {
        let path = file.unwrap().path();
        fs::copy(&path, killed.path().join(path.file_name().unwrap())).unwrap();
    }
    spence.close().await;
    let (spence, _numbers) = open(killed.path(), Durability::Power).await;
    let cut = after_a_power_cut(killed.path());
    spence.close().await;
    let (spence, numbers) = open(cut.path(), Durability::Power).await;
    assert_eq!(freshness(&numbers, "a").await, Freshness::Unverified);
    // Ending its freshness proves nothing either.
    numbers.expire(&"a".to_owned()).await.unwrap();
    spence.close().await;
    let (spence, numbers) = open(cut.path(), Durability::Power).await;
    assert!(
        numbers.get(&"a".to_owned()).await.is_none_or(|held| held.freshness() != Freshness::Fresh)
    );
    spence.close().await;
}
