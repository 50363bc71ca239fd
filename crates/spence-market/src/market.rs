//! Questions for market data, answered through the cache.

use spence::{Cache, Cached, Error, Fill, Spence};

use crate::bars::{BarKey, Bars};
use crate::error::ProviderError;
use crate::provider::Provider;

/// The name of the cache of bars, and of its policy.
pub const BARS_CACHE: &str = "OHLCV";

/// Market data from one provider, cached.
#[derive(Debug, Clone)]
pub struct Market {
    bars: Cache<BarKey, Bars>,
    provider: Provider,
    clock: spence::Clock,
}

impl Market {
    /// Puts `provider` behind a cache of `spence`. `origin` names the provider; bars that were
    /// stored under another name are not served.
    ///
    /// # Errors
    /// When a cache of the same name with other types exists.
    pub fn new(spence: &Spence, provider: Provider, origin: &str) -> Result<Self, Error> {
        let bars = spence.cache(BARS_CACHE).schema(1).origin(origin).build()?;
        Ok(Self { bars, provider, clock: spence.clock().clone() })
    }

    /// Where bars come from when no tier has them.
    #[must_use]
    pub fn provider(&self) -> &Provider {
        &self.provider
    }

    /// The bars that `key` asks for, tagged with their symbol; fewer than asked for if there are
    /// not as many.
    ///
    /// # Errors
    /// `NotFound` when the provider has no bars of the symbol up to then; `Origin` with a
    /// [`ProviderError`] when it failed and nothing permitted is held; `Deadline`.
    pub async fn bars(&self, key: &BarKey) -> Result<Cached<Bars>, Error> {
        let (provider, clock) = (self.provider.clone(), self.clock.clone());
        self.bars
            .get_or_fetch(key, |cx| async move {
                let bars = provider.daily_bars(cx.key(), &clock, cx.deadline()).await?;
                let symbol = cx.key().symbol().as_str();
                Ok::<_, ProviderError>(match bars {
                    Some(bars) => Fill::new(bars).tags([symbol]),
                    None => Fill::not_found().tags([symbol]),
                })
            })
            .await
    }
}
