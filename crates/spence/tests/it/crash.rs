//! Kill -9 in the middle of writes, then reopen: every key says its last accepted version, one
//! that was under way, or nothing; and nearly all that was accepted is still there.
//!
//! The test starts itself as a child process that writes and notes, in a file of its own, what it
//! is about to do and what was accepted; then it is killed.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use spence::{Cache, Error, Spence, Target};

use crate::notes;
use crate::soak::{Found, scale};

const ROUNDS: u32 = 20;
const TASKS: u32 = 4;
const KEYS: u32 = 200;
const BUDGET: u64 = 64_000_000;
/// Set in the child: the directory of the test.
const CHILD: &str = "SPENCE_TEST_CRASH_DIR";

type Versions = Cache<u32, (u32, Vec<u8>)>;

async fn open(dir: &Path) -> Result<(Spence, Versions), Error> {
    let spence = Spence::builder().disk(dir.join("cache"), BUDGET).build().await?;
    let versions = spence.cache("versions").build()?;
    Ok((spence, versions))
}

/// Each task has keys of its own, and a note of its own; a note is one `write`.
async fn write_until_killed(versions: Versions, spence: Spence, dir: &Path, task: u32, from: u32) {
    let mut notes = notes::open(&dir.join(format!("notes-{task}")));
    let mut note = |what: &str, key: u32, version: u32| {
        notes.write_all(format!("{what} {key} {version}\n").as_bytes()).unwrap();
    };
    for version in from.. {
        let key = task * KEYS + version.wrapping_mul(7) % KEYS;
        note("try", key, version);
        match version % 23 {
            0 => drop(versions.invalidate(&key).await.unwrap()),
            // Few enough different ones that none has to be widened.
            1 if key.is_multiple_of(8) => {
                let pattern = format!("{key}*[^x]");
                let target = Target::Glob { namespace: "versions".into(), pattern };
                spence.invalidate(&target).await.unwrap();
                // The pattern also covers this key's tenfold, in whichever task it is.
                for covered in [key * 10..key * 10 + 10, key * 100..key * 100 + 100] {
                    covered.filter(|&k| k < TASKS * KEYS).for_each(|k| note("maybe-gone", k, 0));
                }
                versions.insert(key, (version, vec![version as u8; 100])).await.unwrap();
            }
            _ => {
                let length = 100 + version as usize % 3_000;
                versions.insert(key, (version, vec![version as u8; length])).await.unwrap();
            }
        }
        note(if version % 23 == 0 { "gone" } else { "ok" }, key, version);
    }
}

#[test]
fn child() {
    let Ok(dir) = std::env::var(CHILD) else { return };
    let (dir, from) = dir.rsplit_once('#').unwrap();
    let (dir, from) = (Path::new(dir).to_owned(), from.parse().unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (spence, versions) = open(&dir).await.unwrap();
        let tasks: Vec<_> = (0..TASKS)
            .map(|task| {
                let (versions, spence, dir) = (versions.clone(), spence.clone(), dir.clone());
                tokio::spawn(async move {
                    write_until_killed(versions, spence, &dir, task, from).await;
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
}

/// What a key may say.
#[derive(Default, Clone)]
struct Known {
    /// The last accepted version; 0 for "nothing".
    accepted: u32,
    /// Versions that were begun after that.
    begun: Vec<u32>,
    may_be_gone: bool,
}

fn read_notes(dir: &Path) -> HashMap<u32, Known> {
    let mut known: HashMap<u32, Known> = HashMap::new();
    let mut maybe_gone = Vec::new();
    for task in 0..TASKS {
        let Ok(notes) = fs::read_to_string(dir.join(format!("notes-{task}"))) else { continue };
        for line in notes::whole(&notes) {
            let words: Vec<_> = line.split_whitespace().collect();
            let (key, version): (u32, u32) = (words[1].parse().unwrap(), words[2].parse().unwrap());
            let entry = known.entry(key).or_default();
            match words[0] {
                "try" => entry.begun.push(version),
                "ok" => *entry = Known { accepted: version, ..Known::default() },
                "gone" => *entry = Known::default(),
                _ => maybe_gone.push(key),
            }
        }
    }
    maybe_gone.into_iter().for_each(|key| known.entry(key).or_default().may_be_gone = true);
    known
}

/// Kills and reopens [`ROUNDS`] times; the values that were accepted, and those of them still held.
fn rounds(found: &mut Found) -> (u32, u32) {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut from = 1;
    let (mut accepted, mut held) = (0, 0);
    for round in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::child"])
            .env(CHILD, format!("{}#{from}", dir.path().display()))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        wait_for_notes(dir.path(), round);
        #[expect(clippy::disallowed_methods, reason = "another process needs the time")]
        std::thread::sleep(Duration::from_millis(60 + u64::from(round * 37 % 100)));
        child.kill().unwrap();
        child.wait().unwrap();

        let known = read_notes(dir.path());
        runtime.block_on(async {
            let Ok((spence, versions)) = open(dir.path()).await else {
                found.refused += 1;
                return;
            };
            for (key, known) in &known {
                let held_now = versions.get(key).await.map(|held| held.0);
                match held_now {
                    None => {}
                    Some(now) if now == known.accepted || known.begun.contains(&now) => {}
                    Some(now) if now < known.accepted || known.accepted == 0 => {
                        println!("round {round}: key {key} says {now}, not {}", known.accepted);
                        found.stale += 1;
                    }
                    Some(_) => found.wrong += 1,
                }
                if known.accepted > 0 && known.begun.is_empty() && !known.may_be_gone {
                    accepted += 1;
                    held += u32::from(held_now.is_some());
                }
            }
            spence.close().await;
        });
        from = 1 + known.values().flat_map(|k| k.begun.iter().chain([&k.accepted])).max().unwrap();
    }
    assert!(accepted > ROUNDS * 100, "{accepted} values were accepted: too few to say anything");
    (accepted, held)
}

#[test]
fn c01_c02_kill_9_in_the_middle_of_writes_twenty_times() {
    let directories = scale(1, 50);
    let (mut found, mut accepted, mut held) = (Found::default(), 0, 0);
    for _ in 0..directories {
        let (more, of_them) = rounds(&mut found);
        (accepted, held) = (accepted + more, held + of_them);
    }
    let kills = directories * ROUNDS;
    found.tell(&format!("{kills} kills: {held} of {accepted} accepted values held"));
    assert!(held * 100 >= accepted * 99, "{held} of {accepted} accepted values are held");
}

/// Waits until the child of this round has begun to write.
fn wait_for_notes(dir: &Path, round: u32) {
    let length =
        || File::open(dir.join("notes-0")).and_then(|f| f.metadata()).map_or(0, |m| m.len());
    let before = if round == 0 { 0 } else { length() };
    while length() <= before {
        #[expect(clippy::disallowed_methods, reason = "another process needs the time")]
        std::thread::sleep(Duration::from_millis(1));
    }
}
