//! Whether the market is open: by the calendar, and by what the provider says.

use std::time::Duration;

use futures_util::FutureExt;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use spence::{Cache, Cached, Error, Fill, FillCx, PolicyLayer, Spence, Weigh, allocation};

use crate::call::Patience;
use crate::data::DataType;
use crate::market::Market;
use crate::provider::Provider;

/// The name of the cache of what the provider says of the market.
pub const STATUS_CACHE: &str = "MARKET_STATUS";

const FRESH: Duration = Duration::from_secs(60);
const KEY: &str = "US";

/// What a provider says of the market.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldStatus {
    /// `open`, `closed`, `extended-hours`.
    pub market: String,
    /// Its clock, as it was then, in UTC.
    pub server_time: String,
}

/// Whether New York trades.
#[derive(Debug, Clone)]
pub struct MarketStatus {
    /// Whether a session goes on, by the calendar.
    pub is_open: bool,
    /// The newest session that has begun: its day.
    pub session: Option<jiff::civil::Date>,
    /// When the next session opens.
    pub next_open: Option<Timestamp>,
    /// What the provider says, at most a minute ago; or why it says nothing.
    pub told: Result<Cached<ToldStatus>, Error>,
}

impl MarketStatus {
    /// Whether the provider says otherwise than the calendar: a session that is called off, say.
    #[must_use]
    pub fn disagrees(&self) -> bool {
        self.told.as_ref().is_ok_and(|told| (told.market == "open") != self.is_open)
    }
}

impl Weigh for ToldStatus {
    fn heap_bytes(&self) -> usize {
        allocation(self.market.capacity()) + allocation(self.server_time.capacity())
    }
}

pub(crate) fn cache(spence: &Spence, origin: &str) -> Result<Cache<String, ToldStatus>, Error> {
    let minute = PolicyLayer::new().ttl(FRESH).jitter(0.0);
    spence.cache(STATUS_CACHE).schema(1).origin(origin).settings(minute).build()
}

impl Market {
    /// Whether New York trades, by the calendar and by the provider.
    pub async fn status(&self) -> MarketStatus {
        let market = self.clone();
        let fill = |cx: FillCx<String, ToldStatus>| async move {
            let patience = Patience::new(&market.clock, cx.deadline());
            let ask = |provider: &'_ Provider, patience: Patience| {
                let provider = provider.clone();
                async move { provider.status(&patience).await }.boxed()
            };
            let told = market.providers.ask_market(DataType::Ohlcv, &patience, ask).await;
            told.map(Fill::new)
        };
        let told = self.told_status.get_or_fetch(&KEY.to_owned(), fill).await;
        let now = self.now();
        MarketStatus {
            is_open: self.trading.is_open(now),
            session: self.trading.begun(None, now).last().map(spence_calendar::Session::date),
            next_open: self.trading.next_open(now),
            told,
        }
    }
}
