//! Schedule tests: the fence under every order of steps that shuttle tries.
//!
//! Each test races one kind of invalidation against a fill or a promotion, and asks two things.
//! May a read that starts after the invalidation returned see what was read before it (C1)? May
//! it be held when everything has come to rest (C2)? The origin is a register whose value is its
//! version, so every value tells when it was read.
//!
//! Each test turns red when the one line that guards it is removed; `docs/testing.md` lists the
//! lines. A failure prints its schedule; `SPENCE_SCHEDULE=<schedule>` replays it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod held;
mod promotion;

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use shuttle::sync::atomic::{AtomicU32, Ordering};
use shuttle::{future, thread};
use spence::{
    Cache, Cached, Clock, Error, Fill, FillCx, PolicyLayer, Spawner, Spence, Target, Task,
};

/// Schedules tried by each test, a quarter of them random, the others with one preemption or two
/// at chosen depths, which find most. `SPENCE_SCHEDULES` sets another number.
const SCHEDULES: usize = 2_000;

const SECOND: Duration = Duration::from_secs(1);

type Numbers = Cache<String, u32>;

/// Fills are shuttle tasks, sweeps shuttle threads.
struct UnderShuttle;

impl Spawner for UnderShuttle {
    fn spawn(&self, task: Task) {
        drop(future::spawn(task));
    }

    fn spawn_blocking(&self, work: Box<dyn FnOnce() + Send>) {
        thread::spawn(work);
    }
}

/// The version that the origin has now.
#[derive(Clone)]
struct Origin(Arc<AtomicU32>);

impl Origin {
    fn new() -> Self {
        Self(Arc::new(AtomicU32::new(1)))
    }

    fn change(&self) -> u32 {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Reads the version, takes its time, then answers.
    async fn read(&self, cache: &Numbers) -> u32 {
        let origin = self.clone();
        let fill = |_| async move {
            let version = origin.0.load(Ordering::SeqCst);
            future::yield_now().await;
            Ok::<_, Error>(Fill::new(version).tags(["tag"]))
        };
        *cache.get_or_fetch(&key(), fill).await.unwrap()
    }
}

fn key() -> String {
    "key".to_owned()
}

fn check(test: impl Fn() + Send + Sync + 'static) {
    if let Ok(schedule) = std::env::var("SPENCE_SCHEDULE") {
        return shuttle::replay(test, &schedule);
    }
    let schedules = std::env::var("SPENCE_SCHEDULES").ok().and_then(|n| n.parse().ok());
    let schedules: usize = schedules.unwrap_or(SCHEDULES);
    let test = Arc::new(test);
    let again = || {
        let test = Arc::clone(&test);
        move || test()
    };
    shuttle::check_random(again(), schedules / 4);
    shuttle::check_pct(again(), schedules * 3 / 8, 2);
    shuttle::check_pct(again(), schedules * 3 / 8, 3);
}

fn start() -> (Spence, Numbers, Origin) {
    let builder = Spence::builder().clock(Clock::manual().0).spawner(UnderShuttle);
    let spence = future::block_on(builder.build()).unwrap();
    let numbers = spence.cache("numbers").build().unwrap();
    (spence, numbers, Origin::new())
}

/// Races a reader against a change of the origin that `invalidate` announces.
fn race(invalidate: impl AsyncFn(&Spence, &Numbers) + Copy + Send + Sync + 'static) {
    race_unless(|_| false, invalidate);
}

/// As [`race`]; what was read before may still be held if it `may_stay`.
fn race_unless(
    may_stay: fn(&Cached<u32>) -> bool,
    invalidate: impl AsyncFn(&Spence, &Numbers) + Copy + Send + Sync + 'static,
) {
    check(move || {
        let (spence, numbers, origin) = start();
        let early = future::spawn({
            let (numbers, origin) = (numbers.clone(), origin.clone());
            async move { origin.read(&numbers).await }
        });
        future::block_on(async {
            let version = origin.change();
            invalidate(&spence, &numbers).await;
            let late = origin.read(&numbers).await;
            assert!(late >= version, "C1: read {late} after the invalidation of {version}");
            early.await.unwrap();
            if let Some(held) = numbers.peek(&key()).filter(|held| !may_stay(held)) {
                assert!(*held >= version, "C2: {} is held after {version}", *held);
            }
        });
        spence.check_invariants().unwrap();
    });
}

#[test]
fn invalidate_during_fill() {
    race(async |_, numbers| assert!(numbers.invalidate(&key()).await.is_ok()));
}

#[test]
fn ban_by_tag_during_fill() {
    race(async |spence, _| assert!(spence.invalidate_tag("tag").await.is_ok()));
}

#[test]
fn ban_by_glob_during_fill() {
    race(async |spence, _| {
        let target = Target::Glob { namespace: "numbers".into(), pattern: "k?y".into() };
        assert!(spence.invalidate(&target).await.is_ok());
    });
}

#[test]
fn ban_by_namespace_during_fill() {
    race(async |spence, _| {
        assert!(spence.invalidate(&Target::Namespace("numbers".into())).await.is_ok());
    });
}

#[test]
fn insert_during_fill() {
    check(|| {
        let (spence, numbers, origin) = start();
        let early = future::spawn({
            let numbers = numbers.clone();
            async move { origin.read(&numbers).await }
        });
        future::block_on(async {
            numbers.insert(key(), 100).await.unwrap();
            early.await.unwrap();
            assert_eq!(*numbers.peek(&key()).unwrap(), 100, "the fill began before the insert");
        });
        spence.check_invariants().unwrap();
    });
}

/// A stale value is held; a fill that is shown it says that it still holds, any other brings 2.
fn renew_during(invalidate: impl AsyncFn(&Spence, &Numbers) + Copy + Send + Sync + 'static) {
    check(move || {
        let (clock, hands) = Clock::manual();
        let policy = PolicyLayer::new().ttl(SECOND).stale_if_error(60 * SECOND);
        let builder = Spence::builder().clock(clock).spawner(UnderShuttle);
        let spence = future::block_on(builder.policy("numbers", policy).build()).unwrap();
        let numbers: Numbers = spence.cache("numbers").build().unwrap();
        future::block_on(numbers.insert_fill(key(), Fill::new(1).tags(["tag"]))).unwrap();
        hands.advance(2 * SECOND);
        let renewal = future::spawn({
            let numbers = numbers.clone();
            async move {
                let fill = async |cx: FillCx<String, u32>| {
                    let held = cx.stale().is_some();
                    Ok::<_, Error>(if held { Fill::not_modified() } else { Fill::new(2) })
                };
                numbers.get_or_fetch(&key(), fill).await
            }
        });
        future::block_on(async {
            invalidate(&spence, &numbers).await;
            renewal.await.unwrap().unwrap();
            let held = numbers.peek(&key()).map(|held| *held);
            assert_ne!(held, Some(1), "C2: what was invalidated is held again");
        });
        spence.check_invariants().unwrap();
    });
}

#[test]
fn invalidate_during_renewal() {
    renew_during(async |_, numbers| assert!(numbers.invalidate(&key()).await.is_ok()));
}

#[test]
fn ban_by_tag_during_renewal() {
    renew_during(async |spence, _| assert!(spence.invalidate_tag("tag").await.is_ok()));
}

#[test]
fn one_call_for_all_callers() {
    check(|| {
        let (spence, numbers, _) = start();
        let calls = Arc::new(AtomicU32::new(0));
        let callers: Vec<_> = (0..3)
            .map(|_| {
                let (numbers, calls) = (numbers.clone(), Arc::clone(&calls));
                future::spawn(async move {
                    let fill = |_| async move {
                        Ok::<_, Error>(Fill::new(calls.fetch_add(1, Ordering::SeqCst)))
                    };
                    *numbers.get_or_fetch(&key(), fill).await.unwrap()
                })
            })
            .collect();
        for caller in callers {
            assert_eq!(future::block_on(caller).unwrap(), 0);
        }
        assert_eq!(calls.load(Ordering::SeqCst), 1, "C7");
        spence.check_invariants().unwrap();
    });
}

#[test]
fn never_backwards_under_inserts() {
    check(|| {
        let (_spence, numbers, _) = start();
        let writer = thread::spawn({
            let numbers = numbers.clone();
            move || {
                for version in 1..=3 {
                    future::block_on(numbers.insert(key(), version)).unwrap();
                }
            }
        });
        let mut last = 0;
        for _ in 0..4 {
            let now = numbers.peek(&key()).map_or(last, |held| *held);
            assert!(now >= last, "C8: {now} after {last}");
            last = now;
        }
        writer.join().unwrap();
    });
}

/// The newest version that a read has shown.
#[derive(Clone, Default)]
struct Shown(Arc<AtomicU32>);

impl Shown {
    /// A read shows nothing older than what one has shown that ended before it began (C8).
    async fn by(&self, read: impl Future<Output = Option<u32>>) {
        let floor = self.0.load(Ordering::SeqCst);
        let Some(seen) = read.await else { return };
        assert!(seen >= floor, "C8: read {seen} after {floor}");
        self.0.fetch_max(seen, Ordering::SeqCst);
    }
}

/// The fill that something passes may ask the origin later than the one after it.
fn never_backwards(pass: impl AsyncFn(&Numbers) + Copy + Send + Sync + 'static) {
    check(move || {
        let (_spence, numbers, origin) = start();
        let numbers = numbers.with(PolicyLayer::new().stale_while_revalidate(SECOND));
        let shown = Shown::default();
        let reader = || {
            let (numbers, origin, shown) = (numbers.clone(), origin.clone(), shown.clone());
            async move {
                for _ in 0..2 {
                    shown.by(origin.read(&numbers).map(Some)).await;
                    shown.by(async { numbers.peek(&key()).map(|held| *held) }).await;
                }
            }
        };
        let early = future::spawn(reader());
        let changes = thread::spawn({
            let origin = origin.clone();
            move || {
                origin.change();
                origin.change();
            }
        });
        let glances = future::spawn({
            let (numbers, shown) = (numbers.clone(), shown.clone());
            async move {
                for _ in 0..2 {
                    shown.by(async { numbers.peek(&key()).map(|held| *held) }).await;
                    future::yield_now().await;
                }
            }
        });
        future::block_on(async {
            pass(&numbers).await;
            reader().await;
            early.await.unwrap();
            glances.await.unwrap();
        });
        changes.join().unwrap();
    });
}

#[test]
fn never_backwards_when_fills_are_passed() {
    never_backwards(async |numbers| drop(numbers.invalidate(&key()).await));
}

#[test]
fn never_backwards_when_fills_expire() {
    never_backwards(async |numbers| drop(numbers.expire(&key()).await));
}
