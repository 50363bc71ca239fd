//! Scenarios in real time, with real processes: a small round of each in `make test`, a large one
//! in `make soak`, which sets `SPENCE_SOAK` and collects the lines that begin with `soak:`.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use spence::{Cache, Clock, Error, Fill, Freshness, PolicyLayer, Source, Spence, Target};

/// Set in a child: what it is to do.
const CHILD: &str = "SPENCE_TEST_SOAK_CHILD";
const MILLI: Duration = Duration::from_millis(1);

/// What must not be found, counted.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Values that nobody put there.
    pub(crate) wrong: u64,
    /// Values that an invalidation or their age forbids.
    pub(crate) stale: u64,
    /// Directories that could not be opened.
    pub(crate) refused: u64,
    /// Samples over a budget.
    pub(crate) over: u64,
}

impl Found {
    /// Tells what was done and found; nothing may have been.
    pub(crate) fn tell(&self, what: &str) {
        let Self { wrong, stale, refused, over } = self;
        println!("soak: {what} | wrong {wrong} stale {stale} refused {refused} over {over}");
        assert_eq!((*wrong, *stale, *refused, *over), (0, 0, 0, 0));
    }
}

/// `small`, or `large` in a soak.
pub(crate) fn scale<T>(small: T, large: T) -> T {
    if std::env::var_os("SPENCE_SOAK").is_some() { large } else { small }
}

/// Starts the child of this name, which tells what it does on its standard output.
fn start(what: &str, dir: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "soak::child", "--nocapture"])
        .env(CHILD, format!("{what}#{}", dir.display()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits until a child has told this.
fn wait_for(lines: &mut impl Iterator<Item = std::io::Result<String>>, told: &str) -> String {
    let line = lines.map(Result::unwrap).find(|line| line.contains(told));
    line.unwrap_or_else(|| panic!("the child ended without {told:?}"))
}

#[test]
fn child() {
    let Ok(what) = std::env::var(CHILD) else { return };
    let (what, dir) = what.split_once('#').unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    match what {
        "churn" => runtime.block_on(churn(Path::new(dir))),
        _ => runtime.block_on(stopped()),
    }
    // The parent kills it.
    std::thread::park();
}

fn budget() -> u64 {
    scale(4_000_000, 50_000_000)
}

/// Bytes of the blocks of all files.
fn blocks(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    entries.flatten().filter_map(|e| e.metadata().ok()).map(|m| m.blocks() * 512).sum()
}

/// The churn's n-th operation: a key, and the length of what is put there, or its invalidation.
fn operation(n: u64) -> (u32, Option<usize>) {
    let key = (n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as u32 % 5_000;
    (key, (!n.is_multiple_of(9)).then_some(200 + n as usize * 7919 % 3_000))
}

/// Operations of one round: about five times the budget.
fn operations() -> u64 {
    5 * budget() / 1_600
}

async fn open_churned(dir: &Path) -> Result<(Spence, Cache<u32, (u64, Vec<u8>)>), Error> {
    let builder = Spence::builder().memory(1_000_000).disk(dir, budget()).no_compression();
    let spence = builder.build().await?;
    let cache = spence.cache("churned").build()?;
    Ok((spence, cache))
}

async fn churn(dir: &Path) {
    let round: u64 = fs::read_to_string(dir.join("round")).unwrap().parse().unwrap();
    let (_spence, cache) = open_churned(&dir.join("cache")).await.unwrap();
    for n in round * operations()..(round + 1) * operations() {
        match operation(n) {
            (key, Some(length)) => cache.insert(key, (n, vec![n as u8; length])).await.unwrap(),
            (key, None) => drop(cache.invalidate(&key).await.unwrap()),
        }
    }
    println!("churned");
}

/// Five times the budget, some of it invalidated, the disk's blocks looked at every 10 ms; then
/// kill -9 with nothing closed, and every key says its last version or nothing.
#[test]
fn c01_c12_churn_with_invalidations_then_kill_and_reopen() {
    let rounds = scale(1, 10);
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("cache");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (mut found, mut held, mut samples, mut most) = (Found::default(), 0, 0, 0);
    let mut newest: HashMap<u32, Option<u64>> = HashMap::new();
    for round in 0..rounds {
        fs::write(dir.path().join("round"), round.to_string()).unwrap();
        let mut child = start("churn", dir.path());
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    let bytes = blocks(&place);
                    (samples, most) = (samples + 1, most.max(bytes));
                    found.over += u64::from(bytes > budget());
                    pause(10 * MILLI);
                }
            });
            wait_for(&mut { lines }, "churned");
            over.store(true, Ordering::Relaxed);
        });
        child.kill().unwrap();
        child.wait().unwrap();
        for n in round * operations()..(round + 1) * operations() {
            let (key, put) = operation(n);
            newest.insert(key, put.map(|_| n));
        }
        runtime.block_on(async {
            let Ok((spence, cache)) = open_churned(&place).await else {
                found.refused += 1;
                return;
            };
            for (key, newest) in &newest {
                let Some(value) = cache.get(key).await else { continue };
                held += 1;
                found.stale += u64::from(Some(value.0) != *newest);
                found.wrong += u64::from(value.1.iter().any(|byte| *byte != value.0 as u8));
            }
            spence.close().await;
        });
    }
    assert!(held > rounds * 500, "{held} held: too few to say anything");
    let mb = |bytes: u64| bytes as f64 / 1e6;
    found.tell(&format!(
        "{rounds} x five times {} MB churned, killed, reopened: {held} values held, blocks sampled \
         {samples} times, at most {:.1} MB",
        mb(budget()),
        mb(most)
    ));
}

/// A thousand invalidations a second of other keys, and bans of other tags, while a hundred fills
/// are on their way: every one of them is installed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c02_invalidations_of_other_keys_leave_slow_fills_alone() {
    const FILLS: u64 = 100;
    let takes = scale(300 * MILLI, 10_000 * MILLI);
    let spence = Spence::builder().build().await.unwrap();
    let cache: Cache<u64, u64> = spence.cache("fills").build().unwrap();
    let clock = Clock::system();
    let mut fills = Vec::new();
    for key in 0..FILLS {
        let (cache, clock) = (cache.clone(), clock.clone());
        fills.push(tokio::spawn(async move {
            let fill = move |_| async move {
                clock.sleep(takes).await;
                Ok::<_, Error>(Fill::new(key).tags(["fills"]))
            };
            *cache.get_or_fetch(&key, fill).await.unwrap()
        }));
    }
    let (mut invalidations, mut bans) = (0, 0);
    let since = clock.stopwatch();
    while fills.iter().any(|fill| !fill.is_finished()) {
        let due = since.elapsed().as_millis() as u64;
        while invalidations < due {
            cache.invalidate(&(FILLS + invalidations % 5_000)).await.unwrap();
            invalidations += 1;
            if invalidations.is_multiple_of(100) {
                spence.invalidate_tag("others").await.unwrap();
                bans += 1;
            }
        }
        clock.sleep(MILLI).await;
    }
    let mut found = Found::default();
    for (key, fill) in fills.into_iter().enumerate() {
        found.wrong += u64::from(fill.await.unwrap() != key as u64);
    }
    let held = (0..FILLS).filter(|key| cache.peek(key).is_some_and(|hit| *hit == *key)).count();
    spence.check_invariants().unwrap();
    assert_eq!(held as u64, FILLS, "installed");
    found.tell(&format!(
        "{held} of {FILLS} fills of {takes:?} installed among {invalidations} invalidations of \
         other keys and {bans} bans"
    ));
}

/// Reads what it holds whenever it is asked, and says what came of it.
async fn stopped() {
    let policy = PolicyLayer::new().ttl(500 * MILLI).jitter(0.0).stale_if_error(3_600_000 * MILLI);
    let spence = Spence::builder().build().await.unwrap();
    let cache: Cache<u32, u32> = spence.cache("stopped").settings(policy).build().unwrap();
    cache.insert(1, 1).await.unwrap();
    println!("filled");
    for line in std::io::stdin().lines() {
        let held = cache.peek(&1).map(|hit| hit.freshness() == Freshness::Fresh);
        let fill = |_| async { Ok::<_, Error>(Fill::new(2)) };
        let read = cache.get_or_fetch(&1, fill).await.unwrap();
        println!("{}: {held:?} {} {}", line.unwrap(), *read, read.source() == Source::Origin);
    }
}

/// A process that was stopped for longer than a value lives does not serve it as fresh.
#[test]
fn c09_what_expired_while_the_process_was_stopped_is_not_fresh_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut found = Found::default();
    let rounds = scale(1, 20);
    for _ in 0..rounds {
        let mut child = start("stopped", dir.path());
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let signal = |name: &str| {
            let id = child.id().to_string();
            assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
        };
        wait_for(&mut lines, "filled");
        signal("-STOP");
        pause(600 * MILLI);
        signal("-CONT");
        writeln!(child.stdin.as_ref().unwrap(), "after").unwrap();
        let told = wait_for(&mut lines, "after");
        found.stale += u64::from(!told.ends_with("Some(false) 2 true"));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    found.tell(&format!("{rounds} x stopped for longer than a value lives"));
}

/// The wall clock jumps, forward and back, by up to a year: in memory nothing is fresh for longer
/// or shorter.
#[tokio::test]
async fn c09_a_wall_clock_that_jumps_makes_nothing_fresh_for_longer() {
    let jumps = scale(200, 20_000);
    let dir = tempfile::tempdir().unwrap();
    let (clock, hands) = Clock::manual();
    let policy = PolicyLayer::new().ttl(1_000_000 * MILLI).jitter(0.0);
    let builder = Spence::builder().clock(clock.clone()).disk(dir.path(), 4_000_000);
    let spence = builder.policy("jumps", policy).build().await.unwrap();
    let cache: Cache<u32, u64> = spence.cache("jumps").build().unwrap();
    let mut age = 0;
    let mut found = Found::default();
    let mut state = 1_u64;
    let mut fresh = 0;
    cache.insert(1, 0).await.unwrap();
    for _ in 0..jumps {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let (by, seconds) = ((state >> 33) as i64 - (1 << 30), state >> 20 & 127);
        hands.step_wall_clock(by * 29);
        hands.advance(Duration::from_secs(seconds));
        age += seconds;
        let held = cache.peek(&1).is_some_and(|hit| hit.freshness() == Freshness::Fresh);
        found.stale += u64::from(held && age >= 1000);
        found.wrong += u64::from(!held && age < 999);
        fresh += u64::from(held);
        if age >= 1000 {
            cache.insert(1, state).await.unwrap();
            age = 0;
        }
    }
    assert!(fresh > jumps / 2, "{fresh} of {jumps} reads were fresh");
    spence.close().await;
    found.tell(&format!("{jumps} jumps of the wall clock, {fresh} reads fresh between them"));
}

/// The directory is opened again under any wall clock; a ban of before holds.
#[tokio::test]
async fn c01_a_ban_holds_whatever_the_wall_clock_says_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let mut found = Found::default();
    let starts = scale(10, 200);
    let mut kept = 0;
    for start in 0..starts {
        let (clock, hands) = Clock::manual();
        // Back and forth by up to half a year.
        hands.step_wall_clock((start * 7919 % 365 - 182) * 86_400_000);
        let builder = Spence::builder().clock(clock).disk(dir.path(), 4_000_000);
        let spence = builder.build().await.unwrap();
        let cache: Cache<i64, i64> = spence.cache("starts").build().unwrap();
        for before in 0..start {
            found.stale += u64::from(cache.get(&before).await.is_some());
        }
        let fill = Fill::new(start).tags(["all"]).ttl(Duration::from_secs(86_400 * 1000));
        cache.insert_fill(start, fill).await.unwrap();
        kept += u64::from(cache.get(&start).await.is_some());
        spence.invalidate(&Target::Tag("all".into())).await.unwrap();
        spence.close().await;
    }
    assert_eq!(kept, starts as u64);
    found.tell(&format!("{starts} starts under other wall clocks, a ban before each"));
}

/// Lets other processes and threads have the time.
pub(crate) fn pause(time: Duration) {
    #[expect(clippy::disallowed_methods, reason = "another process needs the time")]
    std::thread::sleep(time);
}
