//! Five times the budget written over and over: what the device is made to write for it, and
//! whether the files ever take more than they may.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use spence_benches::machine::written_bytes;
use spence_benches::report::Row;
use spence_benches::{Options, Report, Target, workload};

use crate::stores;
use crate::throughput::disk_usage;

const VALUE_BYTES: usize = 1024;
const TIMES: u64 = 5;

pub fn measure(report: &mut Report, options: &Options) -> anyhow::Result<()> {
    let budget: u64 = options.sized(100_000_000, 400_000_000);
    let dir = tempfile::tempdir()?;
    let runtime = stores::runtime()?;
    let value = stores::value(VALUE_BYTES, options.seed);
    // As many keys as fill the budget once.
    let keys = workload::keys(budget as usize / (VALUE_BYTES + 100));
    let writes = TIMES * budget / (VALUE_BYTES as u64 + 40);
    let order = workload::zipf(keys.len(), 0.9, writes as usize, options.seed);
    let (over, most) = (AtomicBool::new(false), AtomicU64::new(0));
    let (before, written) = std::thread::scope(|scope| -> anyhow::Result<_> {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                most.fetch_max(disk_usage(dir.path()), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        let result = runtime.block_on(async {
            let (spence, cache) = stores::cache(dir.path(), budget).await?;
            let before = written_bytes();
            for (number, keys_at) in order.chunks(256).enumerate() {
                let put = |at: &u32| cache.insert(keys[*at as usize].clone(), value.clone());
                futures_util::future::join_all(keys_at.iter().map(put)).await;
                // Some are read meanwhile, and so worth carrying over.
                for at in keys_at.iter().take(number % 64) {
                    cache.get(&keys[*at as usize]).await;
                }
            }
            spence.close().await;
            anyhow::Ok((before, written_bytes()))
        });
        over.store(true, Ordering::Relaxed);
        result
    })?;
    let logical = order.len() as f64 * (VALUE_BYTES + 40) as f64;
    report.set(
        "overwrite",
        format!("{TIMES} times a budget of {} MB, 1 KB values", budget / 1_000_000),
    );
    report.row(
        Row::told("write amplification, 1 KB", (written - before) as f64 / logical, "bytes a byte")
            .to_reach(Target::AtMost(1.3)),
    );
    report.row(
        Row::told("most that the files took", most.into_inner() as f64 / 1e6, "MB")
            .beside("budget", budget as f64 / 1e6)
            .to_reach(Target::RatioAtMost(1.0)),
    );
    Ok(())
}
