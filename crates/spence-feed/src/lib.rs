//! A market data API on loopback that speaks like Massive (formerly Polygon.io), and like FRED
//! about the economy: for the demo mode, so that `make run` needs no account, and for tests, which
//! count its calls.
//!
//! AAPL and IBM have their real daily bars of 2000-03-01 to 2013-03-01 (`data/ORIGIN.md`); every
//! other symbol has bars that follow from (seed, symbol, session) alone, so any part of any
//! history is the same at every call, in every process. A symbol is one to five letters, with an
//! optional class (`BRK.B`); those that begin with `ZZ` do not exist. Minutes and hours are made up
//! so that they come to the day's bar. Of FRED's series CPILFESL is real up to 2018-11.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
//! use spence_feed::{Feed, FeedOptions};
//!
//! let feed = Feed::start("127.0.0.1:0".parse().unwrap(), FeedOptions::default()).await?;
//! println!("try {}/v2/aggs/ticker/AAPL/range/1/day/2012-06-01/2012-06-29", feed.base_url());
//! assert_eq!(feed.calls().total(), 0);
//! # Ok(()) }
//! ```

mod actions;
mod aggregates;
mod bar;
mod calls;
mod desk;
mod economy;
mod fault;
mod fred;
mod history;
mod intraday;
mod noise;
mod real;
mod reference;
mod server;
mod sessions;
mod status;
mod struck;
mod synthetic;
mod wire;

pub use actions::{Dividend, Split};
pub use bar::Bar;
pub use calls::Calls;
pub use fault::{Fault, FaultRate};
pub use history::Universe;
pub use server::{Feed, FeedOptions};
