//! Explores the variants, or those with a text in their name, and prints what came of each, with
//! the shortest way to break those that break; exits with 1 if one is not as expected.
//!
//! `cargo run --package spence-model -- [NAME] [WRITES FILLS]`, such as `"usual order"` or
//! `ban 2 1`.

use std::process::ExitCode;

use spence_model::search::{Finding, explore};
use spence_model::variants::{Bounds, VARIANTS};

fn main() -> ExitCode {
    let argument = |n| std::env::args().nth(n);
    let number = |n, default: u8| argument(n).map_or(Some(default), |text| text.parse().ok());
    let (Some(writes), Some(fills)) = (number(2, 1), number(3, 2)) else {
        eprintln!("usage: spence-model [NAME] [WRITES FILLS]");
        return ExitCode::from(2);
    };
    let chosen = argument(1).unwrap_or_default();
    let mut chosen = VARIANTS.iter().filter(|variant| variant.name.contains(&chosen)).peekable();
    if chosen.peek().is_none() {
        eprintln!("no variant has this in its name");
        return ExitCode::from(2);
    }
    let mut as_expected = true;
    for variant in chosen {
        let finding = explore(variant, Bounds { writes, fills });
        let is_expected = finding.is_expected(variant);
        as_expected &= is_expected;
        let mark = if is_expected { "" } else { "  NOT AS EXPECTED" };
        match finding {
            Finding::Holds { states } => {
                println!("holds in {states} states: {}{mark}", variant.name);
            }
            Finding::Breaks { clause, path } => {
                println!("breaks {clause:?} in {} steps: {}{mark}", path.len(), variant.name);
                path.iter().for_each(|event| println!("    {event}"));
            }
        }
    }
    if as_expected { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
