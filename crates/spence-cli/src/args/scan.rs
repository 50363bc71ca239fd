//! The arguments of `spence scan`.

use std::path::PathBuf;

#[derive(Debug, Default, clap::Args)]
pub(crate) struct Scan {
    /// Scan the bars of this file, with no provider: CSV with the columns symbol, date, open, high,
    /// low, close and volume; may be compressed with gzip.
    #[arg(long, value_name = "FILE")]
    pub(crate) bars_file: Option<PathBuf>,
    /// How many of the last sessions (of a file: of the last bars of each symbol) count.
    #[arg(long, value_name = "N", default_value_t = 250)]
    pub(crate) bars: u32,
    /// The last session that counts, as in 2024-01-31. Default: the last that has begun.
    #[arg(long, value_name = "DATE", conflicts_with = "bars_file")]
    pub(crate) end: Option<String>,
    /// By which rules: corrected, or technic-compat, which repeats what the Python scanner technic
    /// computes. `--profile` takes these two names as well. Default: corrected.
    #[arg(long, value_name = "NAME")]
    pub(crate) scoring: Option<Scoring>,
    /// Only symbols of this file: CSV with a column symbol, and if --sector is given sector; or a
    /// symbol on each line.
    #[arg(long, value_name = "FILE")]
    pub(crate) universe: Option<PathBuf>,
    /// Only symbols of this sector of the universe; may be given several times.
    #[arg(long = "sector", value_name = "NAME", requires = "universe")]
    pub(crate) sectors: Vec<String>,
    /// Only this many symbols, the first: of the universe, of the file, or of those that the
    /// provider lists (default 5000).
    #[arg(long, value_name = "N")]
    pub(crate) symbols: Option<usize>,
    /// Only what is rated at least this; for shorts at most the negative of it.
    #[arg(long, value_name = "RATING")]
    pub(crate) min_rating: Option<f64>,
    /// Only what can be traded: 20 bars, a close of 1 and a turnover of 250,000 a day at least.
    #[arg(long)]
    pub(crate) tradable: bool,
    /// Call no provider: scan what is held, and say what is missing.
    #[arg(long, conflicts_with = "bars_file")]
    pub(crate) offline: bool,
    /// Only say how many calls the scan would make.
    #[arg(long, conflicts_with_all = ["bars_file", "csv", "stream"])]
    pub(crate) plan: bool,
    /// Print each row as soon as there is one, as a line of JSON; and progress, and the summary.
    #[arg(long, conflicts_with_all = ["bars_file", "csv", "json"])]
    pub(crate) stream: bool,
    /// Stop after so many rows with a signal.
    #[arg(long, value_name = "N", conflicts_with = "bars_file")]
    pub(crate) max_signals: Option<u32>,
    /// Print every row with all columns as comma-separated values, or write them to this file.
    #[arg(long, value_name = "OUT", num_args = 0..=1, default_missing_value = "-", conflicts_with = "json")]
    pub(crate) csv: Option<PathBuf>,
}

/// Rules of a scan by their name.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum Scoring {
    Corrected,
    TechnicCompat,
}
