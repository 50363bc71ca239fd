//! Figures that only a process of its own can give: what it takes of memory.

use std::process::Command;

use anyhow::{Context, ensure};

/// Runs this program again with `arguments`; the figures that it printed, one a line.
pub fn figures(arguments: &[&str]) -> anyhow::Result<Vec<f64>> {
    let program = std::env::current_exe().context("path of this program")?;
    let output = Command::new(program).args(arguments).output().context("child process")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "child {arguments:?}: {said}");
    let text = String::from_utf8(output.stdout)?;
    text.lines().map(|line| line.trim().parse::<f64>().context("a figure a line")).collect()
}
