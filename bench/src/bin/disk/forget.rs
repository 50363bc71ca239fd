//! Fifty thousand keys of one prefix forgotten at once: the time until none of them is served.

use std::time::Instant;

use spence::Target as Covered;
use spence_benches::report::Row;
use spence_benches::rounds::median;
use spence_benches::{Options, Report, Target, workload};

use crate::stores::{self, AMPLE};

const KEYS: usize = 50_000;

pub fn measure(report: &mut Report, options: &Options) -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let runtime = stores::runtime()?;
    let value = stores::value(1024, options.seed);
    let keys = workload::keys(KEYS);
    let mut times = Vec::new();
    runtime.block_on(async {
        let (spence, cache) = stores::cache(dir.path(), AMPLE).await?;
        for _ in 0..options.rounds() {
            for keys in keys.chunks(256) {
                let put = |key: &String| cache.insert(key.clone(), value.clone());
                futures_util::future::join_all(keys.iter().map(put)).await;
            }
            let (first, last) = (&keys[0], &keys[KEYS - 1]);
            anyhow::ensure!(cache.get(first).await.is_some(), "it is held");
            let target = Covered::Prefix { namespace: "bench".into(), prefix: "bars:".into() };
            let started = Instant::now();
            spence.invalidate(&target).await?;
            let gone = cache.get(first).await.is_none() && cache.get(last).await.is_none();
            times.push(started.elapsed().as_secs_f64() * 1e3);
            anyhow::ensure!(gone, "served after its invalidation");
            for key in &keys {
                anyhow::ensure!(cache.get(key).await.is_none(), "served after its invalidation");
            }
        }
        spence.close().await;
        Ok(())
    })?;
    report.row(
        Row::told("forgetting 50000 keys by prefix", median(&mut times), "ms")
            .to_reach(Target::AtMost(20.0)),
    );
    Ok(())
}
