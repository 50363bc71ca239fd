//! `cargo xtask examples`: every example runs to its end, and stands in the index.

use std::process::Command;

use anyhow::Context;

use crate::Complaints;
use crate::tree::Tree;

const FOLDER: &str = "examples/";
const INDEX: &str = "examples/README.md";

pub(crate) fn run(tree: &Tree) -> anyhow::Result<Complaints> {
    let index = tree.files.iter().find(|file| file.path == INDEX).context(INDEX)?;
    let mut complaints = Vec::new();
    for name in names(tree) {
        if !index.text.contains(&format!("[{name}]({name}.rs)")) {
            complaints.push(format!("{INDEX}: does not list {name}"));
        }
        let run = Command::new("cargo")
            .args(["run", "--quiet", "--package", "spence", "--example", name])
            .output()
            .with_context(|| format!("run the example {name}"))?;
        let told = String::from_utf8_lossy(&run.stdout);
        println!("{name}: {} lines", told.lines().count());
        if !run.status.success() || told.is_empty() {
            let errors = String::from_utf8_lossy(&run.stderr);
            complaints.push(format!("{FOLDER}{name}.rs: {}\n{told}{errors}", run.status));
        }
    }
    for script in scripts(tree) {
        if !index.text.contains(&format!("({script})")) {
            complaints.push(format!("{INDEX}: does not list {script}"));
        }
        let run = Command::new("sh").arg(format!("{FOLDER}{script}")).output();
        let run = run.with_context(|| format!("run {script}"))?;
        let told = String::from_utf8_lossy(&run.stdout);
        println!("{script}: {} lines", told.lines().count());
        if !run.status.success() {
            let errors = String::from_utf8_lossy(&run.stderr);
            complaints.push(format!("{FOLDER}{script}: {}\n{told}{errors}", run.status));
        }
    }
    Ok(complaints)
}

fn scripts(tree: &Tree) -> impl Iterator<Item = &str> {
    let scripts = tree.paths.iter().filter_map(|path| path.strip_prefix(FOLDER));
    scripts.filter(|path| path.ends_with("/run.sh"))
}

fn names(tree: &Tree) -> impl Iterator<Item = &str> {
    let names = tree.paths.iter().filter_map(|path| path.strip_prefix(FOLDER)?.strip_suffix(".rs"));
    names.filter(|name| !name.contains('/'))
}
