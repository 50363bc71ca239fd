//! What every bench is told on its command line.

use clap::Args;

#[derive(Debug, Clone, Args)]
pub struct Options {
    /// One JSON object instead of a table
    #[arg(long)]
    pub json: bool,

    /// Fewer and shorter rounds: a first impression in about a minute
    #[arg(long)]
    pub quick: bool,

    /// Rounds whose medians are reported [default: 15, or 5 with --quick]
    #[arg(long, value_name = "N")]
    pub rounds: Option<usize>,

    /// What the random numbers begin from
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
}

impl Options {
    pub fn rounds(&self) -> usize {
        self.rounds.unwrap_or(if self.quick { 5 } else { 15 }).max(1)
    }

    /// `full`, or `quick` where a first impression is enough.
    pub fn sized<T>(&self, quick: T, full: T) -> T {
        if self.quick { quick } else { full }
    }
}
