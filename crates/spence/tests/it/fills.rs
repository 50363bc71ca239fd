//! Flights: one fill for all callers of a key, and what may not stop or follow it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use spence::{Error, ErrorKind, Fill, PolicyLayer, Source, Spence, Target};
use tokio::sync::Semaphore;

use crate::{Bench, Numbers};

/// An origin that answers only when told to, with the number of the call.
#[derive(Clone)]
struct Gate {
    calls: Arc<AtomicU32>,
    open: Arc<Semaphore>,
}

impl Gate {
    fn new() -> Self {
        Self { calls: Arc::default(), open: Arc::new(Semaphore::new(0)) }
    }

    fn read(
        &self,
        cache: &Numbers,
        key: &str,
    ) -> tokio::task::JoinHandle<Result<(u32, Source), Error>> {
        let (gate, cache, key) = (self.clone(), cache.clone(), key.to_owned());
        tokio::spawn(async move {
            let fill = |_| async move {
                let call = gate.calls.fetch_add(1, Ordering::SeqCst) + 1;
                gate.open.acquire().await.unwrap().forget();
                Ok::<_, Error>(Fill::new(call).tags(["tag"]))
            };
            cache.get_or_fetch(&key, fill).await.map(|cached| (*cached, cached.source()))
        })
    }

    /// Waits until the origin has been called so often.
    async fn called(&self, times: u32) {
        while self.calls.load(Ordering::SeqCst) < times {
            tokio::task::yield_now().await;
        }
    }

    fn answer(&self) {
        self.open.add_permits(1);
    }
}

async fn let_others_run() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn c07_callers_of_one_key_share_one_fill() {
    let bench = Bench::in_memory().await;
    let (numbers, gate) = (bench.numbers(), Gate::new());
    let callers: Vec<_> = (0..50).map(|_| gate.read(&numbers, "a")).collect();
    let_others_run().await;
    gate.answer();
    for caller in callers {
        assert_eq!(caller.await.unwrap().unwrap(), (1, Source::Origin));
    }
    assert_eq!(gate.calls.load(Ordering::SeqCst), 1);
    bench.close().await;
}

#[tokio::test]
async fn c07_a_cancelled_caller_does_not_stop_the_fill() {
    let bench = Bench::in_memory().await;
    let (numbers, gate) = (bench.numbers(), Gate::new());
    let leader = gate.read(&numbers, "a");
    gate.called(1).await;
    let follower = gate.read(&numbers, "a");
    let_others_run().await;
    leader.abort();
    assert!(leader.await.unwrap_err().is_cancelled());
    gate.answer();
    assert_eq!(follower.await.unwrap().unwrap().0, 1);
    assert_eq!(*numbers.peek(&"a".into()).unwrap(), 1);
    bench.close().await;
}

#[tokio::test]
async fn c07_a_panic_is_an_error_for_all_and_the_key_recovers() {
    let bench = Bench::in_memory().await;
    let numbers = bench.numbers();
    let panicking = |_| async {
        tokio::task::yield_now().await;
        panic!("boom");
        #[expect(unreachable_code, reason = "gives the block its type")]
        Ok::<Fill<u32>, Error>(Fill::not_found())
    };
    let key = "a".to_owned();
    let (one, two) =
        tokio::join!(numbers.get_or_fetch(&key, panicking), numbers.get_or_fetch(&key, panicking));
    for error in [one.unwrap_err(), two.unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::OriginPanicked);
        assert_eq!(error.to_string(), "fill panicked: boom");
    }
    bench.advance(1);
    assert_eq!(*bench.origin.read(&numbers, "a").await.unwrap(), 1);
    bench.close().await;
}

#[tokio::test]
async fn c07_everyone_is_released_at_the_hard_deadline() {
    let bench = Bench::in_memory().await;
    let layer = PolicyLayer::new().hard_deadline(Duration::from_secs(5));
    let (numbers, gate) = (bench.numbers().with(layer), Gate::new());
    let callers: Vec<_> = (0..5).map(|_| gate.read(&numbers, "a")).collect();
    gate.called(1).await;
    let_others_run().await;
    bench.advance(5);
    for caller in callers {
        assert_eq!(caller.await.unwrap().unwrap_err().kind(), ErrorKind::Deadline);
    }
    bench.close().await;
}

#[tokio::test]
async fn an_error_goes_to_all_who_wait_and_is_backed_off_from() {
    let bench = Bench::in_memory().await;
    let numbers = bench.numbers();
    let fail = || bench.origin.fail(&numbers, "a");
    let (one, two) = tokio::join!(fail(), fail());
    for error in [one.unwrap_err(), two.unwrap_err()] {
        assert!(error.downcast_ref::<std::io::Error>().is_some());
    }
    assert_eq!(bench.origin.calls(), 1);
    fail().await.unwrap_err();
    assert_eq!(bench.origin.calls(), 1, "within the back-off");
    bench.hands.advance(Duration::from_millis(120));
    fail().await.unwrap_err();
    assert_eq!(bench.origin.calls(), 2);
    bench.hands.advance(Duration::from_millis(120));
    fail().await.unwrap_err();
    assert_eq!(bench.origin.calls(), 2, "twice as long the second time");
    bench.hands.advance(Duration::from_millis(120));
    fail().await.unwrap_err();
    assert_eq!(bench.origin.calls(), 3);
    numbers.invalidate(&"a".to_owned()).await.unwrap();
    assert_eq!(*bench.origin.read(&numbers, "a").await.unwrap(), 4, "invalidating ends it");
    bench.close().await;
}

/// Starts a fill, does something that passes it, and says what is held once it has landed, and
/// what readers from before and after that get.
async fn passing(
    gate: &Gate,
    numbers: &Numbers,
    pass: impl AsyncFnOnce(),
) -> (u32, Option<u32>, u32) {
    let before = gate.read(numbers, "a");
    gate.called(1).await;
    pass().await;
    let after = gate.read(numbers, "a");
    let_others_run().await;
    gate.answer();
    let_others_run().await;
    let held = numbers.peek(&"a".to_owned()).map(|held| *held);
    gate.answer();
    let before = before.await.unwrap().unwrap().0;
    (before, held, after.await.unwrap().unwrap().0)
}

#[tokio::test]
async fn c01_c02_invalidate_during_a_fill() {
    let bench = Bench::in_memory().await;
    let (numbers, gate) = (bench.numbers(), Gate::new());
    let pass = async || assert!(numbers.invalidate(&"a".into()).await.is_ok());
    assert_eq!(passing(&gate, &numbers, pass).await, (2, None, 2));
    assert_eq!(*numbers.peek(&"a".into()).unwrap(), 2);
    assert_eq!(bench.spence.stats().total.installs_refused, 1);
    bench.close().await;
}

#[tokio::test]
async fn c01_c02_ban_during_a_fill() {
    for target in [
        Target::Tag("tag".into()),
        Target::Prefix { namespace: "numbers".into(), prefix: "a".into() },
        Target::Glob { namespace: "numbers".into(), pattern: "?".into() },
        Target::Namespace("numbers".into()),
    ] {
        let bench = Bench::in_memory().await;
        let (numbers, gate) = (bench.numbers(), Gate::new());
        let pass = async || assert!(bench.spence.invalidate(&target).await.is_ok());
        let (before, held, after) = passing(&gate, &numbers, pass).await;
        assert_eq!((held, after), (None, 2), "{target:?}");
        // A fill whose tags are not known yet is joined by who comes after the ban as well, and
        // which of both looks again first is not said.
        let is_by_tag = matches!(target, Target::Tag(_));
        assert!(before == 2 || is_by_tag, "{target:?}: {before}");
        assert_eq!(*numbers.peek(&"a".into()).unwrap(), 2);
        bench.close().await;
    }
}

#[tokio::test]
async fn insert_during_a_fill_wins() {
    let bench = Bench::in_memory().await;
    let (numbers, gate) = (bench.numbers(), Gate::new());
    let waiting = gate.read(&numbers, "a");
    gate.called(1).await;
    numbers.insert("a".into(), 77).await.unwrap();
    gate.answer();
    assert_eq!(waiting.await.unwrap().unwrap().0, 77, "who waited gives way too");
    assert_eq!(*numbers.peek(&"a".into()).unwrap(), 77);
    bench.close().await;
}

#[tokio::test]
async fn expire_during_a_fill_lets_it_install_as_stale_unless_another_is_under_way() {
    let bench = Bench::in_memory().await;
    let (numbers, gate) = (bench.numbers(), Gate::new());
    let pass = async || assert!(numbers.expire(&"a".into()).await.is_ok());
    let (before, held, after) = passing(&gate, &numbers, pass).await;
    assert_eq!((before, held, after), (2, None, 2));
    assert_eq!(*numbers.peek(&"a".into()).unwrap(), 2);

    let waiting = gate.read(&numbers, "b");
    gate.called(3).await;
    numbers.expire(&"b".into()).await.unwrap();
    gate.answer();
    assert_eq!(waiting.await.unwrap().unwrap(), (3, Source::Origin), "it came before that");
    let held = numbers.peek(&"b".into()).unwrap();
    assert!(*held == 3 && held.freshness().is_stale());
    bench.close().await;
}

#[tokio::test]
async fn invalidating_other_keys_disturbs_nobody() {
    let bench = Bench::in_memory().await;
    let (numbers, gate) = (bench.numbers(), Gate::new());
    let waiting: Vec<_> = (0..20).map(|i| gate.read(&numbers, &format!("key{i}"))).collect();
    gate.called(20).await;
    for i in 0..5_000 {
        numbers.invalidate(&format!("other{i}")).await.unwrap();
    }
    (0..20).for_each(|_| gate.answer());
    for waiting in waiting {
        waiting.await.unwrap().unwrap();
    }
    let held = (0..20).filter(|i| numbers.peek(&format!("key{i}")).is_some()).count();
    assert_eq!(held, 20);
    assert_eq!(bench.spence.stats().total.installs_refused, 0);
    bench.close().await;
}

#[tokio::test]
async fn at_most_two_fills_of_a_key_run() {
    let bench = Bench::in_memory().await;
    let (numbers, gate) = (bench.numbers(), Gate::new());
    let mut waiting = Vec::new();
    for round in 1..=5 {
        waiting.push(gate.read(&numbers, "a"));
        let_others_run().await;
        assert_eq!(gate.calls.load(Ordering::SeqCst), round.min(2));
        numbers.invalidate(&"a".into()).await.unwrap();
    }
    for _ in 0..10 {
        gate.answer();
    }
    for waiting in waiting {
        waiting.await.unwrap().unwrap();
    }
    assert_eq!(gate.calls.load(Ordering::SeqCst), 3, "the last three shared one");
    assert_eq!(*numbers.peek(&"a".into()).unwrap(), 3);
    bench.close().await;
}

#[tokio::test]
async fn a_fill_with_tags_outside_the_limits_fails() {
    let bench = Bench::in_memory().await;
    let numbers = bench.numbers();
    let tags = (0..33).map(|i| format!("tag{i}"));
    let error = numbers.insert_fill("a".into(), Fill::new(1).tags(tags)).await.unwrap_err();
    assert_eq!(error.to_string(), "tags: 33 given, at most 32");
    let fill = |_| async { Ok::<_, Error>(Fill::new(1).tags(["x".repeat(257)])) };
    let error = numbers.get_or_fetch(&"a".to_owned(), fill).await.unwrap_err();
    assert_eq!(error.to_string(), "tag: 257 bytes, at most 256");
    bench.close().await;
}

#[tokio::test]
async fn c01_two_bans_of_its_tag_during_one_fill_hide_it_from_whoever_came_between() {
    let bench = Bench::in_memory().await;
    let (numbers, gate) = (bench.numbers(), Gate::new());
    let first = gate.read(&numbers, "a");
    gate.called(1).await;
    bench.spence.invalidate_tag("tag").await.unwrap();
    let between = gate.read(&numbers, "a");
    let_others_run().await;
    bench.spence.invalidate_tag("tag").await.unwrap();
    gate.answer();
    assert_eq!(first.await.unwrap().unwrap().0, 1, "it came before either");
    gate.answer();
    assert_eq!(between.await.unwrap().unwrap().0, 2);
    bench.close().await;
}

#[tokio::test]
async fn c10_whoever_came_after_an_expiry_by_tag_is_not_told_that_it_is_fresh() {
    let bench = Bench::in_memory().await;
    let (numbers, gate) = (bench.numbers(), Gate::new());
    let first = gate.read(&numbers, "a");
    gate.called(1).await;
    bench.spence.expire(&Target::Tag("tag".into())).await.unwrap();
    let after = gate.read(&numbers, "a");
    let_others_run().await;
    gate.answer();
    assert_eq!(first.await.unwrap().unwrap().0, 1);
    gate.answer();
    assert_eq!(after.await.unwrap().unwrap(), (2, Source::Origin));
    bench.close().await;
}

#[tokio::test]
async fn c01_what_was_invalidated_while_the_origin_failed_does_not_stand_in() {
    let bench = Bench::in_memory().await;
    let numbers = bench.numbers();
    let key = "a".to_owned();
    for wide in [false, true] {
        numbers.insert(key.clone(), 7).await.unwrap();
        bench.advance(61);
        let open = Arc::new(Semaphore::new(0));
        let reading = tokio::spawn({
            let (numbers, key, open) = (numbers.clone(), key.clone(), Arc::clone(&open));
            async move {
                let fail = |_| async move {
                    open.acquire().await.unwrap().forget();
                    Err::<Fill<u32>, _>(std::io::Error::other("down"))
                };
                numbers.get_or_fetch(&key, fail).await
            }
        });
        let_others_run().await;
        match wide {
            true => bench.spence.invalidate(&Target::Namespace("numbers".into())).await.unwrap(),
            false => numbers.invalidate(&key).await.unwrap(),
        };
        open.add_permits(1);
        assert_eq!(reading.await.unwrap().unwrap_err().kind(), ErrorKind::Origin);
        bench.advance(10);
    }
    bench.close().await;
}

#[tokio::test]
async fn c08_what_a_ban_forbids_is_newer_all_the_same() {
    let bench = Bench::in_memory().await;
    let (numbers, gate) = (bench.numbers(), Gate::new());
    let key = "a".to_owned();
    numbers.insert(key.clone(), 100).await.unwrap();
    bench.advance(61);
    let reading = gate.read(&numbers, "a");
    gate.called(1).await;
    bench.spence.invalidate_tag("tag").await.unwrap();
    gate.answer();
    assert_eq!(reading.await.unwrap().unwrap().0, 1, "it began before the ban");
    // Whoever has seen 1 must not be handed 100 again.
    assert!(numbers.get(&key).await.is_none());
    assert!(bench.origin.fail(&numbers, "a").await.is_err());
    bench.close().await;
}

#[test]
fn a_fill_on_a_runtime_that_has_ended_says_so() {
    let build = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let first = build();
    let numbers: Numbers = first.block_on(async {
        Spence::builder().build().await.unwrap().cache("numbers").build().unwrap()
    });
    first.block_on(numbers.insert("held".to_owned(), 1)).unwrap();
    drop(first);
    let second = build();
    let origin = crate::Origin::default();
    assert_eq!(*second.block_on(origin.read(&numbers, "held")).unwrap(), 1);
    let error = second.block_on(origin.read(&numbers, "new")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    assert!(error.to_string().contains("runtime"), "{error}");
}
