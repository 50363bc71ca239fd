//! What cargo knows about the workspace.

use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::Value;

/// `cargo metadata`, of the workspace alone or with all dependencies.
pub(crate) fn read(with_dependencies: bool) -> anyhow::Result<Value> {
    let mut command = Command::new(env!("CARGO"));
    command.args(["metadata", "--format-version", "1", "--locked"]);
    if !with_dependencies {
        command.arg("--no-deps");
    }
    let output = command.output().context("run cargo metadata")?;
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).context("read cargo metadata")
}

/// The packages in it.
pub(crate) fn packages(metadata: &Value) -> anyhow::Result<&Vec<Value>> {
    metadata.get("packages").and_then(Value::as_array).context("cargo metadata without packages")
}

/// A text field of a package or dependency.
pub(crate) fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}
