//! Sizes, names, the clock, and words that must not stand in the tree.

use crate::Complaints;
use crate::tree::{TextFile, Tree};

/// The longest file of code, in lines.
const MAX_CODE_LINES: usize = 400;
/// The longest file of tests.
const MAX_TEST_LINES: usize = 500;

/// File names that say nothing.
const EMPTY_NAMES: [&str; 6] =
    ["util.rs", "utils.rs", "helper.rs", "helpers.rs", "common.rs", "misc.rs"];
/// Endings of type names that say nothing.
const EMPTY_ENDINGS: [&str; 4] = ["Manager", "Helper", "Util", "Utils"];

/// Where the system may be asked for the time.
const CLOCK: &str = "crates/spence/src/clock.rs";
/// Spelled in two parts, so that this file does not complain about itself.
const TIME: [(&str, &str); 3] =
    [("Instant", "::now"), ("SystemTime", "::now"), ("clock_", "gettime")];
/// Signs of unfinished work and of silenced lints.
const UNFINISHED: [(&str, &str); 6] = [
    ("TO", "DO"),
    ("FIX", "ME"),
    ("todo", "!("),
    ("unimplemented", "!("),
    ("#[ign", "ore"),
    ("#[al", "low("),
];

/// Where the macros are whose output silences lints, each with its reason.
const MACROS: &str = "crates/spence-macros/src/expand.rs";

/// The one crate that may contain unsafe code, which the workspace's lints forbid, and what is
/// outside of the workspace.
const WITH_OWN_LINTS: [&str; 4] = [
    "crates/spence-heap/Cargo.toml",
    "bench/Cargo.toml",
    "ephemeris/Cargo.toml",
    "fuzz/Cargo.toml",
];
/// What measures time for its own sake.
const MEASURING: [&str; 2] = ["bench/", "xtask/"];

pub(crate) fn check(tree: &Tree) -> Complaints {
    let mut complaints = Vec::new();
    for file in tree.ending(".rs") {
        complaints.extend(size(file));
        complaints.extend(name(file));
        complaints.extend(words(file));
    }
    for file in tree.ending("Cargo.toml") {
        let has_own = !file.path.contains('/') || WITH_OWN_LINTS.contains(&&*file.path);
        if !has_own && !file.text.contains("[lints]\nworkspace = true") {
            complaints.push(format!("{}: without the workspace's lints", file.path));
        }
    }
    complaints
}

fn size(file: &TextFile) -> Option<String> {
    let lines = file.text.lines().count();
    let most = if file.path.contains("/tests/") { MAX_TEST_LINES } else { MAX_CODE_LINES };
    (lines > most)
        .then(|| format!("{}: {lines} lines, at most {most}: is there a natural seam?", file.path))
}

fn name(file: &TextFile) -> Option<String> {
    let name = file.path.rsplit('/').next().unwrap_or_default();
    EMPTY_NAMES.contains(&name).then(|| format!("{}: a name that says nothing", file.path))
}

fn words(file: &TextFile) -> Complaints {
    let mut complaints = Vec::new();
    let mut complain = |line: usize, what: String| {
        complaints.push(format!("{}:{}: {what}", file.path, line + 1));
    };
    let measures = MEASURING.iter().any(|folder| file.path.starts_with(folder));
    for (number, line) in file.text.lines().enumerate() {
        let has = |(a, b): &(&str, &str)| line.contains(&format!("{a}{b}"));
        if file.path != CLOCK && !measures && TIME.iter().any(has) {
            complain(number, format!("asks the system for the time; only {CLOCK} may"));
        }
        // What is made for others to compile cannot know what they need.
        let is_made = file.path == MACROS && line.contains("reason = ");
        if UNFINISHED.iter().any(has) && !is_made {
            complain(number, "unfinished, or a lint silenced without a reason".to_owned());
        }
        let declared =
            line.trim_start().trim_start_matches("pub(crate) ").trim_start_matches("pub ");
        let mut parts = declared.split([' ', '<', '(', ';']);
        if let (Some("struct" | "enum" | "trait" | "type"), Some(name)) =
            (parts.next(), parts.next())
            && EMPTY_ENDINGS.iter().any(|ending| name.ends_with(ending))
        {
            complain(number, format!("the name {name} says nothing"));
        }
    }
    complaints
}
