//! docs/requirements.md names, for each requirement, the tests that show it. They must exist.

use std::collections::HashSet;

use crate::Complaints;
use crate::tree::Tree;

const PAGE: &str = "docs/requirements.md";

pub(crate) fn check(tree: &Tree) -> Complaints {
    let Some(page) = tree.files.iter().find(|file| file.path == PAGE) else {
        return vec![format!("{PAGE}: is missing")];
    };
    let tests: HashSet<&str> = tree.ending(".rs").flat_map(|file| functions(&file.text)).collect();
    let mut complaints = Vec::new();
    for (number, line) in page.text.lines().enumerate() {
        for name in line.split('`').skip(1).step_by(2).filter(|name| is_test_name(name)) {
            if !tests.contains(name) {
                complaints.push(format!("{PAGE}:{}: no test {name}", number + 1));
            }
        }
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        if let [_, id, _, shown, _] = cells[..]
            && id.starts_with('S')
            && shown.is_empty()
        {
            complaints.push(format!("{PAGE}:{}: {id} is shown by nothing", number + 1));
        }
    }
    complaints
}

/// Test names are sentences.
fn is_test_name(name: &str) -> bool {
    name.matches('_').count() >= 3
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

fn functions(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let name = line.trim_start().trim_start_matches("async ").strip_prefix("fn ")?;
        name.split(['(', '<']).next()
    })
}
