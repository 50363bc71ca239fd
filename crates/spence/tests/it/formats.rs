//! A sample of every stored version is kept and must be readable for good.
//!
//! To write the sample of a new version: count the version up, then
//! `SPENCE_WRITE_FIXTURE=1 cargo test -p spence --test it formats`, and commit what it wrote.

use std::fs;
use std::path::{Path, PathBuf};

use spence::{Cache, Clock, Fill, Source, Spence, Target};

/// All versions of the disk formats so far; the last is the one that is written.
const VERSIONS: [&str; 1] = ["disk-v1"];

fn fixture(version: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(version)
}

async fn open(dir: &Path) -> (Spence, Cache<(String, u32), String>) {
    let builder = Spence::builder().clock(Clock::manual().0).disk(dir, 4_000_000);
    let spence = builder.build().await.unwrap();
    let cache = spence.cache("sample").schema(3).build().unwrap();
    (spence, cache)
}

async fn write_sample(dir: &Path) {
    let (spence, sample) = open(dir).await;
    let key = |symbol: &str, n| (symbol.to_owned(), n);
    let fill = Fill::new("value".to_owned()).tags(["AAPL", "tech"]).cost_usd(0.0004);
    sample.insert_fill(key("AAPL", 1), fill).await.unwrap();
    sample.insert_fill(key("none", 2), Fill::not_found()).await.unwrap();
    sample.insert(key("a:b%", 3), "escaped".to_owned()).await.unwrap();
    sample.insert(key("gone", 4), "gone".to_owned()).await.unwrap();
    sample.invalidate(&key("gone", 4)).await.unwrap();
    let banned = Fill::new("banned".to_owned()).tags(["bad"]);
    sample.insert_fill(key("banned", 5), banned).await.unwrap();
    spence.invalidate_tag("bad").await.unwrap();
    let prefix = Target::Prefix { namespace: "sample".into(), prefix: "zz".into() };
    spence.invalidate(&prefix).await.unwrap();
    spence.close().await;
}

async fn check_sample(dir: &Path) {
    let (spence, sample) = open(dir).await;
    let get = async |symbol: &str, n| sample.get(&(symbol.to_owned(), n)).await;
    let held = get("AAPL", 1).await.unwrap();
    assert_eq!((held.as_str(), held.source()), ("value", Source::Disk));
    assert_eq!(held.tags().collect::<Vec<_>>(), ["AAPL", "tech"]);
    assert_eq!(held.cost_usd(), 0.0004);
    assert_eq!(*get("a:b%", 3).await.unwrap(), "escaped");
    assert!(get("gone", 4).await.is_none());
    assert!(get("banned", 5).await.is_none());
    assert!(get("none", 2).await.is_none());
    assert_eq!(spence.stats().total.negative_hits, 1);
    assert_eq!(spence.stats().bans_in_force, 3, "a tag, a prefix and its namespace");
    spence.close().await;
}

#[tokio::test]
async fn formats_of_every_version_are_read() {
    if std::env::var_os("SPENCE_WRITE_FIXTURE").is_some() {
        let dir = fixture(VERSIONS[VERSIONS.len() - 1]);
        drop(fs::remove_dir_all(&dir));
        write_sample(&dir).await;
        fs::remove_file(dir.join("LOCK")).unwrap();
    }
    for version in VERSIONS {
        for with_hint in [true, false] {
            let dir = tempfile::tempdir().unwrap();
            for entry in fs::read_dir(fixture(version)).unwrap() {
                let path = entry.unwrap().path();
                if with_hint || path.extension().is_some_and(|e| e == "seg") {
                    fs::copy(&path, dir.path().join(path.file_name().unwrap())).unwrap();
                }
            }
            check_sample(dir.path()).await;
        }
    }
}

#[tokio::test]
async fn what_is_written_today_is_read_today() {
    let dir = tempfile::tempdir().unwrap();
    write_sample(dir.path()).await;
    check_sample(dir.path()).await;
}
