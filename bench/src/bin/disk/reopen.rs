//! Opening a directory of many entries again, in a process of its own: how long it takes, and what
//! the index takes of memory.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, bail};
use spence_benches::machine::resident_bytes;
use spence_benches::report::Row;
use spence_benches::rounds::median;
use spence_benches::{Options, Report, Target, child, workload};

use crate::stores;

const VALUE_BYTES: usize = 100;

pub fn measure(report: &mut Report, options: &Options) -> anyhow::Result<()> {
    let entries: usize = options.sized(300_000, 1_000_000);
    let dir = tempfile::tempdir()?;
    let runtime = stores::runtime()?;
    let value = stores::value(VALUE_BYTES, options.seed);
    let store = stores::bare(dir.path())?;
    runtime.block_on(async {
        for keys in workload::keys(entries).chunks(1024) {
            let acks: Vec<_> = keys.iter().map(|key| store.put(key, value.clone())).collect();
            for ack in acks {
                ack.kept().await?;
            }
        }
        anyhow::Ok(())
    })?;
    store.close();
    drop(store);
    let place = dir.path().to_str().context("a path in UTF-8")?;
    let (mut times, mut bytes) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds() {
        let figures = child::figures(&["--reopen", place, &entries.to_string()])?;
        let [millis, each] = figures[..] else { bail!("two figures") };
        times.push(millis);
        bytes.push(each);
    }
    report.row(
        Row::told(format!("reopening {entries} entries"), median(&mut times), "ms")
            .to_reach(Target::AtMost(200.0)),
    );
    report.row(
        Row::told("index, resident", median(&mut bytes), "bytes an entry")
            .to_reach(Target::AtMost(40.0)),
    );
    Ok(())
}

/// Opens once, and prints milliseconds and bytes an entry.
pub fn in_child(arguments: &[String]) -> anyhow::Result<()> {
    let [dir, entries] = arguments else { bail!("--reopen DIR NUMBER") };
    let entries: u64 = entries.parse()?;
    let before = resident_bytes();
    let started = Instant::now();
    let store = stores::bare(Path::new(dir))?;
    let took = started.elapsed();
    let grown = resident_bytes().saturating_sub(before);
    anyhow::ensure!(store.entries() == entries, "{} of {entries} entries", store.entries());
    println!("{}\n{}", took.as_secs_f64() * 1e3, grown as f64 / entries as f64);
    store.close();
    Ok(())
}
