//! House rules as a program; [`USAGE`] lists them.

mod edges;
mod examples;
mod files;
mod guards;
mod licences;
mod links;
mod metadata;
mod mutants;
mod requirements;
mod tree;

use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask <tidy | licences | examples | mutants [NAME]>
  tidy      crate edges, file sizes, names, the clock, links and requirements
  licences  every dependency has a permissive licence
  examples  runs every example, and checks that examples/README.md lists it
  mutants   takes away each line that keeps a promise, or those whose file or test has NAME in its
            name, and expects the test to turn red";

fn main() -> ExitCode {
    let command = std::env::args().nth(1);
    let outcome = match command.as_deref() {
        Some("tidy") => tidy(),
        Some("licences") => licences::check(),
        Some("examples") => tree::read().and_then(|tree| examples::run(&tree)),
        Some("mutants") => mutants::run(std::env::args().nth(2).as_deref().unwrap_or_default()),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(complaints) if complaints.is_empty() => ExitCode::SUCCESS,
        Ok(complaints) => {
            complaints.iter().for_each(|complaint| eprintln!("{complaint}"));
            eprintln!("{} complaints", complaints.len());
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// What breaks a rule, each with its place.
type Complaints = Vec<String>;

fn tidy() -> anyhow::Result<Complaints> {
    let tree = tree::read()?;
    let mut complaints = edges::check()?;
    complaints.extend(files::check(&tree));
    complaints.extend(links::check(&tree));
    complaints.extend(mutants::check(&tree));
    complaints.extend(requirements::check(&tree));
    Ok(complaints)
}
