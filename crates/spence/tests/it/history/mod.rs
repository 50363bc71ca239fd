//! A history of several nodes, each a process, on a real Redis server or cluster to which things
//! happen; then a check of what every read has said.
//!
//! The origin is a register for each key: its value is a version, which a write counts up. A node
//! writes the register and invalidates (or inserts), and others read through their engines. What
//! they did and got, and when, is written down and compared with the contract (`check.rs`).
//! `make soak-cluster` runs ten minutes of it on a server and five on a cluster, `make test` the
//! better part of a minute; `SPENCE_SEED` repeats what happens to whom (not the order in which the
//! machine runs it).

mod check;
mod dice;
mod nemesis;
mod proxy;
mod register;
mod servers;
mod worker;

use std::time::Duration;

use parking_lot::Mutex;
use spence::Clock;
use spence::unstable::monotonic_nanos as now;

use crate::soak::scale;
use check::History;
use dice::Dice;
use nemesis::Nemesis;
use register::Register;
use servers::Servers;
use worker::Worker;

/// Nodes.
const NODES: usize = 3;
/// Keys of each kind; few enough that nodes meet, and more than memory holds.
const KEYS: u32 = 60;
/// What a node may be behind.
const MAX_LAG: Duration = Duration::from_millis(500);
/// Set in a child: who it is.
const CHILD: &str = "SPENCE_TEST_HISTORY_CHILD";

/// How keys are cached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Kind {
    /// Only an invalidation ends it.
    Long,
    /// It expires all the time, and is served while it is refreshed.
    Short,
}

#[test]
fn child() {
    if let Ok(who) = std::env::var(CHILD) {
        worker::main(&who);
    }
}

/// The seed of a run: given, or new.
fn seed() -> u64 {
    let given = std::env::var("SPENCE_SEED").ok().and_then(|seed| seed.parse().ok());
    given.unwrap_or_else(|| Clock::system().unix_ms())
}

#[expect(clippy::disallowed_methods, reason = "other processes need the time")]
fn pause(duration: Duration) {
    std::thread::sleep(duration);
}

#[test]
fn c01_c02_c03_c08_several_nodes_while_things_happen_to_them() {
    run("a server", Servers::one, Duration::from_secs(scale(30, 600)));
}

#[test]
fn c01_c02_c03_c08_several_nodes_on_a_cluster_while_things_happen_to_them() {
    run("a cluster", Servers::cluster, Duration::from_secs(scale(20, 300)));
}

/// Two at once would have less of the machine each.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn run(on: &str, servers: impl FnOnce() -> Servers, length: Duration) {
    let _turn = ONE_AT_A_TIME.lock();
    let (seed, mut servers) = (seed(), servers());
    let dir = tempfile::tempdir().unwrap();
    let register = Register::start();
    let mut dice = Dice::new(seed);
    let start = |n| {
        // Their wall clocks are minutes apart.
        let ahead = Duration::from_secs(dice.within(0..=300));
        Worker::start(dir.path(), n, servers.way(), register.port(), ahead)
    };
    let mut nodes: Vec<_> = (0..NODES).map(start).collect();
    let mut nemesis = Nemesis::new(dice);
    let begun = Clock::system().stopwatch();
    while begun.elapsed() < length {
        nemesis.strike(&mut servers, &mut nodes);
    }
    // Everything is well again: now all must agree.
    pause(3 * MAX_LAG);
    let quiet_from = now();
    pause(Duration::from_secs(3));
    drop(nodes);
    let history = History::read(dir.path(), quiet_from);
    let summary = history.check(&register);
    println!("{NODES} nodes on {on} for {length:?}, SPENCE_SEED={seed}");
    println!("{}\n{summary}", nemesis.summary());
    assert!(summary.is_clean(), "{}", summary.details());
    assert!(summary.operations > 1_000, "too few to say anything");
}
