//! The disk log: budget, damage, ownership, and what a reopened directory may say.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use spence::{Cache, Error, ErrorKind, Fill, Spence, Target};

use crate::soak::Found;

type Blobs = Cache<u32, Vec<u8>>;

async fn open(dir: &Path, budget: u64) -> (Spence, Blobs) {
    let builder = Spence::builder().no_memory().disk(dir, budget).no_compression();
    let spence = builder.build().await.unwrap();
    let blobs = spence.cache("blobs").build().unwrap();
    (spence, blobs)
}

fn blob(key: u32, version: u32, length: usize) -> Vec<u8> {
    let mut bytes = [key.to_le_bytes(), version.to_le_bytes()].concat();
    bytes.resize(length.max(8), key.wrapping_mul(31).wrapping_add(version) as u8);
    bytes
}

fn files(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == extension))
        .collect();
    files.sort();
    files
}

/// What `du` says, without the lock file.
fn disk_usage(dir: &Path) -> u64 {
    let sizes = fs::read_dir(dir).unwrap().filter_map(|entry| entry.ok()?.metadata().ok());
    sizes.map(|metadata| metadata.len()).sum::<u64>() - 64.min(lock_bytes(dir))
}

fn lock_bytes(dir: &Path) -> u64 {
    fs::metadata(dir.join("LOCK")).map_or(0, |metadata| metadata.len())
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

#[tokio::test]
async fn c12_churn_of_five_times_the_budget_stays_within_it_and_says_nothing_wrong() {
    const BUDGET: u64 = 8_000_000;
    let dir = tempfile::tempdir().unwrap();
    let mut newest = vec![None; 3_000];
    let mut version = 0_u32;
    for _ in 0..3 {
        let (spence, blobs) = open(dir.path(), BUDGET).await;
        for _ in 0..6_000 {
            version += 1;
            let key = version.wrapping_mul(2_654_435_761) % 3_000;
            if version.is_multiple_of(11) {
                blobs.invalidate(&key).await.unwrap();
                newest[key as usize] = None;
            } else {
                blobs.insert(key, blob(key, version, 2_300)).await.unwrap();
                newest[key as usize] = Some(version);
            }
            if version.is_multiple_of(100) {
                assert!(disk_usage(dir.path()) <= BUDGET);
                assert!(spence.stats().total.disk_bytes <= BUDGET);
            }
        }
        let mut hits = 0;
        for (key, newest) in newest.iter().enumerate() {
            let held = blobs.get(&(key as u32)).await;
            if let Some(held) = &held {
                assert_eq!(Some(&**held), newest.map(|v| blob(key as u32, v, 2_300)).as_ref());
                hits += 1;
            }
        }
        assert!(hits > 1_000, "{hits} of 3,000 keys held: eight megabytes hold more");
        spence.check_invariants().unwrap();
        spence.close().await;
        assert!(disk_usage(dir.path()) <= BUDGET);
    }
}

#[tokio::test]
async fn a_ban_outlives_the_segment_it_was_written_in() {
    let dir = tempfile::tempdir().unwrap();
    let (spence, blobs) = open(dir.path(), 4_000_000).await;
    // The ban stands in the first segment, a value that it must keep dead in a later one:
    // reinserting is what a fill does that began before the ban.
    spence.invalidate(&Target::Tag("old".into())).await.unwrap();
    for version in 0..4_000 {
        blobs.insert(version % 50, blob(version % 50, version, 2_000)).await.unwrap();
    }
    assert!(!dir.path().join("0000000000000001.seg").exists(), "the first segment is dropped");
    spence.close().await;
    let (spence, _) = open(dir.path(), 4_000_000).await;
    assert_eq!(spence.stats().bans_in_force, 1);
    spence.close().await;
}

#[tokio::test]
async fn one_flipped_byte_costs_at_most_one_record_and_brings_nothing_back() {
    let pristine = tempfile::tempdir().unwrap();
    let (spence, blobs) = open(pristine.path(), 4_000_000).await;
    for version in 1..=2 {
        for key in 0..10 {
            let fill = Fill::new(blob(key, version, 60)).tags([format!("tag{key}")]);
            blobs.insert_fill(key, fill).await.unwrap();
        }
    }
    blobs.invalidate(&3).await.unwrap();
    spence.invalidate_tag("tag5").await.unwrap();
    blobs.insert(7, blob(7, 3, 60)).await.unwrap();
    spence.close().await;
    let expected = |key| match key {
        3 | 5 => None,
        7 => Some(blob(7, 3, 60)),
        key => Some(blob(key, 2, 60)),
    };

    let (segment, hint) = (files(pristine.path(), "seg"), files(pristine.path(), "hint"));
    assert_eq!((segment.len(), hint.len()), (1, 1));
    let (mut flips, mut found) = (0, Found::default());
    for (damaged, keep_hint) in [(&segment[0], false), (&segment[0], true), (&hint[0], true)] {
        let length = fs::metadata(damaged).unwrap().len() as usize;
        for position in (flips % 3..length).step_by(3) {
            flips += 1;
            let dir = tempfile::tempdir().unwrap();
            copy(pristine.path(), dir.path());
            let path = dir.path().join(damaged.file_name().unwrap());
            let mut bytes = fs::read(&path).unwrap();
            bytes[position] ^= 1 << (position % 8);
            fs::write(&path, bytes).unwrap();
            if !keep_hint {
                files(dir.path(), "hint").iter().for_each(|hint| fs::remove_file(hint).unwrap());
            }
            let (spence, blobs) = open(dir.path(), 4_000_000).await;
            let mut lost = 0;
            for key in 0..10 {
                match (blobs.get(&key).await, expected(key)) {
                    (None, Some(_)) => lost += 1,
                    (held, None) => found.stale += u64::from(held.is_some()),
                    (held, expected) => {
                        let is_it = held.map(|held| held.to_vec()) == expected;
                        found.wrong += u64::from(!is_it);
                    }
                }
            }
            assert!(lost <= 1, "{lost} records lost by {path:?} {position}");
            blobs.insert(99, blob(99, 1, 60)).await.unwrap();
            assert!(blobs.get(&99).await.is_some(), "the directory is still usable");
            spence.close().await;
        }
    }
    assert!(flips > 2_000, "{flips} flips");
    found.tell(&format!("{flips} bytes flipped, one at a time: at most one record lost by each"));
}

#[tokio::test]
async fn a_lost_stretch_is_taken_for_the_worst() {
    let dir = tempfile::tempdir().unwrap();
    let (spence, blobs) = open(dir.path(), 4_000_000).await;
    for key in 0..20 {
        blobs.insert(key, blob(key, 1, 100)).await.unwrap();
    }
    let written = spence.stats().total.disk_bytes as usize;
    spence.close().await;
    files(dir.path(), "hint").iter().for_each(|hint| fs::remove_file(hint).unwrap());
    let segment = &files(dir.path(), "seg")[0];
    let mut bytes = fs::read(segment).unwrap();
    // Both the header and the body of some records in the middle.
    bytes[written / 2..written / 2 + 400].fill(0);
    fs::write(segment, bytes).unwrap();

    let (spence, blobs) = open(dir.path(), 4_000_000).await;
    let mut held = Vec::new();
    for key in 0..20 {
        if blobs.get(&key).await.is_some() {
            held.push(key);
        }
    }
    // What is older than the gap might have been invalidated in it.
    assert!(held.len() >= 5 && held.iter().all(|&key| key > 10), "{held:?}");
    spence.close().await;
}

#[tokio::test]
async fn a_torn_tail_is_cut_off_and_written_over() {
    let pristine = tempfile::tempdir().unwrap();
    let (spence, blobs) = open(pristine.path(), 4_000_000).await;
    for key in 0..5 {
        blobs.insert(key, blob(key, 1, 200)).await.unwrap();
    }
    spence.close().await;
    let length = fs::metadata(&files(pristine.path(), "seg")[0]).unwrap().len();
    for cut in (1..300).step_by(7) {
        let dir = tempfile::tempdir().unwrap();
        copy(pristine.path(), dir.path());
        let segment = &files(dir.path(), "seg")[0];
        fs::File::options().write(true).open(segment).unwrap().set_len(length - cut).unwrap();
        let (spence, blobs) = open(dir.path(), 4_000_000).await;
        assert!(blobs.get(&4).await.is_none());
        assert!(blobs.get(&3).await.is_some() || cut > 272);
        blobs.insert(4, blob(4, 2, 200)).await.unwrap();
        spence.close().await;
        let (spence, blobs) = open(dir.path(), 4_000_000).await;
        assert_eq!(**blobs.get(&4).await.unwrap(), blob(4, 2, 200)[..]);
        spence.close().await;
    }
}

#[tokio::test]
async fn a_value_too_large_for_the_disk_stays_in_memory_and_buries_the_older() {
    let dir = tempfile::tempdir().unwrap();
    let spence = Spence::builder().disk(dir.path(), 4_000_000).build().await.unwrap();
    let blobs: Blobs = spence.cache("blobs").build().unwrap();
    blobs.insert(1, blob(1, 1, 100)).await.unwrap();
    blobs.insert(1, blob(1, 2, 2_000_000)).await.unwrap();
    assert_eq!(blobs.get(&1).await.unwrap().len(), 2_000_000);
    spence.close().await;
    let (spence, blobs) = open(dir.path(), 4_000_000).await;
    assert!(blobs.get(&1).await.is_none());
    spence.close().await;
}

#[tokio::test]
async fn values_that_shrink_take_less_room_and_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let spence = Spence::builder().no_memory().disk(dir.path(), 4_000_000).build().await.unwrap();
    let blobs: Blobs = spence.cache("blobs").build().unwrap();
    blobs.insert(1, blob(1, 1, 100_000)).await.unwrap();
    assert!(spence.stats().caches[0].1.disk_bytes < 2_000);
    assert_eq!(**blobs.get(&1).await.unwrap(), blob(1, 1, 100_000)[..]);
    spence.close().await;
    // Whether new values are compressed says nothing about old ones.
    let (spence, blobs) = open(dir.path(), 4_000_000).await;
    assert_eq!(**blobs.get(&1).await.unwrap(), blob(1, 1, 100_000)[..]);
    spence.close().await;
}

#[tokio::test]
async fn a_directory_has_one_owner() {
    let dir = tempfile::tempdir().unwrap();
    let (spence, _) = open(dir.path(), 4_000_000).await;
    let error = Spence::builder().disk(dir.path(), 4_000_000).build().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage);
    let owner = format!("is in use by process {}", std::process::id());
    assert!(error.to_string().ends_with(&owner), "{error}");
    spence.close().await;
    open(dir.path(), 4_000_000).await.0.close().await;
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_is_refused_with_what_the_system_says() {
    // Where nobody may make a directory, not even root.
    let dir = Path::new("/sys/spence");
    let error = Spence::builder().disk(dir, 4_000_000).build().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage);
    assert!(error.to_string().starts_with("disk directory /sys/spence: create: "), "{error}");
    // A file stands where the directory should be.
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = Spence::builder().disk(file.path(), 4_000_000).build().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage, "{error}");
}

#[tokio::test]
async fn a_newer_format_is_refused_and_nothing_is_touched() {
    let dir = tempfile::tempdir().unwrap();
    let (spence, blobs) = open(dir.path(), 4_000_000).await;
    blobs.insert(1, blob(1, 1, 100)).await.unwrap();
    spence.close().await;
    let segment = &files(dir.path(), "seg")[0];
    let mut bytes = fs::read(segment).unwrap();
    bytes[16] = 2;
    let checksum = twox_hash::XxHash3_64::oneshot(&bytes[8..64]);
    bytes[..8].copy_from_slice(&checksum.to_le_bytes());
    fs::write(segment, &bytes).unwrap();

    let error = Spence::builder().disk(dir.path(), 4_000_000).build().await.unwrap_err();
    assert!(error.to_string().contains("written by a newer version"), "{error}");
    assert_eq!(fs::read(segment).unwrap(), bytes);
    assert_eq!(files(dir.path(), "hint").len(), 1);
}

#[tokio::test]
async fn c05_a_disk_that_fails_is_a_miss() {
    let dir = tempfile::tempdir().unwrap();
    let (spence, blobs) = open(dir.path(), 4_000_000).await;
    blobs.insert(1, blob(1, 1, 100)).await.unwrap();
    fs::File::options()
        .write(true)
        .open(&files(dir.path(), "seg")[0])
        .unwrap()
        .set_len(70)
        .unwrap();
    assert!(blobs.get(&1).await.is_none());
    let fill = |_| async { Ok::<_, Error>(Fill::new(vec![1])) };
    assert_eq!(**blobs.get_or_fetch(&1, fill).await.unwrap(), [1]);
    assert!(spence.stats().disk_errors > 0);
    spence.close().await;
}

#[tokio::test]
async fn budgets_that_cannot_be_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let small = Spence::builder().disk(dir.path(), 1_000).build().await.unwrap_err();
    assert_eq!(small.to_string(), "disk budget: 1000 bytes, at least 4000000");
    let small = Spence::builder().memory(1_000).build().await.unwrap_err();
    assert_eq!(small.to_string(), "memory budget: 1000 bytes, at least 65536");
}

#[tokio::test]
async fn c08_after_close_the_disk_holds_nothing_for_this_process() {
    let dir = tempfile::tempdir().unwrap();
    let (spence, blobs) = open(dir.path(), 4_000_000).await;
    blobs.insert(1, blob(1, 1, 100)).await.unwrap();
    spence.close().await;
    assert!(blobs.get(&1).await.is_none());
    blobs.insert(1, blob(1, 2, 100)).await.unwrap();
    assert!(blobs.get(&1).await.is_none());
    let (spence, blobs) = open(dir.path(), 4_000_000).await;
    assert_eq!(**blobs.get(&1).await.unwrap(), blob(1, 1, 100)[..]);
    spence.close().await;
}

#[tokio::test]
async fn c09_jitter_is_the_same_in_memory_on_disk_and_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let settings = || spence::PolicyLayer::new().ttl(Duration::from_secs(100)).jitter(0.5);
    let mut alive = Vec::new();
    for memory in [true, false, true] {
        let (clock, hands) = spence::Clock::manual();
        let builder = Spence::builder().clock(clock).disk(dir.path(), 4_000_000);
        let builder = if memory { builder } else { builder.no_memory() };
        let spence = builder.build().await.unwrap();
        let blobs: Blobs = spence.cache("blobs").settings(settings()).build().unwrap();
        if alive.is_empty() {
            for key in 0..100 {
                blobs.insert(key, blob(key, 1, 100)).await.unwrap();
            }
        }
        hands.advance(Duration::from_millis(75_003));
        let mut held = Vec::new();
        for key in 0..100 {
            held.extend(blobs.get(&key).await.map(|_| key));
        }
        alive.push(held);
        spence.close().await;
    }
    assert!(alive[0].len() > 20 && alive[0].len() < 80, "{:?}", alive[0]);
    assert!(alive.iter().all(|held| *held == alive[0]));
}

#[tokio::test]
async fn a_policy_may_leave_its_values_uncompressed() {
    let dir = tempfile::tempdir().unwrap();
    let spence = Spence::builder().disk(dir.path(), 4_000_000).build().await.unwrap();
    let layer = spence::PolicyLayer::new().compress(false);
    let plain: Blobs = spence.cache("plain").settings(layer).build().unwrap();
    let packed: Blobs = spence.cache("packed").build().unwrap();
    plain.insert(1, blob(1, 1, 50_000)).await.unwrap();
    packed.insert(1, blob(1, 1, 50_000)).await.unwrap();
    let of = |name| spence.stats().caches.iter().find(|(n, _)| n == name).unwrap().1.disk_bytes;
    assert!(of("plain") > 50_000 && of("packed") < 2_000);
    // Written anew, a record stays as it was.
    plain.expire(&1).await.unwrap();
    packed.expire(&1).await.unwrap();
    assert!(of("plain") > 50_000 && of("packed") < 2_000);
    spence.close().await;
}
