//! Links between documents lead somewhere.

use std::path::{Component, Path, PathBuf};

use crate::Complaints;
use crate::tree::Tree;

pub(crate) fn check(tree: &Tree) -> Complaints {
    let mut complaints = Vec::new();
    for file in tree.ending(".md") {
        for (number, line) in file.text.lines().enumerate() {
            for target in targets(line).filter(|target| !target.contains("://")) {
                let target = target.split('#').next().unwrap_or_default();
                let folder = Path::new(&file.path).parent().unwrap_or(Path::new(""));
                let path = normal(&folder.join(target));
                let found = target.is_empty()
                    || tree.paths.iter().any(|known| {
                        Path::new(known) == path || Path::new(known).starts_with(&path)
                    });
                if !found {
                    complaints.push(format!("{}:{}: no {target}", file.path, number + 1));
                }
            }
        }
    }
    complaints
}

/// What stands in `](...)`.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
}

fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => drop(normal.pop()),
            Component::CurDir => {}
            other => normal.push(other),
        }
    }
    normal
}
