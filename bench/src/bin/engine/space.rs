//! Bytes that an entry takes, and whether the process stays near its budget: by resident size,
//! each in a process of its own.

use std::sync::Arc;

use anyhow::{Context, bail};
use spence::{Cache, Spence};
use spence_benches::machine::resident_bytes;
use spence_benches::report::Row;
use spence_benches::{Options, Report, Target, child, workload};

use crate::hits;

const BUDGET: u64 = 100_000_000;

pub fn measure(report: &mut Report, options: &Options) -> anyhow::Result<()> {
    let entries = options.sized("300000", "1000000");
    let each = |cache: &str| -> anyhow::Result<f64> {
        let figures = child::figures(&["--hold", cache, entries])?;
        figures.first().copied().context("no figure")
    };
    report.row(
        Row::told(format!("resident bytes an entry of {entries}"), each("spence")?, "bytes")
            .beside("quick_cache", each("quick_cache")?)
            .to_reach(Target::RatioAtMost(1.3)),
    );
    for (bytes, name) in [("16", "16 B"), ("1000", "1 KB"), ("1000000", "1 MB")] {
        let figures = child::figures(&["--hold", "budget", bytes])?;
        let most = figures.first().copied().context("no figure")?;
        report.row(
            Row::told(
                format!("resident size, values of {name}, five times the budget put in"),
                most / 1e6,
                "MB",
            )
            .beside("budget", BUDGET as f64 / 1e6)
            .to_reach(Target::RatioAtMost(1.1)),
        );
    }
    let figures = child::figures(&["--hold", "lengths", "36000"])?;
    let most = figures.first().copied().context("no figure")?;
    let name = "resident size, values of 8 to 64 KB, five times the budget put in";
    report.row(Row::told(name, most / 1e6, "MB").beside("budget", BUDGET as f64 / 1e6));
    Ok(())
}

/// What the child process does.
pub fn hold(arguments: &[String]) -> anyhow::Result<()> {
    let [what, number] = arguments else { bail!("--hold WHAT NUMBER") };
    let number: usize = number.parse()?;
    match what.as_str() {
        "spence" => hold_spence(number),
        "quick_cache" => {
            hold_quick(number);
            Ok(())
        }
        "budget" => hold_budget(number, |_| number),
        // All lengths, in an order that is no order.
        "lengths" => hold_budget(number, |n| 8_000 + n * 7919 % 56_000),
        _ => bail!("--hold {what}"),
    }
}

fn hold_spence(entries: usize) -> anyhow::Result<()> {
    let runtime = hits::runtime()?;
    let keys = workload::keys(entries);
    let engine = runtime.block_on(Spence::builder().memory(1 << 31).build())?;
    let cache: Cache<String, hits::Value> = engine.cache("bars").memory_only().build()?;
    let before = resident_bytes();
    for key in &keys {
        runtime.block_on(cache.insert(key.clone(), [1; 64]))?;
    }
    println!("{}", (resident_bytes() - before) as f64 / entries as f64);
    Ok(())
}

fn hold_quick(entries: usize) {
    let keys = workload::keys(entries);
    let cache = hits::quick(entries * 2);
    let before = resident_bytes();
    for key in &keys {
        cache.insert(key.clone(), Arc::new([1; 64]));
    }
    println!("{}", (resident_bytes() - before) as f64 / entries as f64);
}

/// The largest resident size while five times the budget is put in, in values of about `bytes`.
fn hold_budget(bytes: usize, length: impl Fn(usize) -> usize) -> anyhow::Result<()> {
    let runtime = hits::runtime()?;
    let engine = runtime.block_on(Spence::builder().memory(BUDGET).build())?;
    let cache: Cache<u64, Vec<u8>> = engine.cache("values").memory_only().build()?;
    // An entry of 16 bytes takes about 300.
    let entries = 5 * BUDGET / (bytes as u64).max(300);
    let before = resident_bytes();
    let mut most = 0;
    for number in 0..entries {
        runtime.block_on(cache.insert(number, vec![1; length(number as usize)]))?;
        if number % (entries / 1000).max(1) == 0 {
            most = most.max(resident_bytes() - before);
        }
    }
    println!("{most}");
    Ok(())
}
