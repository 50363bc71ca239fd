//! Which crate may use which: one direction only, as ARCHITECTURE.md draws it.

use serde_json::Value;

use crate::Complaints;
use crate::metadata::{packages, read, text};

/// A crate, what of ours it may use, and what its tests may use beside that.
type Edges = (&'static str, &'static [&'static str], &'static [&'static str]);

const ALLOWED: [Edges; 14] = [
    ("spence-heap", &[], &[]),
    ("spence-macros", &[], &[]),
    ("spence", &["spence-heap", "spence-macros"], &["spence-testkit"]),
    ("spence-testkit", &["spence"], &[]),
    ("spence-config", &["spence", "spence-calendar"], &[]),
    ("spence-calendar", &["spence"], &[]),
    ("spence-feed", &["spence", "spence-calendar"], &[]),
    ("spence-market", &["spence", "spence-calendar"], &["spence-feed", "spence-testkit"]),
    (
        "spence-server",
        &["spence", "spence-acg", "spence-config", "spence-feed", "spence-market"],
        &["spence-testkit"],
    ),
    (
        "spence-cli",
        &[
            "spence",
            "spence-acg",
            "spence-calendar",
            "spence-config",
            "spence-feed",
            "spence-market",
            "spence-server",
        ],
        &[],
    ),
    ("spence-acg", &[], &[]),
    ("spence-model", &[], &[]),
    ("xtask", &[], &[]),
    ("spence-bench", &[], &[]),
];

/// What the engine must not know: HTTP, YAML, metrics, command lines.
const NOT_IN_THE_ENGINE: [&str; 8] = [
    "axum",
    "hyper",
    "reqwest",
    "serde-saphyr",
    "serde_json",
    "prometheus-client",
    "clap",
    "tracing-subscriber",
];

pub(crate) fn check() -> anyhow::Result<Complaints> {
    let metadata = read(false)?;
    let mut complaints = Vec::new();
    for package in packages(&metadata)? {
        let name = text(package, "name");
        let Some((_, normal, in_tests)) = ALLOWED.iter().find(|(known, ..)| *known == name) else {
            complaints.push(format!("crate {name}: not in the edges of xtask/src/edges.rs"));
            continue;
        };
        let empty = Vec::new();
        let dependencies = package.get("dependencies").and_then(Value::as_array).unwrap_or(&empty);
        for dependency in dependencies {
            let uses = text(dependency, "name");
            let is_ours = ALLOWED.iter().any(|(known, ..)| *known == uses);
            let is_dev = text(dependency, "kind") == "dev";
            let allowed = normal.contains(&uses) || is_dev && in_tests.contains(&uses);
            if is_ours && !allowed {
                complaints.push(format!("crate {name}: must not use {uses} (ARCHITECTURE.md)"));
            }
            if name == "spence" && !is_dev && NOT_IN_THE_ENGINE.contains(&uses) {
                complaints.push(format!("crate spence: must not know {uses} (ARCHITECTURE.md)"));
            }
        }
    }
    Ok(complaints)
}
