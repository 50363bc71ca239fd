//! A device that is full, or fails: nothing wrong is served, and it works again once it can.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use spence::unstable::Device;
use spence::{Cache, ErrorKind, Spence};

type Blobs = Cache<u32, Vec<u8>>;

/// A device with little room, which can be told to fail.
#[derive(Default)]
struct State {
    /// Bytes that may still be written; deleting gives back what the file had.
    room: AtomicU64,
    fails_to_write: AtomicBool,
    fails_to_read: AtomicBool,
    fails_to_remove: AtomicBool,
    /// The first segment's files cannot be deleted; all others can.
    first_is_stuck: AtomicBool,
    /// Reads take a second.
    hangs: AtomicBool,
}

struct Faulty(Arc<State>);

fn fails(switch: &AtomicBool) -> io::Result<()> {
    match switch.load(Ordering::SeqCst) {
        true => Err(io::Error::from_raw_os_error(5)),
        false => Ok(()),
    }
}

fn hang() {
    #[expect(clippy::disallowed_methods, reason = "a device that hangs blocks its thread")]
    std::thread::sleep(std::time::Duration::from_secs(1));
}

impl Device for Faulty {
    fn write(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        use std::os::unix::fs::FileExt;
        fails(&self.0.fails_to_write)?;
        let length = bytes.len() as u64;
        let room = self.0.room.load(Ordering::SeqCst);
        if room < length {
            // As a real device does: some of it is written.
            file.write_all_at(&bytes[..room as usize], offset)?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.0.room.fetch_sub(length, Ordering::SeqCst);
        file.write_all_at(bytes, offset)
    }

    fn read(&self, file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        use std::os::unix::fs::FileExt;
        fails(&self.0.fails_to_read)?;
        if self.0.hangs.load(Ordering::SeqCst) {
            hang();
        }
        file.read_exact_at(buffer, offset)
    }

    fn read_at_hand(&self, _: &File, _: &mut [u8], _: u64) -> io::Result<usize> {
        Ok(0)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fails(&self.0.fails_to_remove)?;
        if path.file_stem().is_some_and(|stem| stem == "0000000000000001") {
            fails(&self.0.first_is_stuck)?;
        }
        let length = fs::metadata(path).map_or(0, |file| file.len());
        fs::remove_file(path)?;
        if path.extension().is_some_and(|e| e == "seg") {
            self.0.room.fetch_add(length, Ordering::SeqCst);
        }
        Ok(())
    }
}

async fn open(dir: &Path, budget: u64, room: u64) -> (Spence, Blobs, Arc<State>) {
    let state = Arc::new(State { room: room.into(), ..State::default() });
    let builder = Spence::builder().no_memory().disk(dir, budget).no_compression();
    let spence = builder.device(Faulty(Arc::clone(&state))).build().await.unwrap();
    let blobs = spence.cache("blobs").build().unwrap();
    (spence, blobs, state)
}

fn blob(key: u32, version: u32) -> Vec<u8> {
    [key.to_le_bytes(), version.to_le_bytes()].concat().repeat(1250)
}

async fn is(blobs: &Blobs, key: u32, version: u32) -> bool {
    blobs.get(&key).await.is_some_and(|held| **held == blob(key, version)[..])
}

#[tokio::test]
async fn c05_a_full_device_drops_what_is_oldest_and_takes_what_is_new() {
    let dir = tempfile::tempdir().unwrap();
    // The budget would allow three times as much as there is room for.
    let (spence, blobs, state) = open(dir.path(), 16_000_000, 5_000_000).await;
    for key in 0..1_500 {
        blobs.insert(key, blob(key, 1)).await.unwrap();
        assert!(is(&blobs, key, 1).await, "{key} was refused");
    }
    assert!(!is(&blobs, 0, 1).await, "the oldest gave way");
    assert!(is(&blobs, 1_499 - 200, 1).await);
    spence.check_invariants().unwrap();

    // Nothing at all can be written, and nothing dropped.
    let room = state.room.swap(0, Ordering::SeqCst);
    state.fails_to_remove.store(true, Ordering::SeqCst);
    blobs.insert(1_499, blob(1_499, 2)).await.unwrap();
    assert!(!is(&blobs, 1_499, 1).await, "the older version does not come back");
    let error = blobs.invalidate(&1_498).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage, "{error}");
    assert!(!is(&blobs, 1_498, 1).await);
    assert!(spence.stats().disk_errors > 0);

    // There is room again: it works again, and what was owed is paid.
    state.room.store(room, Ordering::SeqCst);
    state.fails_to_remove.store(false, Ordering::SeqCst);
    blobs.insert(2_000, blob(2_000, 1)).await.unwrap();
    assert!(is(&blobs, 2_000, 1).await);
    spence.close().await;
    let (spence, blobs, _) = open(dir.path(), 16_000_000, 5_000_000).await;
    assert!(is(&blobs, 2_000, 1).await);
    assert!(blobs.get(&1_498).await.is_none() && blobs.get(&1_499).await.is_none());
    spence.close().await;
}

#[tokio::test]
async fn c01_c02_a_segment_that_cannot_be_deleted_keeps_what_buries_its_records() {
    let dir = tempfile::tempdir().unwrap();
    let (spence, blobs, state) = open(dir.path(), 4_000_000, 100_000_000).await;
    // The record in the first segment, what buries it in the second.
    blobs.insert(0, blob(0, 1)).await.unwrap();
    for key in 1..120 {
        blobs.insert(key, blob(key, 1)).await.unwrap();
    }
    blobs.invalidate(&0).await.unwrap();
    state.first_is_stuck.store(true, Ordering::SeqCst);
    for key in 120..1_000 {
        blobs.insert(key, blob(key, 1)).await.unwrap();
        assert!(spence.stats().total.disk_bytes <= 4_000_000);
    }
    spence.close().await;
    let (spence, blobs, _) = open(dir.path(), 4_000_000, 100_000_000).await;
    assert!(blobs.get(&0).await.is_none());
    for key in 1_000..2_000 {
        blobs.insert(key, blob(key, 1)).await.unwrap();
    }
    assert!(is(&blobs, 1_999, 1).await, "it works again");
    spence.close().await;
}

#[tokio::test]
async fn c05_a_device_that_fails_is_a_miss_and_left_alone_for_a_while() {
    let dir = tempfile::tempdir().unwrap();
    let (spence, blobs, state) = open(dir.path(), 16_000_000, 100_000_000).await;
    for key in 0..20 {
        blobs.insert(key, blob(key, 1)).await.unwrap();
    }
    state.fails_to_read.store(true, Ordering::SeqCst);
    for key in 0..20 {
        assert!(blobs.get(&key).await.is_none());
    }
    let errors = spence.stats().disk_errors;
    assert!((5..10).contains(&errors), "the breaker opened after five: {errors}");
    state.fails_to_read.store(false, Ordering::SeqCst);
    spence.clock().sleep(std::time::Duration::from_millis(1_100)).await;
    assert!(is(&blobs, 7, 1).await);

    // A write that fails is tried once more; then the older version is gone, not served.
    state.fails_to_write.store(true, Ordering::SeqCst);
    blobs.insert(7, blob(7, 2)).await.unwrap();
    assert!(blobs.get(&7).await.is_none());
    state.fails_to_write.store(false, Ordering::SeqCst);
    blobs.insert(7, blob(7, 3)).await.unwrap();
    assert!(is(&blobs, 7, 3).await);
    spence.close().await;
}

#[tokio::test]
async fn c06_a_device_that_hangs_costs_its_deadline_a_few_times_and_then_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (spence, blobs, state) = open(dir.path(), 16_000_000, 100_000_000).await;
    for key in 0..100 {
        blobs.insert(key, blob(key, 1)).await.unwrap();
    }
    state.hangs.store(true, Ordering::SeqCst);
    let fill = |_| async { Ok::<_, spence::Error>(spence::Fill::new(vec![1])) };
    for key in 0..100 {
        // The origin answers in the disk's stead.
        assert_eq!(**blobs.get_or_fetch(&key, fill).await.unwrap(), [1]);
    }
    // Without the breaker each of the hundred would have waited for the deadline.
    assert!(spence.stats().disk_errors <= 50, "{}", spence.stats().disk_errors);
    assert!(spence.stats().disk_breaker_opened >= 1);
    state.hangs.store(false, Ordering::SeqCst);
    spence.close().await;
}

#[tokio::test]
async fn c04_what_could_not_be_recorded_is_an_error_and_holds_in_this_process() {
    let dir = tempfile::tempdir().unwrap();
    let (spence, blobs, state) = open(dir.path(), 16_000_000, 100_000_000).await;
    for key in 0..4 {
        blobs.insert_fill(key, spence::Fill::new(blob(key, 1)).tags(["tag"])).await.unwrap();
    }
    assert_eq!(blobs.invalidate(&0).await.unwrap(), spence::Scope::Node);
    state.fails_to_write.store(true, Ordering::SeqCst);
    let told = [
        blobs.invalidate(&1).await.unwrap_err(),
        blobs.expire(&2).await.unwrap_err(),
        spence.invalidate_tag("tag").await.unwrap_err(),
    ];
    assert!(told.iter().all(|error| error.kind() == ErrorKind::Storage), "{told:?}");
    for key in 0..4 {
        assert!(blobs.get(&key).await.is_none());
    }
    // It is made up for as soon as it can be: a kill after that brings nothing back.
    state.fails_to_write.store(false, Ordering::SeqCst);
    blobs.insert(9, blob(9, 1)).await.unwrap();
    let copy = tempfile::tempdir().unwrap();
    for file in fs::read_dir(dir.path()).unwrap() {
        let path = file.unwrap().path();
        fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
    }
    spence.close().await;
    let (spence, blobs, _) = open(copy.path(), 16_000_000, 100_000_000).await;
    for key in 0..4 {
        assert!(blobs.get(&key).await.is_none());
    }
    assert!(is(&blobs, 9, 1).await);
    spence.close().await;
}

#[tokio::test]
async fn c05_c06_a_device_that_hangs_and_lies_gives_what_was_put_last_or_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let deadline = std::time::Duration::from_millis(50);
    let chaos = spence_testkit::Chaos::new(7, 4).late(4 * deadline);
    let builder = Spence::builder().no_memory().disk(dir.path(), 16_000_000);
    let spence = builder.disk_deadline(deadline).device(chaos).build().await.unwrap();
    let blobs: Blobs = spence.cache("blobs").build().unwrap();
    let (mut held, mut lost, mut given_up) = (0, 0, 0);
    for version in 0..5 {
        for key in 0..50 {
            blobs.insert(key, blob(key, version)).await.unwrap();
            // Some read what is under way, some what is written.
            let other = (key + 25) % 50;
            let latest = if other <= key { Some(version) } else { version.checked_sub(1) };
            let Some(latest) = latest else { continue };
            let watch = spence.clock().stopwatch();
            match blobs.get(&other).await {
                Some(got) if **got == blob(other, latest)[..] => held += 1,
                Some(got) => panic!("{other}: {:?}, put last: {latest}", &got[..8]),
                // It would have come after four times as long.
                None if watch.elapsed() >= deadline => given_up += 1,
                None => lost += 1,
            }
        }
    }
    assert!(held > 50 && lost > 10 && given_up > 0, "{held} {lost} {given_up}");
    assert!(spence.stats().disk_errors > 0);
    spence.check_invariants().unwrap();
    spence.close().await;
}
