//! C8 beside fills that something has passed: who waits for one is shown what is kept.

use std::collections::BTreeMap;
use std::time::Duration;

use spence::{Cached, Clock, Error, ErrorKind, Fill, PolicyLayer, Spence, Target};
use spence_testkit::RedisServer;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::cluster::{Node, until};
use crate::{Bench, Numbers};

/// A reader whose fill answers with what it is sent.
struct Reader {
    answer: oneshot::Sender<Result<u32, &'static str>>,
    seen: JoinHandle<Result<Cached<u32>, Error>>,
}

impl Reader {
    async fn begin(numbers: &Numbers) -> Self {
        let (answer, sent) = oneshot::channel::<Result<u32, &str>>();
        let numbers = numbers.clone();
        let seen = tokio::spawn(async move {
            let fill = |_| async move { sent.await.unwrap().map(Fill::new) };
            numbers.get_or_fetch(&"a".to_owned(), fill).await
        });
        let reader = Self { answer, seen };
        let_others_run().await;
        reader
    }

    async fn answered(
        self,
        answer: Result<u32, &'static str>,
    ) -> JoinHandle<Result<Cached<u32>, Error>> {
        self.answer.send(answer).unwrap();
        let_others_run().await;
        self.seen
    }
}

async fn let_others_run() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

fn held(numbers: &Numbers) -> Option<u32> {
    numbers.peek(&"a".to_owned()).map(|held| *held)
}

/// A fill, an invalidation that passes it, and another fill.
async fn two_fills(numbers: &Numbers) -> (Reader, Reader) {
    let old = Reader::begin(numbers).await;
    assert!(numbers.invalidate(&"a".to_owned()).await.is_ok());
    (old, Reader::begin(numbers).await)
}

#[tokio::test]
async fn c08_who_waits_for_a_fill_that_was_passed_is_shown_what_the_younger_one_brings() {
    for younger_lands_first in [true, false] {
        let bench = Bench::in_memory().await;
        let numbers = bench.numbers();
        let (old, young) = two_fills(&numbers).await;
        // The younger has read 22 from the origin, and the older 23, after it.
        let (old, young) = match younger_lands_first {
            true => {
                let young = young.answered(Ok(22)).await;
                (old.answered(Ok(23)).await, young)
            }
            false => {
                let old = old.answered(Ok(23)).await;
                assert!(!old.is_finished());
                (old, young.answered(Ok(22)).await)
            }
        };
        let seen = (*old.await.unwrap().unwrap(), *young.await.unwrap().unwrap());
        assert_eq!((seen, held(&numbers)), ((22, 22), Some(22)), "first: {younger_lands_first}");
        bench.close().await;
    }
}

#[tokio::test]
async fn c08_it_is_shown_its_own_if_nothing_comes_of_the_younger_one() {
    let bench = Bench::in_memory().await;
    let numbers = bench.numbers();
    let (old, young) = two_fills(&numbers).await;
    let old = old.answered(Ok(23)).await;
    let young = young.answered(Err("no")).await;
    assert_eq!(*old.await.unwrap().unwrap(), 23);
    assert_eq!(young.await.unwrap().unwrap_err().kind(), ErrorKind::Origin);
    assert_eq!(held(&numbers), None);
    bench.close().await;
}

#[tokio::test]
async fn c08_a_younger_fill_that_was_passed_too_is_not_waited_for() {
    let bench = Bench::in_memory().await;
    let numbers = bench.numbers();
    let (old, young) = two_fills(&numbers).await;
    numbers.invalidate(&"a".to_owned()).await.unwrap();
    assert_eq!(*old.answered(Ok(23)).await.await.unwrap().unwrap(), 23);
    // Nobody who comes now is shown this, nor is it kept.
    let young = young.answered(Ok(22)).await;
    assert_eq!(*young.await.unwrap().unwrap(), 22);
    assert_eq!(held(&numbers), None);
    bench.close().await;
}

#[tokio::test]
async fn c08_what_has_expired_since_it_came_is_not_shown_after_what_is_newer() {
    let bench = Bench::in_memory().await;
    let numbers = bench.numbers().with(PolicyLayer::new().stale_while_revalidate(MINUTE));
    let (old, young) = two_fills(&numbers).await;
    young.answered(Ok(22)).await.await.unwrap().unwrap();
    numbers.expire(&"a".to_owned()).await.unwrap();
    assert_eq!(held(&numbers), Some(22));
    assert_eq!(*old.answered(Ok(23)).await.await.unwrap().unwrap(), 23);
    assert_eq!(held(&numbers), None);
    bench.close().await;
}

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn c10_the_younger_fill_is_waited_for_until_the_hard_deadline() {
    let bench = Bench::in_memory().await;
    let numbers = bench.numbers().with(PolicyLayer::new().hard_deadline(MINUTE));
    let old = Reader::begin(&numbers).await;
    bench.hands.advance(MINUTE / 2);
    numbers.invalidate(&"a".to_owned()).await.unwrap();
    let young = Reader::begin(&numbers).await;
    let old = old.answered(Ok(23)).await;
    bench.hands.advance(MINUTE / 2 + Duration::from_secs(1));
    assert_eq!(old.await.unwrap().unwrap_err().kind(), ErrorKind::Deadline);
    young.answered(Ok(22)).await.await.unwrap().unwrap();
    assert_eq!(held(&numbers), Some(22), "it is kept");
    bench.close().await;
}

/// What is held has run out, and an expiry comes between two fills.
async fn two_fills_beside_what_is_stale(bench: &Bench, numbers: &Numbers) -> (Reader, Reader) {
    numbers.insert("a".to_owned(), 1).await.unwrap();
    bench.advance(61);
    let old = Reader::begin(numbers).await;
    numbers.expire(&"a".to_owned()).await.unwrap();
    (old, Reader::begin(numbers).await)
}

#[tokio::test]
async fn c08_what_is_older_than_what_was_shown_is_held_no_longer() {
    let bench = Bench::in_memory().await;
    let numbers = bench.numbers();
    let (old, young) = two_fills_beside_what_is_stale(&bench, &numbers).await;
    // It is not kept, since the younger one may bring what is newer.
    let old = old.answered(Ok(23)).await;
    drop(young.answered(Err("no")).await.await);
    assert_eq!(*old.await.unwrap().unwrap(), 23);
    assert_eq!(held(&numbers), None);
    bench.close().await;
}

#[tokio::test]
async fn c08_what_is_past_its_grace_does_not_come_back_after_what_was_shown() {
    let bench = Bench::in_memory().await;
    let graceless = PolicyLayer::new().ttl(MINUTE).jitter(0.0).stale_if_error(Duration::ZERO);
    let lenient = graceless.clone().stale_if_error(60 * MINUTE);
    bench.spence.set_policies(graceless, BTreeMap::new()).unwrap();
    let numbers: Numbers = bench.spence.cache("numbers").build().unwrap();
    let (old, young) = two_fills_beside_what_is_stale(&bench, &numbers).await;
    let old = old.answered(Ok(23)).await;
    drop(young.answered(Err("no")).await.await);
    assert_eq!(*old.await.unwrap().unwrap(), 23);
    bench.spence.set_policies(lenient, BTreeMap::new()).unwrap();
    assert_eq!(held(&numbers), None);
    bench.close().await;
}

/// Of those who give way none passes what others have begun to fetch since.
#[tokio::test]
async fn who_gives_way_lets_what_has_begun_since_be_kept() {
    let bench = Bench::in_memory().await;
    let numbers = bench.numbers().with(PolicyLayer::new().error_backoff(Duration::ZERO));
    numbers.insert("a".to_owned(), 1).await.unwrap();
    bench.advance(61);
    let old = Reader::begin(&numbers).await;
    numbers.expire(&"a".to_owned()).await.unwrap();
    let (give_up, told) = oneshot::channel::<()>();
    let (answer, sent) = oneshot::channel::<u32>();
    let third = numbers.clone();
    // Comes between the landing of the second, and those who have waited for it.
    let third = async move {
        let fill = |_| async { Ok::<_, Error>(Fill::new(sent.await.unwrap())) };
        *third.get_or_fetch(&"a".to_owned(), fill).await.unwrap()
    };
    let (began, third_began) = oneshot::channel();
    let second = tokio::spawn({
        let numbers = numbers.clone();
        let fill = |_| async {
            told.await.unwrap();
            drop(began.send(tokio::spawn(third)));
            Err::<Fill<u32>, _>(Error::origin("no"))
        };
        async move { numbers.get_or_fetch(&"a".to_owned(), fill).await.map(|hit| *hit) }
    });
    let_others_run().await;
    let old = old.answered(Ok(23)).await;
    give_up.send(()).unwrap();
    assert_eq!(*old.await.unwrap().unwrap(), 23);
    drop(second.await);
    let_others_run().await;
    answer.send(33).unwrap();
    assert_eq!(third_began.await.unwrap().await.unwrap(), 33);
    assert_eq!(held(&numbers), Some(33));
    bench.close().await;
}

#[tokio::test]
async fn c10_what_is_stale_stands_in_from_the_soft_deadline_on() {
    let bench = Bench::in_memory().await;
    let second = Duration::from_secs(1);
    let deadlines = PolicyLayer::new().soft_deadline(second).hard_deadline(MINUTE);
    let numbers = bench.numbers().with(deadlines);
    let (old, young) = two_fills_beside_what_is_stale(&bench, &numbers).await;
    let old = old.answered(Ok(23)).await;
    assert!(!old.is_finished());
    bench.hands.advance(second);
    let_others_run().await;
    assert!(old.is_finished());
    let stale = old.await.unwrap().unwrap();
    assert_eq!(*stale, 1);
    let cause = stale.stale_cause().unwrap().to_string();
    assert!(cause.contains("longer than 1s"), "{cause}");
    drop(young.answered(Ok(22)).await.await);
    assert_eq!(held(&numbers), Some(22));
    bench.close().await;
}

#[tokio::test]
async fn c02_what_has_expired_on_disk_is_not_fresh_while_it_is_fetched_anew() {
    let dir = tempfile::tempdir().unwrap();
    let (clock, _hands) = Clock::manual();
    let builder = Spence::builder().clock(clock).no_memory().disk(dir.path(), 64_000_000);
    let spence = builder.build().await.unwrap();
    let layer = PolicyLayer::new().ttl(MINUTE).stale_if_error(MINUTE);
    let numbers: Numbers = spence.cache("numbers").settings(layer).build().unwrap();
    numbers.insert_fill("a".to_owned(), Fill::new(1).tags(["all"])).await.unwrap();
    spence.expire(&Target::Tag("all".into())).await.unwrap();
    let reader = Reader::begin(&numbers).await;
    for _ in 0..50 {
        let held = numbers.get(&"a".to_owned()).await.unwrap();
        assert!(held.freshness().is_stale(), "{held:?}");
    }
    drop(reader.answered(Ok(2)).await.await);
    spence.close().await;
}

/// What another node has put in while this one was waiting for its turn is good, although that has
/// passed the fill.
#[tokio::test(flavor = "multi_thread")]
async fn what_has_passed_a_fill_is_what_it_finds() {
    let server = RedisServer::start();
    let (a, b) = (Node::on(&server).await, Node::on(&server).await);
    let slow = Reader::begin(&b.numbers).await;
    // It has the lease.
    until("leased", async || server.command(&["KEYS", "*:l"]).contains(":l")).await;
    let waiting = Reader::begin(&a.numbers).await;
    Clock::system().sleep(Duration::from_millis(100)).await;
    b.numbers.insert("a".to_owned(), 3).await.unwrap();
    // Were its own fill asked, that would wait for an answer.
    let Reader { answer, seen } = waiting;
    let seen = Clock::system().timeout(Duration::from_secs(20), seen).await;
    assert_eq!(*seen.expect("found").unwrap().unwrap(), 3);
    drop((answer, slow.answered(Ok(1)).await.await));
}
