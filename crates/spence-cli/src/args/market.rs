//! What `spence market` takes.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Market {
    /// Print data of one type: bars, splits, dividends, figures about the economy, returns.
    #[command(after_help = "Examples:\n  \
                            spence market data OHLCV AAPL --start 2012-06-01 --end 2012-06-29\n  \
                            spence market data OHLCV AAPL --start 2012-06-29 --end 2012-06-29 --frequency 5m\n  \
                            spence market data TREASURY_10Y --start 2024-01-01 --csv\n  \
                            spence market data INFLATION_RATE --param method=mom\n  \
                            spence market data TOTAL_RETURN IBM --param method=cumulative --offline")]
    Data(Data),
    /// Look for what is odd about the daily bars of a symbol: sessions without a bar, rows that
    /// were refused, jumps that no split explains, splits that no price shows.
    #[command(
        after_help = "Example:\n  spence market quality AAPL --start 2000-01-01 --end 2013-03-01"
    )]
    Quality(Quality),
    /// Say whether New York trades, by the calendar and by the provider.
    #[command(after_help = "Example:\n  spence market status")]
    Status,
    /// List the types of data, and which providers serve them.
    #[command(after_help = "Example:\n  spence market types")]
    Types,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Data {
    /// The type, as in OHLCV or CPI_INDEX; `spence market types` lists them.
    pub(crate) data_type: String,
    /// Of whom, as in AAPL, for types that are about a ticker.
    pub(crate) ticker: Option<String>,
    /// The first day, as in 2012-06-01. Default: a year before the last.
    #[arg(long, value_name = "DATE")]
    pub(crate) start: Option<String>,
    /// The last day. Default: today, in New York.
    #[arg(long, value_name = "DATE")]
    pub(crate) end: Option<String>,
    /// How often: daily, and of OHLCV also 1m, 5m, 15m, 30m and 1h.
    #[arg(long, default_value = "daily")]
    pub(crate) frequency: String,
    /// What only some types take: method (of TOTAL_RETURN simple, log or cumulative; of
    /// INFLATION_RATE yoy or mom), index (of INFLATION_RATE CPI_INDEX or PCE_INDEX), vintage (of
    /// the economy: as it was known on a day). May be repeated.
    #[arg(long = "param", value_name = "NAME=VALUE")]
    pub(crate) params: Vec<String>,
    /// Only what is held; no provider is called.
    #[arg(long)]
    pub(crate) offline: bool,
    /// Print comma-separated values.
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Quality {
    /// The symbol, as in AAPL.
    pub(crate) symbol: String,
    /// The first day, as in 2012-06-01. Default: a year before the last.
    #[arg(long, value_name = "DATE")]
    pub(crate) start: Option<String>,
    /// The last day. Default: today, in New York.
    #[arg(long, value_name = "DATE")]
    pub(crate) end: Option<String>,
    /// Only what is held; no provider is called.
    #[arg(long)]
    pub(crate) offline: bool,
}
