//! Lists of operations against the reference model: whatever a program does, one thing after the
//! other, the engine answers as the contract says.

use std::time::Duration;

use proptest::test_runner::{Config, RngSeed, TestCaseError, TestRunner};
use spence_testkit::{Op, Reached, Setup, ops, run};

use crate::soak::Found;

/// Lists for each setup; `SPENCE_LISTS` sets another number, `SPENCE_SEED` makes others.
const LISTS: u32 = 500;
const OPERATIONS: usize = 200;

fn lists(name: &str, setup: impl Fn(u64) -> Setup) -> Reached {
    let asked = std::env::var("SPENCE_LISTS").ok().and_then(|lists| lists.parse().ok());
    let seed = std::env::var("SPENCE_SEED").ok().and_then(|seed| seed.parse().ok());
    // A failure prints the seed, and the list made as small as may be.
    let seed = seed.unwrap_or(1);
    let config = Config {
        cases: asked.unwrap_or(LISTS),
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(seed),
        max_shrink_time: Duration::from_secs(30).as_millis() as u32,
        ..Config::default()
    };
    let mut reached = Reached::default();
    let total = std::cell::RefCell::new(&mut reached);
    let number = std::cell::Cell::new(0_u64);
    let outcome = TestRunner::new(config).run(&ops(OPERATIONS), |list: Vec<Op>| {
        number.set(number.get() + 1);
        let reached = run(setup(number.get()), &list).map_err(TestCaseError::fail)?;
        total.borrow_mut().add(reached);
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{name}, SPENCE_SEED={seed}: {error}");
    }
    let what = format!("model, {name}: {} lists of {OPERATIONS}, seed {seed}", number.get());
    Found::default().tell(&format!("{what}: {reached:?}"));
    let everything = [
        reached.hits,
        reached.stale_hits,
        reached.negative_hits,
        reached.misses,
        reached.origin_calls,
        reached.bans,
    ];
    let cases = number.get();
    assert!(everything.iter().all(|&count| count > cases), "not everything was reached");
    reached
}

#[test]
fn c01_to_c15_as_the_model_says_with_memory_alone() {
    lists("memory", |_| Setup::Memory);
}

#[test]
fn c01_to_c15_as_the_model_says_with_disk_alone() {
    lists("disk", |_| Setup::Disk);
}

#[test]
fn c01_to_c15_as_the_model_says_with_memory_over_disk() {
    lists("both", |_| Setup::Both);
}

#[test]
fn c01_to_c15_as_the_model_says_under_chaos() {
    let reached = lists("chaos", Setup::Chaos);
    assert!(reached.evictions > 10 && reached.disk_errors > 10 && reached.lost > 0);
}
