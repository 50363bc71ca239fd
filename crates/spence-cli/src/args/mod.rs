//! What can be said on the command line.

mod acg;
mod market;
mod scan;

pub(crate) use acg::{Acg, Batch, Lines, Positions};
pub(crate) use market::{Data, Market, Quality};
pub(crate) use scan::{Scan, Scoring};

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{ArgGroup, Parser, Subcommand};
use spence_config::Span;
use spence_feed::FaultRate;

/// A cache for what is expensive to get: memory, then disk, then Redis, then the origin.
#[derive(Debug, Parser)]
#[command(
    name = "spence",
    version,
    after_help = "Exit codes: 0 done, 1 nothing there, 2 wrong usage, 3 refused input, 4 the \
                  origin failed, 5 the server or the disk could not be used, 70 a bug, 130 stopped.\n\n\
                  Commands other than serve and feed go to the server at server.listen if one \
                  answers, else they open the disk directory themselves."
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) common: Common,

    /// What to log to standard error: error, warn, info, debug, or by target as in
    /// `spence_server=debug`. Default: $SPENCE_LOG, else warn.
    #[arg(long, global = true, value_name = "LEVEL", help_heading = "Options of every command")]
    pub(crate) log: Option<String>,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Common {
    /// The configuration file. Default: spence.yaml, if there is one.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Settings of this profile in the file.
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,

    /// A single setting, as in `--set memory.budget=200MB`; goes before file and environment.
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,

    /// The server to talk to, as in http://127.0.0.1:8321.
    #[arg(long, global = true, value_name = "URL", conflicts_with = "local",
          value_parser = server_url)]
    pub(crate) server: Option<String>,

    /// How long the server may take to answer; 60s if not given. A scan makes no further call
    /// after it, and rates what is held then.
    #[arg(long, global = true, value_name = "DURATION")]
    pub(crate) timeout: Option<Span>,

    /// Open the disk directory, whether or not a server answers.
    #[arg(long, global = true)]
    pub(crate) local: bool,

    /// Answer in JSON, errors too.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the cache and market data over HTTP, until SIGTERM or Ctrl-C.
    #[command(after_help = "Example:\n  spence serve --listen 127.0.0.1:8321\n  \
                            curl -si 'http://127.0.0.1:8321/api/v1/market/bars/AAPL?bars=90'")]
    Serve(Serve),
    /// Print the value under a key; exit code 1 if there is none.
    #[command(after_help = "Example:\n  spence get notes greeting")]
    Get(Get),
    /// Put a value under a key.
    #[command(override_usage = "spence set [OPTIONS] <NAMESPACE> <KEY> <VALUE | --file FILE>")]
    #[command(
        after_help = "Examples:\n  spence set notes greeting 'hello' --ttl 1h --tag demo\n  \
                            spence set pictures logo --file logo.png --content-type image/png"
    )]
    Set(Set),
    /// Never serve again what is held now: a key, a tag, a prefix, a glob or a namespace.
    #[command(
        override_usage = "spence invalidate [OPTIONS] <NAMESPACE [KEY | --prefix PREFIX | --glob GLOB] | --tag TAG>"
    )]
    #[command(after_help = "Examples:\n  spence invalidate notes greeting\n  \
                            spence invalidate --tag AAPL\n  \
                            spence invalidate OHLCV --prefix AAPL:")]
    Invalidate(Target),
    /// End the freshness of what is held now; it may still be served as stale.
    #[command(
        override_usage = "spence expire [OPTIONS] <NAMESPACE [KEY | --prefix PREFIX | --glob GLOB] | --tag TAG>"
    )]
    #[command(after_help = "Examples:\n  spence expire OHLCV AAPL:1d\n  \
                            spence expire --tag AAPL")]
    Expire(Target),
    /// Never serve again anything that is held now, in any namespace.
    #[command(after_help = "Examples:\n  spence clear --dry-run\n  spence clear --yes")]
    Clear(Clear),
    /// Say where a key is, how fresh, under which policy, and why it is not served.
    #[command(after_help = "Example:\n  spence explain OHLCV AAPL:1d")]
    Explain(Get),
    /// Fetch keys ahead of time, paced; stop it with Ctrl-C.
    #[command(after_help = "Examples:\n  spence warm OHLCV AAPL:1d IBM:1d:90:2012-06-29\n  \
                            spence warm OHLCV --file keys.txt --per-second 5\n  \
                            spence warm market --universe universe.csv")]
    Warm(Warm),
    /// Show what happens in the cache, as it happens.
    #[command(after_help = "Example:\n  spence events --json")]
    Events,
    /// Look into the configuration, or put it in force.
    #[command(subcommand)]
    Config(Config),
    /// Show hits, misses, sizes and savings, by cache that is used and in all.
    #[command(after_help = "Example:\n  spence stats --json")]
    Stats,
    /// Print the last daily bars of a symbol.
    #[command(after_help = "Examples:\n  spence bars AAPL --bars 5 --end 2012-06-29\n  \
                            spence bars MSFT --csv > msft.csv")]
    Bars(Bars),
    /// Data of every type: bars within the day, splits, dividends, the economy, returns.
    #[command(subcommand)]
    Market(Market),
    /// Print when an exchange trades: sessions with their opens, closes and half days.
    #[command(after_help = "Examples:\n  spence calendar XNYS\n  \
                            spence calendar XNYS --from 2024-01-01 --to 2024-12-31 --csv")]
    Calendar(Calendar),
    /// Rate many symbols by their daily bars.
    #[command(after_help = "Examples:\n  spence scan\n  spence scan --plan --bars 500\n  \
                            spence scan --universe universe.csv --sector Technology --tradable\n  \
                            spence scan --offline --json\n  \
                            spence scan --bars-file bars.csv.gz --min-rating 16 --tradable\n  \
                            spence scan --bars-file bars.csv.gz --bars 260 --profile technic-compat --csv scores.csv")]
    Scan(Scan),
    /// Compute technical indicators of a file of daily bars.
    #[command(after_help = "Examples:\n  spence bars AAPL --bars 300 --csv > aapl.csv\n  \
                            spence indicators aapl.csv\n  \
                            spence indicators aapl.csv --csv indicators.csv")]
    Indicators(Indicators),
    /// Astrocartography: where on the Earth bodies rise, set, culminate.
    #[command(subcommand)]
    Acg(Acg),
    /// Run the stand-in market data API on loopback.
    #[command(
        after_help = "Example:\n  spence feed --listen 127.0.0.1:8322 --latency 50ms --rate 100\n  \
                            SPENCE__MARKET__BASE_URL=http://127.0.0.1:8322 spence serve\n  \
                            spence feed --fault null_results=0.05 reset=0.01"
    )]
    Feed(Feed),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    /// The address to listen on. Default: server.listen.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Get {
    /// The namespace.
    pub(crate) namespace: String,
    /// The key.
    pub(crate) key: String,
}

#[derive(Debug, clap::Args)]
#[command(group(ArgGroup::new("content").required(true).args(["value", "file"])))]
pub(crate) struct Set {
    /// The namespace; made if it does not exist.
    pub(crate) namespace: String,
    /// The key.
    pub(crate) key: String,
    /// The value.
    pub(crate) value: Option<String>,
    /// Take the value from this file; - for standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// How long it is fresh, as in 5m. Default: what the namespace's policy says.
    #[arg(long, value_name = "DURATION")]
    pub(crate) ttl: Option<Span>,
    /// A tag by which it can be invalidated; may be given several times.
    #[arg(long = "tag", value_name = "TAG")]
    pub(crate) tags: Vec<String>,
    /// What the value is, as in application/json.
    #[arg(long, value_name = "TYPE")]
    pub(crate) content_type: Option<String>,
}

#[derive(Debug, clap::Args)]
#[command(group(ArgGroup::new("what").args(["key", "prefix", "glob", "tag"])))]
#[command(group(ArgGroup::new("where").required(true).args(["namespace", "tag"])))]
pub(crate) struct Target {
    /// The namespace; without anything else, all of it.
    pub(crate) namespace: Option<String>,
    /// The canonical text of one key, as the X-Spence-Key header shows it.
    pub(crate) key: Option<String>,
    /// Everything with this tag, in all namespaces.
    #[arg(long)]
    pub(crate) tag: Option<String>,
    /// All keys that begin with this.
    #[arg(long)]
    pub(crate) prefix: Option<String>,
    /// All keys that match this Redis glob, as in '*:90'.
    #[arg(long)]
    pub(crate) glob: Option<String>,
    /// Only count what it would reach.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// A glob that matches everything is meant.
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Clear {
    /// Only count what it would reach.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Everything is meant.
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, clap::Args)]
#[command(group(ArgGroup::new("what").args(["keys", "file", "universe", "symbols"])))]
pub(crate) struct Warm {
    /// The namespace; it must have an origin, as OHLCV has. Or `market`: all that a scan needs.
    pub(crate) namespace: String,
    /// Canonical texts of keys.
    pub(crate) keys: Vec<String>,
    /// A file with a key on each line; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Keys begun each second.
    #[arg(long, value_name = "N", default_value_t = 10.0)]
    pub(crate) per_second: f64,
    /// Of `market`, the symbols of this file, as for `spence scan`; without one, those that the
    /// provider lists.
    #[arg(long, value_name = "FILE")]
    pub(crate) universe: Option<PathBuf>,
    /// Of `market`, only this many symbols.
    #[arg(long, value_name = "N")]
    pub(crate) symbols: Option<usize>,
    /// Of `market`, how many of the last sessions.
    #[arg(long, value_name = "N", default_value_t = 250)]
    pub(crate) bars: u32,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Say whether a configuration is right, and if not, what is wrong where.
    #[command(after_help = "Example:\n  spence config check --config spence.yaml --profile prod")]
    Check,
    /// Say what a setting is and where it comes from; without a name, all of them.
    #[command(after_help = "Examples:\n  spence config explain policies.OHLCV.ttl\n  \
                            spence config explain memory")]
    Explain {
        /// The setting, or the beginning of its name.
        setting: Option<String>,
    },
    /// Print a spence.yaml made of a cache_config.yaml of a financial data layer.
    #[command(after_help = "Example:\n  spence config import cache_config.yaml > spence.yaml")]
    Import {
        /// The file.
        file: PathBuf,
    },
    /// Print every setting with its default and what it means.
    #[command(after_help = "Example:\n  spence config defaults > spence.yaml")]
    Defaults,
    /// Have the server read its configuration again.
    #[command(after_help = "Example:\n  spence config reload")]
    Reload,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Bars {
    /// The symbol, as in AAPL.
    pub(crate) symbol: String,
    /// How many bars, at most 50,000.
    #[arg(long, default_value_t = 90)]
    pub(crate) bars: u32,
    /// The last session, as in 2012-06-29. Default: the last there is.
    #[arg(long, value_name = "DATE")]
    pub(crate) end: Option<String>,
    /// Print comma-separated values.
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Calendar {
    /// The exchange: XNYS (New York) and XLON (London) from 1990 to 2040, XBOM (Bombay) from 1997
    /// to 2026.
    pub(crate) exchange: String,
    /// The first day, as in 2024-01-01. Default: today.
    #[arg(long, value_name = "DATE")]
    pub(crate) from: Option<String>,
    /// The last day. Default: four weeks after the first.
    #[arg(long, value_name = "DATE")]
    pub(crate) to: Option<String>,
    /// Print comma-separated values.
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Indicators {
    /// CSV with the columns date, open, high, low, close and volume (and symbol, if there are
    /// several); may be compressed with gzip.
    pub(crate) file: PathBuf,
    /// Whose bars, in a file of several symbols.
    #[arg(long)]
    pub(crate) symbol: Option<String>,
    /// Write the indicators of every bar as comma-separated values to this file, or print them.
    #[arg(long, value_name = "OUT", num_args = 0..=1, default_missing_value = "-", conflicts_with = "json")]
    pub(crate) csv: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Feed {
    /// The address to listen on.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8322")]
    pub(crate) listen: SocketAddr,
    /// How long each answer takes.
    #[arg(long, value_name = "DURATION", default_value = "0ms")]
    pub(crate) latency: Span,
    /// Calls per second, beyond which the answer is 429. Default: unlimited.
    #[arg(long, value_name = "N")]
    pub(crate) rate: Option<NonZeroU32>,
    /// What goes wrong now and then, as in `--fault null_results=0.05`; may be repeated. Names:
    /// rate_limited, server_error, error_200, null_results, missing_results, garbage_row,
    /// duplicate_row, out_of_order, truncated, slow_drip, reset.
    #[arg(long, value_name = "NAME=PROBABILITY", num_args = 1..)]
    pub(crate) fault: Vec<FaultRate>,
    /// Rows of a page at most; more are at the answer's next_url. Default: no pages.
    #[arg(long, value_name = "ROWS")]
    pub(crate) page: Option<std::num::NonZeroUsize>,
    /// Symbols that are listed, in grouped bars and the reference.
    #[arg(long, value_name = "N", default_value_t = 5_000)]
    pub(crate) symbols: usize,
    /// What synthetic histories follow from.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// The key that calls must carry. Default: none.
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<String>,
}

/// Where a server is, without a slash at the end.
fn server_url(text: &str) -> Result<String, &'static str> {
    let url = reqwest::Url::parse(text).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.query().is_none()
            && url.fragment().is_none()
    });
    match url {
        Some(_) => Ok(text.trim_end_matches('/').to_owned()),
        None => Err("expected a URL such as http://127.0.0.1:8321"),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Args::command().debug_assert();
    }
}
