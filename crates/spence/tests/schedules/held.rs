//! What is held already while it is invalidated, expired, or judged by another policy.

use std::collections::BTreeMap;

use spence::Freshness;

use super::*;

/// Version 1 is held when the invalidation begins, and another reader looks at it meanwhile.
fn race_for_what_is_held(
    invalidate: impl AsyncFn(&Spence, &Numbers) + Copy + Send + Sync + 'static,
) {
    check(move || {
        let (spence, numbers, origin) = start();
        future::block_on(origin.read(&numbers));
        let reader = thread::spawn({
            let numbers = numbers.clone();
            move || (0..2).for_each(|_| drop(numbers.peek(&key())))
        });
        future::block_on(async {
            let version = origin.change();
            invalidate(&spence, &numbers).await;
            let held = numbers.peek(&key()).filter(|held| held.freshness() == Freshness::Fresh);
            assert!(held.is_none(), "C1: held as fresh after it was invalidated");
            let late = origin.read(&numbers).await;
            assert!(late >= version, "C1: read {late} after the invalidation of {version}");
        });
        reader.join().unwrap();
        spence.check_invariants().unwrap();
    });
}

#[test]
fn invalidate_what_is_held() {
    race_for_what_is_held(async |_, numbers| assert!(numbers.invalidate(&key()).await.is_ok()));
}

#[test]
fn expire_what_is_held() {
    race_for_what_is_held(async |_, numbers| assert!(numbers.expire(&key()).await.is_ok()));
}

#[test]
fn ban_by_tag_what_is_held() {
    race_for_what_is_held(async |spence, _| assert!(spence.invalidate_tag("tag").await.is_ok()));
}

#[test]
fn ban_by_glob_what_is_held() {
    race_for_what_is_held(async |spence, _| {
        let target = Target::Glob { namespace: "numbers".into(), pattern: "k?y".into() };
        assert!(spence.invalidate(&target).await.is_ok());
    });
}

/// What was read before may be held, as long as it is not fresh.
#[test]
fn expire_during_fill() {
    let is_stale = |held: &Cached<u32>| held.freshness() != Freshness::Fresh;
    race_unless(is_stale, async |_, numbers| assert!(numbers.expire(&key()).await.is_ok()));
}

/// A value that is fresh by one policy and not by the next.
#[test]
fn policy_swap_while_it_is_read() {
    check(|| {
        let (clock, hands) = Clock::manual();
        let of = |ttl| PolicyLayer::new().ttl(ttl).jitter(0.0);
        let builder = Spence::builder().clock(clock).spawner(UnderShuttle);
        let spence = future::block_on(builder.defaults(of(60 * SECOND)).build()).unwrap();
        let numbers: Numbers = spence.cache("numbers").build().unwrap();
        future::block_on(numbers.insert(key(), 1)).unwrap();
        hands.advance(2 * SECOND);
        let reader = thread::spawn({
            let numbers = numbers.clone();
            move || (0..2).for_each(|_| drop(numbers.peek(&key())))
        });
        spence.set_policies(of(SECOND), BTreeMap::new()).unwrap();
        assert!(numbers.peek(&key()).is_none(), "C15: fresh by the policy before");
        reader.join().unwrap();
        assert!(numbers.peek(&key()).is_none(), "C15: fresh by the policy before");
        spence.check_invariants().unwrap();
    });
}
