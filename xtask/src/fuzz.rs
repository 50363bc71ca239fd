//! `cargo xtask fuzz`: coverage-guided fuzzing by libFuzzer, on the stable toolchain.
//!
//! What rustc calls unstable about it is a sanitizer, which safe code does not need; the coverage
//! counters come from a pass of LLVM's that any toolchain has.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, ensure};

use crate::Complaints;

/// Counters for libFuzzer, and comparisons, so that it can guess what is compared with.
const FLAGS: [&str; 6] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "--cfg=fuzzing",
];
/// Seconds after which one input counts as hanging.
const TIMEOUT: u32 = 20;

/// Fuzzes each target whose name contains `wanted` for so many seconds.
pub(crate) fn run(seconds: u32, wanted: &str) -> anyhow::Result<Complaints> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("root of the repository")?;
    let fuzz = root.join("fuzz");
    let programs = build(&fuzz)?;
    let mut names = targets(&fuzz)?;
    names.retain(|name| name.contains(wanted));
    ensure!(!names.is_empty(), "no fuzz target has {wanted:?} in its name");
    let mut complaints = Vec::new();
    for name in &names {
        let output = fuzz_one(&fuzz, &programs.join(name), name, seconds)?;
        let told = String::from_utf8_lossy(&output.stderr);
        println!("{name}: {}", summary(&told));
        if !output.status.success() {
            complaints.push(format!("fuzz target {name}: {}\n{}", output.status, finding(&told)));
        }
    }
    Ok(complaints)
}

/// The folder of the programs.
fn build(fuzz: &Path) -> anyhow::Result<PathBuf> {
    let host = Command::new("rustc").args(["--print", "host-tuple"]).output().context("rustc")?;
    let host = String::from_utf8(host.stdout)?.trim().to_owned();
    // With a target named, the flags are not those of build scripts and macros.
    let built = Command::new("cargo")
        .args(["build", "--quiet", "--release", "--target", &host])
        .env("RUSTFLAGS", FLAGS.join(" "))
        .current_dir(fuzz)
        .status()
        .context("build the fuzz targets")?;
    ensure!(built.success(), "building the fuzz targets: {built}");
    Ok(fuzz.join("target").join(host).join("release"))
}

fn targets(fuzz: &Path) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(fuzz.join("src/bin"))? {
        let name = entry?.file_name().into_string().ok().context("a name in UTF-8")?;
        names.extend(name.strip_suffix(".rs").map(str::to_owned));
    }
    names.sort();
    Ok(names)
}

/// New inputs go to a folder that git ignores; the seeds are only read.
fn fuzz_one(fuzz: &Path, program: &Path, name: &str, seconds: u32) -> anyhow::Result<Output> {
    let found = fuzz.join("target/corpus").join(name);
    fs::create_dir_all(&found)?;
    let crashes = fuzz.join("target/crashes").join(name);
    fs::create_dir_all(&crashes)?;
    let mut fuzzing = Command::new(program);
    fuzzing
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-timeout={TIMEOUT}"))
        .arg(format!("-artifact_prefix={}/", crashes.display()))
        .arg("-print_final_stats=1")
        .arg(found)
        .env("RUST_BACKTRACE", "0");
    if let Ok(seed) = std::env::var("SPENCE_SEED") {
        fuzzing.arg(format!("-seed={seed}"));
    }
    let seeds = fuzz.join("seeds").join(name);
    if seeds.is_dir() {
        fuzzing.arg(seeds);
    }
    fuzzing.output().with_context(|| format!("run the fuzz target {name}"))
}

/// Runs, and places of the code that were reached.
fn summary(told: &str) -> String {
    let runs = told.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    let reached =
        told.lines().rev().find_map(|line| line.split_once("cov: ")).map(|(_, rest)| rest);
    let seed = told.lines().find_map(|line| line.strip_prefix("INFO: Seed: "));
    let words = |text: Option<&str>| {
        text.and_then(|text| text.split_whitespace().next()).unwrap_or("?").to_owned()
    };
    format!("{} inputs, {} places reached, seed {}", words(runs), words(reached), words(seed))
}

/// What libFuzzer says of a finding: the panic, and where the input is.
fn finding(told: &str) -> String {
    let from =
        told.lines().skip_while(|line| !line.contains("panicked") && !line.contains("ERROR"));
    let said: Vec<_> = from.filter(|line| !line.starts_with("    #")).take(40).collect();
    format!("{}\nagain: the program under fuzz/target/*/release with that file", said.join("\n"))
}
