//! The calendars, session by session, beside those of the Python package exchange_calendars.

use std::process::Command;

use crate::Complaints;
use crate::python::{installed, output};

/// Apache-2.0; installed from the package index into `target/`, never shipped.
const PACKAGE: &str = "exchange_calendars==4.13.2";
const CALENDARS: [&str; 3] = ["XNYS", "XLON", "XBOM"];
/// Differences that are shown of each.
const SHOWN: usize = 10;

pub(crate) fn check() -> anyhow::Result<Complaints> {
    let python = installed("target/calendars", PACKAGE)?.join("python");
    let mut complaints = Vec::new();
    for name in CALENDARS {
        let theirs = output(Command::new(&python).args(["xtask/calendars/sessions.py", name]))?;
        // Whole years, from the first session to the last.
        let year =
            |line: Option<&str>| line.and_then(|line| line.get(..4)).unwrap_or("").to_owned();
        let (first, last) = (year(theirs.lines().nth(1)), year(theirs.lines().last()));
        let (from, to) = (format!("{first}-01-01"), format!("{last}-12-31"));
        let cargo = env!("CARGO");
        let ours = output(
            Command::new(cargo)
                .args(["run", "--quiet", "-p", "spence-cli", "--"])
                .args(["calendar", name, "--from", &from, "--to", &to, "--csv"]),
        )?;
        let missing = lacking(&ours, &theirs).map(|line| format!("{name}: missing: {line}"));
        let extra = lacking(&theirs, &ours).map(|line| format!("{name}: not there: {line}"));
        complaints.extend(missing.take(SHOWN).chain(extra.take(SHOWN)));
        println!("{name}: {} sessions compared", theirs.lines().count().saturating_sub(1));
    }
    Ok(complaints)
}

/// The lines of `other` that are not in `text`.
fn lacking<'a>(text: &str, other: &'a str) -> impl Iterator<Item = &'a str> {
    let known: std::collections::HashSet<_> = text.lines().map(str::to_owned).collect();
    other.lines().filter(move |line| !known.contains(*line))
}
