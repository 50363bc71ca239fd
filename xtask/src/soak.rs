//! `cargo xtask soak`: everything that CI samples, at length. Ends with a summary, and fails if
//! anything was found.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, ensure};

use crate::Complaints;

/// A part: its name, what is run, and with which settings.
struct Part {
    name: &'static str,
    command: &'static [&'static str],
    settings: &'static [(&'static str, &'static str)],
}

const IT: [&str; 7] = ["cargo", "test", "--release", "--package", "spence", "--test", "it"];

/// Tests of the integration suite, by what their names contain.
const fn tests(name: &'static str, filter: &'static [&'static str]) -> Part {
    Part { name, command: filter, settings: &[("SPENCE_SOAK", "1")] }
}

const PARTS: [Part; 14] = [
    tests("byte flips", &["one_flipped_byte"]),
    tests("full and failing devices", &["device::"]),
    tests("clock jumps and SIGSTOP", &["wall_clock", "was_stopped"]),
    tests("slow fills", &["leave_slow_fills_alone"]),
    tests("churn, kill, reopen", &["c01_c12_churn"]),
    tests("resident size", &["residence::"]),
    tests("kill -9", &["kill_9"]),
    Part {
        name: "model",
        command: &["as_the_model_says"],
        settings: &[("SPENCE_SOAK", "1"), ("SPENCE_LISTS", "5000")],
    },
    Part {
        name: "schedules",
        command: &[
            "cargo",
            "test",
            "--release",
            "--package",
            "spence",
            "--features",
            "shuttle",
            "--test",
            "schedules",
        ],
        settings: &[("SPENCE_SCHEDULES", "100000")],
    },
    Part { name: "fuzz", command: &["cargo", "xtask", "fuzz", "60"], settings: &[] },
    Part { name: "scans", command: &["cargo", "xtask", "market", "1000"], settings: &[] },
    Part {
        name: "ephemeris",
        command: &["cargo", "xtask", "ephemeris", "check", "2000"],
        settings: &[],
    },
    Part {
        name: "schemathesis",
        command: &["cargo", "xtask", "schemathesis", "200"],
        settings: &[],
    },
    Part { name: "mutants", command: &["cargo", "xtask", "mutants"], settings: &[] },
];

/// What came of a part.
struct Outcome {
    name: &'static str,
    well: bool,
    took: Duration,
    /// What its tests told.
    told: Vec<String>,
    /// Tests or targets that failed.
    failures: Vec<String>,
}

/// Runs each part whose name contains `wanted`.
pub(crate) fn run(wanted: &str) -> anyhow::Result<Complaints> {
    let seed = std::env::var("SPENCE_SEED").unwrap_or_else(|_| fresh_seed());
    println!("soak, SPENCE_SEED={seed}");
    let mut outcomes = Vec::new();
    for part in PARTS.iter().filter(|part| part.name.contains(wanted)) {
        println!("\n{} ...", part.name);
        outcomes.push(part.run(&seed)?);
    }
    ensure!(!outcomes.is_empty(), "no part of the soak has {wanted:?} in its name");
    summarize(&outcomes, &seed);
    let failed = outcomes.iter().filter(|outcome| !outcome.well);
    Ok(failed.map(|outcome| format!("soak, {}: {:?}", outcome.name, outcome.failures)).collect())
}

fn fresh_seed() -> String {
    let now = now().1.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    now.as_secs().to_string()
}

#[expect(clippy::disallowed_methods, reason = "this measures, and knows no engine")]
fn now() -> (Instant, SystemTime) {
    (Instant::now(), SystemTime::now())
}

impl Part {
    fn run(&self, seed: &str) -> anyhow::Result<Outcome> {
        let is_whole = self.command.first() == Some(&"cargo");
        let mut words = if is_whole { self.command.to_vec() } else { IT.to_vec() };
        if !is_whole {
            // One at a time: they measure.
            words.extend(["--", "--nocapture", "--test-threads=1"]);
            words.extend(self.command);
        }
        let (program, arguments) = words.split_first().context("a command")?;
        let (started, _) = now();
        let mut child = Command::new(program)
            .args(arguments)
            .envs(self.settings.iter().copied())
            .env("SPENCE_SEED", seed)
            .env("RUST_BACKTRACE", "0")
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .with_context(|| format!("run {}", words.join(" ")))?;
        let (mut told, mut failures) = (Vec::new(), Vec::new());
        for line in BufReader::new(child.stdout.take().context("its output")?).lines() {
            let line = line?;
            let news = match line.split_once("soak: ") {
                Some((_, news)) => news,
                None if is_result(&line) => &line,
                None => {
                    // The list at the end of a run names what failed.
                    let name = line.strip_prefix("    ").filter(|name| !name.contains(' '));
                    failures.extend(name.map(str::to_owned));
                    continue;
                }
            };
            println!("  {news}");
            told.push(news.to_owned());
        }
        let status = child.wait()?;
        if !status.success() && failures.is_empty() {
            failures.push(status.to_string());
        }
        if told.is_empty() || told.iter().any(|line| line.contains("ok. 0 passed")) {
            failures.push("nothing was run".to_owned());
        }
        let took = now().0.duration_since(started);
        Ok(Outcome { name: self.name, well: failures.is_empty(), took, told, failures })
    }
}

/// A line of a test run, of the fuzzer or of the mutants that belongs into the summary.
fn is_result(line: &str) -> bool {
    line.starts_with("test result:")
        || line.contains("places reached")
        || line.contains("lines taken away")
        || line.starts_with("GREEN")
        || line.starts_with("DOES NOT BUILD")
}

fn summarize(outcomes: &[Outcome], seed: &str) {
    println!("\nSummary (SPENCE_SEED={seed})");
    for Outcome { name, well, took, told, .. } in outcomes {
        let verdict = if *well { "holds" } else { "FAILED" };
        println!("{verdict:7} {name} ({} min {:02} s)", took.as_secs() / 60, took.as_secs() % 60);
        told.iter().for_each(|line| println!("          {line}"));
    }
    let count = |what: &str| -> u64 {
        let lines = outcomes.iter().flat_map(|outcome| &outcome.told);
        let counted = lines.filter_map(|line| {
            let mut words = line.rsplit_once('|')?.1.split_whitespace();
            words.find(|word| *word == what)?;
            words.next()?.parse::<u64>().ok()
        });
        counted.sum()
    };
    let failures: usize = outcomes.iter().map(|outcome| outcome.failures.len()).sum();
    println!(
        "\n{} wrong, {} stale beyond the contract, {} refused opens, {} over a budget, {failures} \
         failed tests or panics",
        count("wrong"),
        count("stale"),
        count("refused"),
        count("over")
    );
}
