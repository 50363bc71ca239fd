//! Hit ratios on recorded requests, at three sizes: a part of each trace's distinct keys.

use std::path::Path;

use anyhow::ensure;
use spence::{Cache, Spence};
use spence_benches::report::Row;
use spence_benches::traces::{self, Trace};
use spence_benches::{Options, Report, Target};

use crate::hits;

/// Sizes in percent of the distinct keys.
const SIZES: [usize; 3] = [1, 5, 20];
/// Below this many entries, caches of several shards hold visibly more or fewer than they are told.
const LEAST: usize = 100;
/// moka does its bookkeeping at least so often.
const MOKA_ROUND: usize = 64;

pub fn measure(report: &mut Report, options: &Options, dir: &Path) -> anyhow::Result<()> {
    let traces = traces::read_all(dir, options.sized(300_000, 3_000_000))?;
    report.set("traces", format!("{}, sizes {SIZES:?} % of the distinct keys", dir.display()));
    let mut sums = [0.0; 3];
    let mut cells = 0.0;
    for trace in &traces {
        let distinct = trace.distinct();
        for size in SIZES {
            let capacity = distinct * size / 100;
            if capacity < LEAST {
                continue;
            }
            let ratios = [spence(trace, capacity)?, moka(trace, capacity), foyer(trace, capacity)];
            cells += 1.0;
            for (sum, ratio) in sums.iter_mut().zip(ratios) {
                *sum += ratio;
            }
            let name = format!("hit ratio, {} at {capacity}", trace.name);
            report.row(Row::told(&name, ratios[0], "%").beside("moka", ratios[1]));
            report.row(Row::told(&name, ratios[0], "%").beside("foyer S3-FIFO", ratios[2]));
        }
    }
    ensure!(cells > 0.0, "{}: no trace is large enough", dir.display());
    let [spence, moka, foyer] = sums.map(|sum| sum / cells);
    let name = format!("mean hit ratio of {cells} cells");
    report.row(Row::told(&name, spence, "%").beside("moka", moka).to_reach(Target::PeerLess(0.0)));
    report.row(
        Row::told(&name, spence, "%")
            .beside("foyer S3-FIFO", foyer)
            .to_reach(Target::PeerLess(0.5)),
    );
    Ok(())
}

/// Percent of the requests for which `asked` answered that it held the key.
fn percent(trace: &Trace, mut asked: impl FnMut(usize, u64) -> bool) -> f64 {
    let hits = trace.keys.iter().enumerate().filter(|(at, key)| asked(*at, **key)).count();
    100.0 * hits as f64 / trace.keys.len() as f64
}

fn spence(trace: &Trace, capacity: usize) -> anyhow::Result<f64> {
    let runtime = hits::runtime()?;
    let entries = capacity as u64;
    // As many bytes as `capacity` entries never take: what counts is their number.
    let builder = Spence::builder().memory((entries * 1024).max(1 << 20)).max_entries(entries);
    let engine = runtime.block_on(builder.build())?;
    let cache: Cache<u64, u64> = engine.cache("trace").memory_only().build()?;
    Ok(runtime.block_on(async {
        let mut hits = 0;
        for key in &trace.keys {
            match cache.peek(key) {
                Some(_) => hits += 1,
                None => cache.insert(*key, *key).await.expect("an integer is within the limits"),
            }
        }
        100.0 * f64::from(hits) / trace.keys.len() as f64
    }))
}

fn moka(trace: &Trace, capacity: usize) -> f64 {
    let cache = moka::sync::Cache::new(capacity as u64);
    percent(trace, |at, key| {
        if at % MOKA_ROUND == 0 {
            cache.run_pending_tasks();
        }
        let held = cache.get(&key).is_some();
        if !held {
            cache.insert(key, key);
        }
        held
    })
}

fn foyer(trace: &Trace, capacity: usize) -> f64 {
    let cache: foyer::Cache<u64, u64> = foyer::CacheBuilder::new(capacity)
        .with_eviction_config(foyer::S3FifoConfig::default())
        .build();
    percent(trace, |_, key| {
        let held = cache.get(&key).is_some();
        if !held {
            cache.insert(key, key);
        }
        held
    })
}
