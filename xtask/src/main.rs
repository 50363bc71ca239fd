//! House rules as a program; [`USAGE`] lists them.

mod calendars;
mod edges;
mod ephemeris;
mod examples;
mod files;
mod fuzz;
mod guards;
mod licences;
mod links;
mod market;
mod metadata;
mod mutants;
mod python;
mod requirements;
mod schemathesis;
mod soak;
mod tree;

use std::process::ExitCode;

const USAGE: &str =
    "usage: cargo xtask <tidy | licences | examples | calendars | ephemeris [check INSTANTS] |
                    fuzz [SECONDS [NAME]] | market [RESCANS] | mutants [NAME] |
                    schemathesis [EXAMPLES] | soak [PART]>
  tidy      crate edges, file sizes, names, the clock, links and requirements
  licences  every dependency has a permissive licence
  examples  runs every example, and checks that examples/README.md lists it
  calendars compares every session of every calendar with the package exchange_calendars
  ephemeris makes the tables of planets and Moon from the theories of their motion (three minutes
            after the build); or compares them with these at INSTANTS that nobody chose
  fuzz      fuzzes each target under fuzz/, or those with NAME in their name, for SECONDS each (60)
  market    scans 5,000 symbols through the cache, and again RESCANS times (20), beside targets
  mutants   takes away each line that keeps a promise, or those whose file or test has NAME in its
            name, and expects the test to turn red
  schemathesis sends the server what the OpenAPI document permits and forbids, EXAMPLES (50) of each,
            and takes no answer that the document does not know
  soak      all of this and more at length, or the parts with PART in their name; docs/testing.md";

fn main() -> ExitCode {
    let argument = |n| std::env::args().nth(n).unwrap_or_default();
    let outcome = match argument(1).as_str() {
        "tidy" => tidy(),
        "licences" => licences::check(),
        "examples" => tree::read().and_then(|tree| examples::run(&tree)),
        "calendars" => calendars::check(),
        "ephemeris" => match argument(2).as_str() {
            "" => ephemeris::run(&["make"]),
            _ => ephemeris::run(&[&argument(2), &argument(3)]),
        },
        "fuzz" => match argument(2).as_str() {
            "" => fuzz::run(60, ""),
            seconds => match seconds.parse() {
                Ok(seconds) => fuzz::run(seconds, &argument(3)),
                Err(error) => Err(anyhow::anyhow!("fuzz: {seconds:?} seconds: {error}")),
            },
        },
        "market" => match argument(2).as_str() {
            "" => market::run(20),
            rescans => match rescans.parse() {
                Ok(rescans) => market::run(rescans),
                Err(error) => Err(anyhow::anyhow!("market: {rescans:?} rescans: {error}")),
            },
        },
        "mutants" => mutants::run(&argument(2)),
        "schemathesis" => match argument(2).as_str() {
            "" => schemathesis::check("50"),
            examples => schemathesis::check(examples),
        },
        "soak" => soak::run(&argument(2)),
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
