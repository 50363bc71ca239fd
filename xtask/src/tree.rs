//! The files of the repository, as git knows them.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};

/// A text file, by its path from the root.
#[derive(Debug)]
pub(crate) struct TextFile {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// All files that are tracked, or new and not ignored; of these the ones that are text.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) paths: Vec<String>,
    pub(crate) files: Vec<TextFile>,
}

pub(crate) fn read() -> anyhow::Result<Tree> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("root of the repository")?;
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .context("run git ls-files")?;
    ensure!(output.status.success(), "git ls-files: {}", String::from_utf8_lossy(&output.stderr));
    let paths: Vec<String> = String::from_utf8(output.stdout)?.lines().map(str::to_owned).collect();
    let mut files = Vec::new();
    for path in &paths {
        // Deleted files may still be listed, and some files are no text.
        if let Ok(text) = std::fs::read_to_string(root.join(path)) {
            files.push(TextFile { path: path.clone(), text });
        }
    }
    Ok(Tree { paths, files })
}

impl Tree {
    /// Files whose name ends so.
    pub(crate) fn ending<'a>(&'a self, suffix: &'a str) -> impl Iterator<Item = &'a TextFile> {
        self.files.iter().filter(move |file| file.path.ends_with(suffix))
    }
}
