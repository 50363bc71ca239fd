//! House rules as a program: `cargo xtask tidy` and `cargo xtask licences`.

mod edges;
mod files;
mod licences;
mod links;
mod metadata;
mod requirements;
mod tree;

use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask <tidy | licences>
  tidy      crate edges, file sizes, names, the clock, links and requirements
  licences  every dependency has a permissive licence";

fn main() -> ExitCode {
    let command = std::env::args().nth(1);
    let outcome = match command.as_deref() {
        Some("tidy") => tidy(),
        Some("licences") => licences::check(),
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
    complaints.extend(requirements::check(&tree));
    Ok(complaints)
}
