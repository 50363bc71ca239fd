//! Machine instructions of each path, as callgrind counts them: a figure that hardly varies, so
//! that a path which grew is seen on any machine. What the kernel does is not counted.
//!
//! Runs itself under valgrind, once for each path, and counts while `counted` runs. Valgrind does
//! not take the start of rustix's own system calls, so build it with `--cfg rustix_use_libc`, as
//! `make instructions` does.

mod paths;

use std::process::{Command, ExitCode};

use anyhow::{Context, ensure};
use clap::Parser;
use spence_benches::report::Row;
use spence_benches::{Options, Report, Target};

use paths::{OPERATIONS, PATHS};

#[derive(Parser)]
#[command(about = "Counts the machine instructions of each path, with valgrind")]
struct Arguments {
    #[command(flatten)]
    options: Options,

    /// Runs one path, as valgrind is to see it
    #[arg(long, value_name = "PATH", hide = true)]
    only: Option<String>,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    if let Some(name) = &arguments.only {
        let path = PATHS.iter().find(|path| path.name == name).context("no such path")?;
        (path.run)()?;
        return Ok(ExitCode::SUCCESS);
    }
    let known = Command::new("valgrind").arg("--version").output();
    ensure!(known.is_ok(), "valgrind is not installed: apt-get install valgrind");
    let mut report = Report::new("instructions", &arguments.options);
    report.set("operations", OPERATIONS.to_string());
    for path in PATHS {
        let each = count(path.name)? / OPERATIONS as f64;
        let target = Target::AtMost(path.most);
        report.row(Row::told(path.name, each.round(), "instructions").to_reach(target));
    }
    report.print(&arguments.options);
    Ok(if report.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// All instructions that a path takes while it is counted.
fn count(path: &str) -> anyhow::Result<f64> {
    let program = std::env::current_exe().context("path of this program")?;
    let dir = tempfile::tempdir()?;
    let out = format!("--callgrind-out-file={}", dir.path().join("out").display());
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--toggle-collect=*::counted", &out])
        .arg(program)
        .args(["--only", path])
        .output()
        .context("run valgrind")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{path}: {said}");
    let line = said.lines().find_map(|line| line.split_once("Collected : "));
    let (_, count) = line.with_context(|| format!("{path}: no count in {said}"))?;
    count.trim().parse().context("a number")
}
