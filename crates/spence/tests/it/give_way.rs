//! C8 beside fills that something has passed: who waits for one is shown what is kept.

use std::time::Duration;

use spence::{Error, ErrorKind, Fill, PolicyLayer};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::{Bench, Numbers};

/// A reader whose fill answers with what it is sent.
struct Reader {
    answer: oneshot::Sender<Result<u32, &'static str>>,
    seen: JoinHandle<Result<u32, Error>>,
}

impl Reader {
    async fn begin(numbers: &Numbers) -> Self {
        let (answer, sent) = oneshot::channel::<Result<u32, &str>>();
        let numbers = numbers.clone();
        let seen = tokio::spawn(async move {
            let fill = |_| async move { sent.await.unwrap().map(Fill::new) };
            numbers.get_or_fetch(&"a".to_owned(), fill).await.map(|hit| *hit)
        });
        let reader = Self { answer, seen };
        let_others_run().await;
        reader
    }

    async fn answered(self, answer: Result<u32, &'static str>) -> JoinHandle<Result<u32, Error>> {
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
        let seen = (old.await.unwrap().unwrap(), young.await.unwrap().unwrap());
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
    assert_eq!(old.await.unwrap().unwrap(), 23);
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
    assert_eq!(old.answered(Ok(23)).await.await.unwrap().unwrap(), 23);
    // Nobody who comes now is shown this, nor is it kept.
    let young = young.answered(Ok(22)).await;
    assert_eq!(young.await.unwrap().unwrap(), 22);
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
    assert_eq!(old.answered(Ok(23)).await.await.unwrap().unwrap(), 23);
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
