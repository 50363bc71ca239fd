//! The lines that keep the promises, each with a test that turns red without it.

mod behaviour;
mod cluster;
mod flights;
mod schedules;
mod units;

/// A guarding line, and what stands in its place when it is taken away.
#[derive(Debug)]
pub(crate) struct Mutant {
    /// Under `crates/spence/src`.
    pub(crate) file: &'static str,
    /// Stands there exactly once.
    pub(crate) line: &'static str,
    pub(crate) instead: &'static str,
    /// Its name, without modules; turns red.
    pub(crate) test: &'static str,
}

/// Where a test is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Suite {
    Units,
    Behaviour,
    Flights,
    Schedules,
}

/// All of them, each with where its test is.
pub(crate) fn all() -> impl Iterator<Item = (Suite, &'static Mutant)> {
    let suites = [
        (Suite::Units, units::LINES),
        (Suite::Behaviour, behaviour::LINES),
        (Suite::Behaviour, cluster::LINES),
        (Suite::Flights, flights::LINES),
        (Suite::Schedules, schedules::LINES),
    ];
    suites.into_iter().flat_map(|(suite, lines)| lines.iter().map(move |mutant| (suite, mutant)))
}
