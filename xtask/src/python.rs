//! Programs that are written in Python, in environments of their own under `target/`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

/// The folder of the programs of `package`, installed from the package index into `environment`.
pub(crate) fn installed(environment: &str, package: &str) -> anyhow::Result<PathBuf> {
    let programs = Path::new(environment).join("bin");
    let python = programs.join("python");
    if !python.exists() {
        output(Command::new("python3").args(["-m", "venv", environment]))?;
    }
    output(Command::new(&python).args(["-m", "pip", "install", "--quiet", package]))?;
    Ok(programs)
}

/// What a command prints; what it says instead, if it fails.
pub(crate) fn output(command: &mut Command) -> anyhow::Result<String> {
    let done = command.output().with_context(|| format!("run {command:?}"))?;
    if !done.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&done.stderr));
    }
    Ok(String::from_utf8(done.stdout)?)
}
