//! Takes each guarding line away and expects its test to turn red: a test that stays green guards
//! nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

use crate::Complaints;
use crate::guards::{self, Mutant, Suite};
use crate::tree::{self, Tree};

const SOURCES: &str = "crates/spence/src";
/// A test that takes longer hangs, which is red too: callers wait for ever.
const DEADLINE: &str = "300s";
/// Schedules that a schedule test tries before its line counts as unguarded.
const SCHEDULES: &str = "20000";

/// What came of a mutant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Red,
    Hangs,
    Green,
    DoesNotBuild,
}

/// Whether each line is where the list says, once, and each test exists.
pub(crate) fn check(tree: &Tree) -> Complaints {
    let mut complaints = Vec::new();
    for (_, Mutant { file, line, test, .. }) in guards::all() {
        let path = format!("{SOURCES}/{file}");
        let source = tree.files.iter().find(|file| file.path == path);
        let count = source.map_or(0, |source| source.text.matches(line).count());
        if count != 1 {
            let first = line.lines().next().unwrap_or_default().trim();
            complaints.push(format!("xtask/src/guards: {count} times in {path}: {first}"));
        }
        let named = format!("fn {test}(");
        if !tree.ending(".rs").any(|file| file.text.contains(&named)) {
            complaints.push(format!("xtask/src/guards: no test {test}"));
        }
    }
    complaints
}

/// Tries the mutants whose file or test contains `chosen`, in a copy of the tree.
pub(crate) fn run(chosen: &str) -> anyhow::Result<Complaints> {
    let copy = copy()?;
    let mutants = guards::all()
        .filter(|(_, mutant)| mutant.file.contains(chosen) || mutant.test.contains(chosen));
    let (mut complaints, mut tried) = (Vec::new(), 0);
    for (suite, mutant) in mutants {
        let outcome = mutant.outcome(&copy, suite)?;
        let word = match outcome {
            Outcome::Red => "red",
            Outcome::Hangs => "hangs",
            Outcome::Green => "GREEN",
            Outcome::DoesNotBuild => "DOES NOT BUILD",
        };
        println!("{word:6} {:20} {}", mutant.file, mutant.test);
        tried += 1;
        if !matches!(outcome, Outcome::Red | Outcome::Hangs) {
            complaints.push(format!("{}: {word} without\n{}", mutant.test, mutant.line));
        }
    }
    ensure!(tried > 0, "no mutant is of a file or a test with {chosen:?} in its name");
    println!("{tried} lines taken away, {} tests red", tried - complaints.len());
    Ok(complaints)
}

/// A copy of the working tree; files that have not changed are left alone, so that little is built.
fn copy() -> anyhow::Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("root of the repository")?;
    let copy = root.join("target/mutants");
    for path in tree::read()?.paths {
        let Ok(bytes) = fs::read(root.join(&path)) else { continue };
        let to = copy.join(&path);
        if fs::read(&to).ok().as_ref() != Some(&bytes) {
            fs::create_dir_all(to.parent().context("a file is in a directory")?)?;
            fs::write(to, bytes)?;
        }
    }
    Ok(copy)
}

impl Mutant {
    fn outcome(&self, copy: &Path, suite: Suite) -> anyhow::Result<Outcome> {
        let path = copy.join(SOURCES).join(self.file);
        let source = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        fs::write(&path, source.replacen(self.line, self.instead, 1))?;
        let outcome = self.test(copy, suite);
        fs::write(&path, source)?;
        outcome
    }

    fn test(&self, copy: &Path, suite: Suite) -> anyhow::Result<Outcome> {
        if !suite.cargo(copy, "cargo", &["--no-run"])?.success() {
            return Ok(Outcome::DoesNotBuild);
        }
        let ended = suite.cargo(copy, "timeout", &[self.test])?;
        Ok(match ended.code() {
            Some(0) => Outcome::Green,
            // timeout(1) says so.
            Some(124 | 137) => Outcome::Hangs,
            _ => Outcome::Red,
        })
    }
}

impl Suite {
    fn cargo(
        self,
        copy: &Path,
        program: &str,
        last: &[&str],
    ) -> anyhow::Result<std::process::ExitStatus> {
        let mut command = Command::new(program);
        if program == "timeout" {
            command.args(["--kill-after=5s", DEADLINE, "cargo"]);
        }
        command.args(["test", "--quiet", "--package", "spence"]).args(match self {
            Suite::Units => ["--lib"].as_slice(),
            Suite::Behaviour => &["--test", "it"],
            Suite::Flights => &["--features", "loom", "--lib"],
            Suite::Schedules => &["--features", "shuttle", "--test", "schedules"],
        });
        command.args(last).current_dir(copy).env_remove("RUST_BACKTRACE");
        command.env("SPENCE_SCHEDULES", SCHEDULES);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.status().with_context(|| format!("run {program}"))
    }
}
