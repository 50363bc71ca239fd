//! What is on disk comes back into memory, and something passes it on the way.

use super::*;

/// One entry fits into memory, and `key` is on disk alone.
fn start_below() -> (Spence, Numbers) {
    let builder = Spence::builder().clock(Clock::manual().0).spawner(UnderShuttle);
    let spence = future::block_on(builder.max_entries(1).shelf().build()).unwrap();
    let numbers: Numbers = spence.cache("numbers").build().unwrap();
    future::block_on(async {
        numbers.insert_fill(key(), Fill::new(1).tags(["tag"])).await.unwrap();
        numbers.insert("other".to_owned(), 0).await.unwrap();
        assert!(numbers.peek(&key()).is_none(), "it is on disk alone");
    });
    (spence, numbers)
}

/// A promotion, and what is promoted leaves memory again, while `pass` goes on; nobody may see
/// version 1 after that.
fn promote_during(pass: impl AsyncFn(&Spence, &Numbers) + Copy + Send + Sync + 'static) {
    check(move || {
        let (spence, numbers) = start_below();
        let reader = future::spawn({
            let numbers = numbers.clone();
            async move { numbers.get(&key()).await.map(|held| *held) }
        });
        let evictor = future::spawn({
            let numbers = numbers.clone();
            async move { numbers.insert("third".to_owned(), 0).await }
        });
        future::block_on(async {
            pass(&spence, &numbers).await;
            let late = numbers.get(&key()).await.map(|held| *held);
            assert_ne!(late, Some(1), "C1: read after it was passed");
            reader.await.unwrap();
            evictor.await.unwrap().unwrap();
            let held = numbers.get(&key()).await.map(|held| *held);
            assert_ne!(held, Some(1), "C2: promoted after it was passed");
        });
        spence.check_invariants().unwrap();
    });
}

#[test]
fn invalidate_during_promotion() {
    promote_during(async |_, numbers| assert!(numbers.invalidate(&key()).await.is_ok()));
}

#[test]
fn ban_by_tag_during_promotion() {
    promote_during(async |spence, _| assert!(spence.invalidate_tag("tag").await.is_ok()));
}

#[test]
fn insert_during_promotion() {
    promote_during(async |_, numbers| assert!(numbers.insert(key(), 2).await.is_ok()));
}
