//! Hits a second: 40-byte keys asked for by Zipf's law, all of them held, each with a value of
//! its own. What Spence does beside looking up (clock, counters, bans, policy) is on.

use std::convert::Infallible;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use foldhash::fast::RandomState;
use spence::{Cache, Fill, PolicyLayer, Spence};
use spence_benches::report::Row;
use spence_benches::rounds::{Contender, measure as take_turns, mops};
use spence_benches::{Options, Report, Target, workload};
use tokio::runtime::Runtime;

pub const KEYS: usize = 100_000;
const KEY_BYTES: usize = 40;
const EXPONENT: f64 = 0.99;
/// Tags banned before the measurement, of other entries.
const BANS: usize = 1_000;
const NOT_HELD: &str = "every key is held";
const BANS_A_SECOND: u32 = 100;

pub type Value = [u8; 64];
pub type Quick =
    quick_cache::sync::Cache<String, Arc<Value>, quick_cache::UnitWeighter, RandomState>;

/// The same keys in every cache.
struct Caches {
    runtime: Runtime,
    engine: Spence,
    spence: Cache<String, Value>,
    quick: Quick,
    moka: moka::sync::Cache<String, Arc<Value>, RandomState>,
    foyer: foyer::Cache<String, Value, RandomState>,
}

/// What each thread asks for: keys one after the other in memory, so that a question is at hand
/// when it is asked, as the key of a request that was just read is.
struct Questions {
    asked: Vec<String>,
    operations: usize,
}

impl Questions {
    fn new(keys: &[String], operations: usize, seed: u64) -> Self {
        let order = |thread| workload::zipf(keys.len(), EXPONENT, 1 << 20, seed + thread);
        let text = |thread| order(thread).iter().map(|&at| keys[at as usize].as_str()).collect();
        Self { asked: (0..2).map(text).collect(), operations }
    }

    /// The questions of a thread, again and again; each is the text of a key.
    fn of(&self, thread: usize) -> impl Iterator<Item = &str> {
        let text = &self.asked[thread];
        let questions = text.len() / KEY_BYTES;
        (0..self.operations).map(move |number| {
            let at = number % questions * KEY_BYTES;
            &text[at..at + KEY_BYTES]
        })
    }

    #[inline]
    fn each(&self, thread: usize, mut ask: impl FnMut(&String)) {
        let mut key = String::with_capacity(KEY_BYTES);
        for text in self.of(thread) {
            key.clear();
            key.push_str(text);
            ask(&key);
        }
    }
}

pub fn runtime() -> anyhow::Result<Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?)
}

pub fn quick(capacity: usize) -> Quick {
    Quick::with(
        capacity,
        capacity as u64,
        quick_cache::UnitWeighter,
        RandomState::default(),
        Default::default(),
    )
}

fn fill(keys: &[String]) -> anyhow::Result<Caches> {
    let runtime = runtime()?;
    let policy = PolicyLayer::new()
        .ttl(Duration::from_secs(3600))
        .stale_if_error(Duration::from_secs(86_400));
    let engine =
        runtime.block_on(Spence::builder().memory(1 << 30).policy("bars", policy).build())?;
    let spence = engine.cache("bars").memory_only().build()?;
    let caches = Caches {
        quick: quick(KEYS * 2),
        moka: moka::sync::Cache::builder()
            .max_capacity(KEYS as u64 * 2)
            .build_with_hasher(RandomState::default()),
        foyer: foyer::CacheBuilder::new(KEYS * 2)
            .with_eviction_config(foyer::S3FifoConfig::default())
            .with_hash_builder(RandomState::default())
            .build(),
        runtime,
        engine,
        spence,
    };
    // One cache after the other, so that each has its entries together.
    let values = || keys.iter().cloned().enumerate().map(|(n, key)| (n, key, [n as u8; 64]));
    for (number, key, value) in values() {
        let fill = Fill::new(value);
        let _ = number;
        caches.runtime.block_on(caches.spence.insert_fill(key, fill))?;
    }
    values().for_each(|(_, key, value)| caches.quick.insert(key, Arc::new(value)));
    values().for_each(|(_, key, value)| caches.moka.insert(key, Arc::new(value)));
    values().for_each(|(_, key, value)| drop(caches.foyer.insert(key, value)));
    for number in 0..BANS {
        caches.runtime.block_on(caches.engine.invalidate_tag(&format!("other {number}")))?;
    }
    Ok(caches)
}

pub fn measure(report: &mut Report, options: &Options) -> anyhow::Result<()> {
    report
        .set("keys", format!("{KEYS} of 40 bytes, zipf {EXPONENT}, values of 64 bytes, one each"));
    report.set(
        "spence",
        "system clock, counters, 1,000 tag bans, policy with ttl and stale_if_error: on",
    );
    report.set("hasher", "foldhash in every cache");
    let keys = workload::keys(KEYS);
    let caches = fill(&keys)?;
    let questions = Questions::new(&keys, options.sized(1_000_000, 2_000_000), options.seed);
    for threads in [1, 2] {
        compare(report, options, &caches, &questions, threads);
    }
    under_bans(report, options, &caches, &questions)?;
    allocations(report, &caches, &questions);
    Ok(())
}

/// Spence's ways to ask, in millions a second.
impl Caches {
    fn peek(&self, questions: &Questions, threads: usize) -> f64 {
        mops(threads, questions.operations, |thread| {
            questions.each(thread, |key| {
                match self.spence.peek(key) {
                    Some(hit) => black_box(hit[0]),
                    None => panic!("{NOT_HELD}"),
                };
            });
        })
    }

    fn get_or_fetch(&self, questions: &Questions, threads: usize) -> f64 {
        mops(threads, questions.operations, |thread| {
            self.runtime.block_on(async {
                let mut key = String::with_capacity(KEY_BYTES);
                for text in questions.of(thread) {
                    key.clear();
                    key.push_str(text);
                    let fill = async |_| Ok::<Fill<Value>, Infallible>(Fill::new([0; 64]));
                    black_box(self.spence.get_or_fetch(&key, fill).await.expect("it is held")[0]);
                }
            });
        })
    }
}

fn compare(
    report: &mut Report,
    options: &Options,
    caches: &Caches,
    questions: &Questions,
    threads: usize,
) {
    let n = questions.operations;
    let mut contenders = [
        Contender::new("peek", || caches.peek(questions, threads)),
        Contender::new("quick_cache", || {
            mops(threads, n, |t| {
                questions.each(t, |key| {
                    match caches.quick.get(key) {
                        Some(hit) => black_box(hit[0]),
                        None => panic!("{NOT_HELD}"),
                    };
                })
            })
        }),
        Contender::new("moka", || {
            mops(threads, n, |t| {
                questions.each(t, |key| {
                    match caches.moka.get(key) {
                        Some(hit) => black_box(hit[0]),
                        None => panic!("{NOT_HELD}"),
                    };
                })
            })
        }),
        Contender::new("foyer", || {
            mops(threads, n, |t| {
                questions.each(t, |key| {
                    match caches.foyer.get(key) {
                        Some(hit) => black_box(hit.value()[0]),
                        None => panic!("{NOT_HELD}"),
                    };
                })
            })
        }),
        Contender::new("get_or_fetch", || caches.get_or_fetch(questions, threads)),
    ];
    let measured = take_turns(options.rounds(), &mut contenders);
    let s = if threads == 1 { "1 thread".to_owned() } else { format!("{threads} threads") };
    for (to, peer, least) in [(1, "quick_cache", 0.8), (2, "moka", 3.0), (3, "foyer S3-FIFO", 1.5)]
    {
        let row = Row::told(format!("peek, {s}"), measured.median(0), "M/s");
        report.row(row.paired(peer, &measured, 0, to).to_reach(Target::RatioAtLeast(least)));
    }
    report.row(
        Row::told(format!("get_or_fetch hit, {s}"), measured.median(4), "M/s")
            .paired("peek", &measured, 4, 0)
            .to_reach(Target::RatioAtLeast(0.7)),
    );
}

/// A steady stream of tag bans must not turn every hit into an examination.
fn under_bans(
    report: &mut Report,
    options: &Options,
    caches: &Caches,
    questions: &Questions,
) -> anyhow::Result<()> {
    let quiet = AtomicBool::new(true);
    let over = AtomicBool::new(false);
    let measured = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut number = 0;
            while !over.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_secs(1) / BANS_A_SECOND);
                if !quiet.load(Ordering::Relaxed) {
                    number += 1;
                    let tag = format!("more {}", number % 50_000);
                    let banned = caches.runtime.block_on(caches.engine.invalidate_tag(&tag));
                    banned.expect("a tag within its limits");
                }
            }
        });
        let turn = |still| {
            quiet.store(still, Ordering::Relaxed);
            caches.peek(questions, 1)
        };
        let mut contenders =
            [Contender::new("banned", || turn(false)), Contender::new("quiet", || turn(true))];
        let measured = take_turns(options.rounds(), &mut contenders);
        over.store(true, Ordering::Relaxed);
        measured
    });
    report.row(
        Row::told(
            format!("peek under {BANS_A_SECOND} tag bans/s, 1 thread"),
            measured.median(0),
            "M/s",
        )
        .paired("peek without", &measured, 0, 1)
        .to_reach(Target::RatioAtLeast(0.7)),
    );
    Ok(())
}

fn allocations(report: &mut Report, caches: &Caches, questions: &Questions) {
    let keys: Vec<String> = questions.of(0).take(10_000).map(str::to_owned).collect();
    let peek = allocation_counter::measure(|| {
        keys.iter().for_each(|key| {
            black_box(caches.spence.peek(key));
        })
    });
    let fetch = allocation_counter::measure(|| {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        for key in &keys {
            let fill = async |_| Ok::<Fill<Value>, Infallible>(Fill::new([0; 64]));
            let call = std::pin::pin!(caches.spence.get_or_fetch(key, fill));
            assert!(call.poll(&mut context).is_ready(), "it is held");
        }
    });
    for (name, counted) in [("peek", peek), ("get_or_fetch hit", fetch)] {
        let each = counted.count_total as f64 / keys.len() as f64;
        report.row(
            Row::told(format!("allocations of a {name}"), each, "each")
                .to_reach(Target::AtMost(0.0)),
        );
    }
}
