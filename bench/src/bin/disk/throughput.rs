//! Reads and writes of 1 KB values, all of them in the page cache.

use std::hint::black_box;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use spence::Cache;
use spence::unstable::BareStore;
use spence_benches::report::Row;
use spence_benches::rounds::{Contender, measure as take_turns, quantile_micros};
use spence_benches::{Options, Report, Target, workload};
use tokio::runtime::Runtime;

use crate::stores::{self, AMPLE, Fjall, Heed};

const VALUE_BYTES: usize = 1024;
/// Writes of Spence that are under way at a time: its answer waits for the write, the peers' does
/// not wait for anything.
const UNDER_WAY: usize = 256;

/// All stores with the same entries, and what is asked for.
struct Stores {
    runtime: Runtime,
    cache: Cache<String, Bytes>,
    bare: BareStore,
    heed: Heed,
    fjall: Fjall,
    keys: Vec<String>,
    order: Vec<u32>,
    value: Bytes,
    /// As many bytes as all values, to be read by the system call alone.
    file: std::fs::File,
}

pub fn measure(report: &mut Report, options: &Options) -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let count = options.sized(30_000, 60_000);
    report.set("throughput", format!("{count} keys of 40 bytes, values of 1 KB, read at random"));
    let runtime = stores::runtime()?;
    let place = |name: &str| -> anyhow::Result<_> {
        let place = dir.path().join(name);
        std::fs::create_dir(&place)?;
        Ok(place)
    };
    let (spence, cache) = runtime.block_on(stores::cache(&place("cache")?, AMPLE))?;
    let stores = Stores {
        cache,
        bare: stores::bare(&place("bare")?)?,
        heed: Heed::open(&place("heed")?)?,
        fjall: Fjall::open(&place("fjall")?)?,
        keys: workload::keys(count),
        order: workload::zipf(count, 0.0, count, options.seed),
        value: stores::value(VALUE_BYTES, options.seed),
        file: {
            let place = dir.path().join("file");
            std::fs::write(&place, vec![1; count * VALUE_BYTES])?;
            std::fs::File::open(place)?
        },
        runtime,
    };
    puts(report, options, &stores);
    gets(report, options, &stores);
    while_writing(report, options, &stores);
    stores.runtime.block_on(spence.close());
    stores.bare.close();
    Ok(())
}

/// Thousands of operations a second.
fn rate(operations: usize, work: impl FnOnce()) -> f64 {
    let started = Instant::now();
    work();
    operations as f64 / started.elapsed().as_secs_f64() / 1e3
}

impl Stores {
    fn put_cache(&self) -> f64 {
        rate(self.keys.len(), || {
            self.runtime.block_on(async {
                for keys in self.keys.chunks(UNDER_WAY) {
                    let put = |key: &String| self.cache.insert(key.clone(), self.value.clone());
                    for result in futures_util::future::join_all(keys.iter().map(put)).await {
                        result.expect("the disk takes it");
                    }
                }
            });
        })
    }

    fn put_bare(&self) -> f64 {
        rate(self.keys.len(), || {
            self.runtime.block_on(async {
                for keys in self.keys.chunks(UNDER_WAY) {
                    let acks: Vec<_> =
                        keys.iter().map(|key| self.bare.put(key, self.value.clone())).collect();
                    for ack in acks {
                        ack.kept().await.expect("the disk takes it");
                    }
                }
            });
        })
    }

    fn each(&self, mut ask: impl FnMut(&String)) -> f64 {
        rate(self.order.len(), || self.order.iter().for_each(|&at| ask(&self.keys[at as usize])))
    }

    fn get_cache(&self) -> f64 {
        rate(self.order.len(), || {
            self.runtime.block_on(async {
                for &at in &self.order {
                    let hit = self.cache.get(&self.keys[at as usize]).await;
                    black_box(hit.expect("it is held").len());
                }
            });
        })
    }

    fn get_bare(&self) -> f64 {
        rate(self.order.len(), || {
            self.runtime.block_on(async {
                for &at in &self.order {
                    let hit = self.bare.get(&self.keys[at as usize]).await;
                    black_box(hit.expect("it is held").len());
                }
            });
        })
    }

    /// What a store that reads files cannot go below.
    fn pread(&self) -> f64 {
        use std::os::unix::fs::FileExt;
        rate(self.order.len(), || {
            for &at in &self.order {
                let mut value = vec![0; VALUE_BYTES];
                let place = u64::from(at) * VALUE_BYTES as u64;
                self.file.read_exact_at(&mut value, place).expect("it was written");
                black_box(value);
            }
        })
    }

    /// Microseconds of the slowest in a hundred reads.
    fn p99(&self) -> f64 {
        self.runtime.block_on(async {
            let mut times = Vec::with_capacity(self.order.len());
            for &at in &self.order {
                let started = Instant::now();
                black_box(self.cache.get(&self.keys[at as usize]).await);
                times.push(started.elapsed());
            }
            quantile_micros(&mut times, 0.99)
        })
    }
}

fn puts(report: &mut Report, options: &Options, stores: &Stores) {
    let value = &stores.value;
    let mut contenders = [
        Contender::new("insert", || stores.put_cache()),
        Contender::new("bare", || stores.put_bare()),
        Contender::new("fjall", || {
            rate(stores.keys.len(), || {
                stores.keys.iter().for_each(|key| stores.fjall.put(key, value).expect("fjall put"));
            })
        }),
        Contender::new("heed", || {
            rate(stores.keys.len(), || {
                stores.keys.iter().for_each(|key| stores.heed.put(key, value).expect("heed put"));
            })
        }),
    ];
    let measured = take_turns(options.rounds(), &mut contenders);
    for (which, name) in [(0, "Cache::insert, 1 KB"), (1, "bare put, 1 KB")] {
        let row = Row::told(name, measured.median(which), "k/s");
        let target = Target::RatioAtLeast(1.8);
        report.row(row.clone().paired("fjall", &measured, which, 2).to_reach(target));
        report.row(row.paired("heed", &measured, which, 3));
    }
}

fn gets(report: &mut Report, options: &Options, stores: &Stores) {
    let mut contenders = [
        Contender::new("get", || stores.get_cache()),
        Contender::new("bare", || stores.get_bare()),
        Contender::new("heed", || {
            stores.each(|key| drop(black_box(stores.heed.get(key).expect("heed get"))))
        }),
        Contender::new("fjall", || {
            stores.each(|key| drop(black_box(stores.fjall.get(key).expect("fjall get"))))
        }),
        Contender::new("pread", || stores.pread()),
    ];
    let measured = take_turns(options.rounds(), &mut contenders);
    for (which, name) in [(0, "Cache::get, 1 KB"), (1, "bare get, 1 KB")] {
        let row = Row::told(name, measured.median(which), "k/s");
        let target = Target::RatioAtLeast(0.85);
        report.row(row.clone().paired("heed", &measured, which, 2).to_reach(target));
        report.row(row.clone().paired("fjall", &measured, which, 3));
        report.row(row.paired("pread(2) alone", &measured, which, 4));
    }
}

/// The slowest in a hundred reads while a thread writes as fast as it may, and without.
fn while_writing(report: &mut Report, options: &Options, stores: &Stores) {
    let writing = AtomicBool::new(false);
    let over = AtomicBool::new(false);
    let measured = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                match writing.load(Ordering::Relaxed) {
                    true => drop(stores.put_cache()),
                    false => std::thread::sleep(Duration::from_millis(1)),
                }
            }
        });
        let turn = |busy| {
            writing.store(busy, Ordering::Relaxed);
            // A round of writing that has begun ends first.
            std::thread::sleep(Duration::from_millis(if busy { 20 } else { 500 }));
            stores.p99()
        };
        let mut contenders =
            [Contender::new("writing", || turn(true)), Contender::new("quiet", || turn(false))];
        let measured = take_turns(options.rounds(), &mut contenders);
        over.store(true, Ordering::Relaxed);
        measured
    });
    report.row(
        Row::told("p99 of Cache::get while writing", measured.median(0), "us")
            .paired("quiet", &measured, 0, 1)
            .to_reach(Target::RatioAtMost(3.0)),
    );
}

/// A directory's files, as the file system counts them.
pub fn disk_usage(dir: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let Ok(entries) = std::fs::read_dir(dir) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(data) if data.is_dir() => disk_usage(&entry.path()),
            Ok(data) => data.blocks() * 512,
            Err(_) => 0,
        })
        .sum()
}
