//! What the budget of memory says is what the process takes: the resident size, over what it was
//! before the engine, stays within 1.1 times the budget at any size of values, whatever the budget
//! was before.
//!
//! The resident size belongs to a process, so each case runs in a child of its own: the test
//! starts itself again.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use spence::{Cache, Spence};

use crate::soak::{Found, pause, scale};

const BUDGET: u64 = 48_000_000;
/// Set in the child: the bytes of each value.
const CHILD: &str = "SPENCE_TEST_RESIDENCE_VALUE_BYTES";

type Blobs = Cache<u64, Vec<u8>>;

/// Bytes of this process that are in memory and not backed by a file.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("RssAnon:")).unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib * 1024
}

/// Puts `count` values in, over all caches; keys go on from `first`.
async fn fill(caches: &[Blobs], value_bytes: usize, first: u64, count: u64) {
    for key in first..first + count {
        // Not zeroes, which may not have pages; lengths vary a little, as those of values do.
        let length = value_bytes - (key as usize % (value_bytes / 4));
        let cache = &caches[key as usize % caches.len()];
        cache.insert(key, vec![key as u8 | 1; length]).await.unwrap();
        if key.is_multiple_of(3) {
            drop(cache.get(&key).await);
        }
    }
}

/// The resident size as it was sampled while budgets changed.
#[derive(Clone, Default)]
struct Sampled {
    count: Arc<AtomicU64>,
    /// The largest of them, in thousandths of the budget then.
    most: Arc<AtomicU64>,
}

/// Samples until it is dropped.
struct Sampler(Arc<AtomicBool>, Option<std::thread::JoinHandle<()>>);

impl Sampled {
    fn every_ten_millis(&self, before: u64, budget: u64) -> Sampler {
        let over = Arc::new(AtomicBool::new(false));
        let (sampled, ended) = (self.clone(), Arc::clone(&over));
        let thread = std::thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                let of_budget = resident().saturating_sub(before) * 1000 / budget;
                sampled.most.fetch_max(of_budget, Ordering::Relaxed);
                sampled.count.fetch_add(1, Ordering::Relaxed);
                pause(Duration::from_millis(10));
            }
        });
        Sampler(over, Some(thread))
    }

    /// Whether any was beyond what the contract allows.
    fn over(&self) -> u64 {
        u64::from(self.most.load(Ordering::Relaxed) > 1100)
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
        self.1.take().unwrap().join().unwrap();
    }
}

/// Prints, for each phase, the resident bytes, what the engine says, and the budget then.
#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn measure(value_bytes: usize) {
    let before = resident();
    let sampled = Sampled::default();
    let spence = Spence::builder().memory(BUDGET).build().await.unwrap();
    let caches: Vec<Blobs> = (0..scale(20, 100))
        .map(|n| spence.cache(format!("c{n}")).memory_only().build().unwrap())
        .collect();
    let mut next = 0;
    for (phase, budget, times) in [
        ("full", BUDGET, 1),
        ("churned", BUDGET, 2),
        ("shrunk", BUDGET / 2, 0),
        ("churned", BUDGET / 2, 3),
        ("grown", BUDGET, 1),
        ("cleared and shrunk", BUDGET / 2, 0),
    ] {
        if phase.starts_with("cleared") {
            spence.clear().await.unwrap();
            while spence.stats().total.memory_bytes > 0 {
                spence.clock().sleep(Duration::from_millis(10)).await;
            }
        }
        // A little more than fits.
        let count = times * budget / (value_bytes as u64 + 100);
        let allowed = spence.stats().memory_budget.max(budget);
        let sampler = sampled.every_ten_millis(before, allowed);
        spence.resize_memory(budget).await.unwrap();
        fill(&caches, value_bytes, next, count).await;
        drop(sampler);
        next += count;
        spence.check_invariants().unwrap();
        let (now, stats) = (resident().saturating_sub(before), spence.stats());
        let held = stats.total.memory_bytes;
        println!("residence {value_bytes} {now} {held} {} {phase}", stats.memory_budget);
    }
    let (samples, over) = (sampled.count.load(Ordering::Relaxed), sampled.over());
    let found = Found { over, ..Found::default() };
    found.tell(&format!(
        "{} caches of {value_bytes} B values filled, shrunk and grown: {samples} samples of the \
         resident size, at most {:.2} of the budget",
        caches.len(),
        sampled.most.load(Ordering::Relaxed) as f64 / 1000.0
    ));
}

#[test]
fn c12_resident_size_stays_within_the_budget() {
    if let Ok(value_bytes) = std::env::var(CHILD) {
        return measure(value_bytes.parse().unwrap());
    }
    for value_bytes in [16, 1_000, 1_000_000] {
        let output = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "residence::c12_resident_size_stays_within_the_budget",
                "--nocapture",
            ])
            .env(CHILD, value_bytes.to_string())
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().filter(|line| line.contains("soak: ")).for_each(|line| println!("{line}"));
        let lines = text.lines().filter(|line| line.starts_with("residence"));
        let mut phases = 0;
        for line in lines {
            println!("{line}");
            let number = |n| line.split(' ').nth(n).unwrap().parse::<u64>().unwrap();
            let (resident, held, budget) = (number(2), number(3), number(4));
            assert!(resident <= budget * 11 / 10, "{line}");
            // Large values leave the rest of their shards empty.
            let is_filled = line.contains("shrunk") || held >= budget * 4 / 10;
            assert!(held <= budget && is_filled, "{line}");
            phases += 1;
        }
        assert!(output.status.success() && phases == 6, "{text}");
    }
}
