//! Data of every type: who is asked for them, what is kept of them, what is computed from them.

pub(crate) mod actions;
pub(crate) mod answer;
pub(crate) mod computed;
mod data_type;
pub(crate) mod economy;
mod fred;
mod frequency;
pub(crate) mod intraday;
pub(crate) mod massive;
mod provider;
mod question;
mod rows;
pub(crate) mod status;

pub use answer::{Data, DataError};
pub use data_type::{DataType, Subject};
pub use fred::{Fred, SERIES};
pub use frequency::Frequency;
pub use intraday::INTRADAY_CACHE;
pub use provider::{DataProvider, Providers};
pub use question::{DataQuestion, InvalidData, Params};
pub use rows::{Dividend, IntradayBar, Observation, RefusedRow, Rows, SplitAction, Told};
pub use status::{MarketStatus, STATUS_CACHE, ToldStatus};
