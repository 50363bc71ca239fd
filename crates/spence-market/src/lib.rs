//! Market data behind the cache.
//!
//! [`Market`] answers questions for bars from the cache or, if need be, from a provider that
//! speaks like Massive (formerly Polygon.io). Each value says how fresh it is and where it came
//! from; with the provider gone, what is held is served as stale for as long as the policy says.
//!
//! Beside that it computes with bars: [`indicators`], [`score`] and [`scan()`] (docs/indicators.md,
//! docs/scan.md).
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use spence::{Source, Spence};
//! use spence_market::{LastBars, Market, Provider};
//! # let feed = spence_feed::Feed::start("127.0.0.1:0".parse()?, spence_feed::FeedOptions::default()).await?;
//! # let base_url = feed.base_url();
//!
//! let spence = Spence::builder().build().await?;
//! let market = Market::new(&spence, Provider::new(&base_url, None)?, &base_url)?;
//! let key = LastBars::new("AAPL", 90, Some("2012-06-29"))?;
//! let bars = market.bars(&key).await?;
//! assert_eq!((bars.len(), bars.source()), (90, Source::Origin));
//! assert_eq!(market.bars(&key).await?.source(), Source::Memory);
//! # Ok(()) }
//! ```

mod answer;
mod bars;
mod bars_file;
mod budget;
mod call;
mod data;
mod date;
mod demand;
mod digits;
mod error;
mod file;
mod gather;
mod held;
pub mod indicators;
mod lacks;
mod listed;
mod market;
mod ohlcv;
mod plan;
mod provider;
mod quality;
mod rows;
mod scan;
pub mod score;
mod series;
mod splits;
mod survey;
mod symbol;
mod trading;
mod universe;
mod wire;

pub use bars::{Bar, Bars, InvalidQuestion, LastBars, MAX_BARS};
pub use bars_file::{SymbolBars, open_bars, read_bars};
pub use budget::CALLS_CACHE;
pub use call::{Patience, install_tls};
pub use data::{
    Data, DataError, DataProvider, DataQuestion, DataType, Dividend, Fred, Frequency,
    INTRADAY_CACHE, IntradayBar, InvalidData, MarketStatus, Observation, Params, Providers,
    RefusedRow, Rows, SERIES, STATUS_CACHE, SplitAction, Subject, Told, ToldStatus,
};
pub use date::parse_date;
pub use demand::{DEMAND_CACHE, Refreshed};
pub use digits::twelve_digits;
pub use error::ProviderError;
pub use file::InvalidFile;
pub use gather::{Progress, Tell};
pub use held::HeldBars;
pub use listed::LISTINGS_CACHE;
pub use market::{BARS_CACHE, Market};
pub use ohlcv::{Columns, Ohlcv};
pub use provider::Provider;
pub use quality::{Finding, Flaw, QUARANTINE_CACHE, Quality};
pub use rows::ROWS_CACHE;
pub use scan::{ScanOptions, ScanRow, scan};
pub use series::{Series, SeriesKey};
pub use splits::SPLITS_CACHE;
pub use survey::{Status, Survey, SurveyRequest, SurveyRow};
pub use symbol::{InvalidSymbol, Symbol};
pub use universe::{Listing, MAX_SYMBOLS, is_same_sector, open_universe, read_universe};
