//! Peers in other languages: installed by pip and npm when they are first needed.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

/// What is installed, and where.
pub struct Peers {
    /// Their programs and lists of what they need.
    sources: PathBuf,
    /// Where that is installed.
    installed: PathBuf,
}

impl Peers {
    /// Below the bench's own directory.
    #[must_use]
    pub fn here() -> Self {
        let bench = Path::new(env!("CARGO_MANIFEST_DIR"));
        Self { sources: bench.join("peers"), installed: bench.join("target/peers") }
    }

    /// A program of ours.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.sources.join(name)
    }

    /// A Python interpreter that has the libraries of a list.
    pub fn python(&self, list: &str) -> anyhow::Result<PathBuf> {
        let venv = self.installed.join(list.trim_end_matches(".txt"));
        let (python, done) = (venv.join("bin/python"), venv.join("installed"));
        let list = self.sources.join(list);
        if !is_same(&list, &done) {
            run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
            let mut pip = Command::new(&python);
            run(pip.args(["-m", "pip", "install", "--quiet", "--requirement"]).arg(&list))?;
            std::fs::copy(list, done)?;
        }
        Ok(python)
    }

    /// The JavaScript program of a node, beside the libraries.
    pub fn node_program(&self) -> anyhow::Result<PathBuf> {
        let dir = self.installed.join("npm");
        let (list, done) = (self.sources.join("package.json"), dir.join("installed"));
        let program = dir.join("node.mjs");
        if !is_same(&list, &done) {
            std::fs::create_dir_all(&dir)?;
            std::fs::copy(&list, dir.join("package.json"))?;
            run(Command::new("npm").args(["install", "--silent"]).current_dir(&dir))?;
            std::fs::copy(list, done)?;
        }
        std::fs::copy(self.sources.join("node.mjs"), &program)?;
        Ok(program)
    }
}

fn is_same(one: &Path, other: &Path) -> bool {
    let read = |path| std::fs::read(path).ok();
    read(one).is_some() && read(one) == read(other)
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {said}");
    Ok(())
}
