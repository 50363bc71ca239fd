//! The tables of the ephemeris: made from the theories of motion, or compared with them.
//!
//! The theories are in `ephemeris/`, which has a workspace of its own.

use std::process::Command;

use anyhow::{Context, ensure};

use crate::Complaints;

/// `words` are those of the program: `make`, or `check INSTANTS`.
pub(crate) fn run(words: &[&str]) -> anyhow::Result<Complaints> {
    let status = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--release", "--manifest-path", "ephemeris/Cargo.toml", "--"])
        .args(words)
        .status()
        .context("run cargo")?;
    ensure!(status.success(), "the tables differ from the theories");
    Ok(Complaints::new())
}
