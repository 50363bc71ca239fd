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
//! use spence_market::{BarKey, Market, Provider};
//! # let feed = spence_feed::Feed::start("127.0.0.1:0".parse()?, spence_feed::FeedOptions::default()).await?;
//! # let base_url = feed.base_url();
//!
//! let spence = Spence::builder().build().await?;
//! let market = Market::new(&spence, Provider::new(&base_url, None)?, &base_url)?;
//! let key = BarKey::new("AAPL", 90, Some("2012-06-29"))?;
//! let bars = market.bars(&key).await?;
//! assert_eq!((bars.len(), bars.source()), (90, Source::Origin));
//! assert_eq!(market.bars(&key).await?.source(), Source::Memory);
//! # Ok(()) }
//! ```

mod answer;
mod bars;
mod bars_file;
mod call;
mod date;
mod digits;
mod error;
mod file;
pub mod indicators;
mod market;
mod ohlcv;
mod provider;
mod scan;
pub mod score;
mod symbol;
mod universe;
mod wire;

pub use bars::{Bar, BarKey, Bars, InvalidKey, MAX_BARS};
pub use bars_file::{SymbolBars, open_bars, read_bars};
pub use date::parse_date;
pub use digits::twelve_digits;
pub use error::ProviderError;
pub use file::InvalidFile;
pub use market::{BARS_CACHE, Market};
pub use ohlcv::{Columns, Ohlcv};
pub use provider::{Provider, install_tls};
pub use scan::{ScanOptions, ScanRow, scan};
pub use symbol::{InvalidSymbol, Symbol};
pub use universe::{Listing, MAX_SYMBOLS, is_same_sector, open_universe, read_universe};
