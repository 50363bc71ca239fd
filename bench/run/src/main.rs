//! Runs a bench by its name: `cargo run --release --package spence-bench -- data --json`.
//!
//! The benches and their peers have a workspace of their own, so that nobody who builds Spence
//! builds its peers; this is its door.

use std::process::{Command, ExitCode};

use anyhow::Context;

fn main() -> anyhow::Result<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    let name = arguments.next().context(
        "expected the name of a bench: engine, disk, races, http, redis, scan, data, acg, acg-load or instructions",
    )?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let mut command = Command::new(cargo);
    command.args(["run", "--quiet", "--release", "--manifest-path", manifest, "--bin"]);
    let status = command.arg(name).arg("--").args(arguments).status().context("run cargo")?;
    Ok(ExitCode::from(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1)))
}
