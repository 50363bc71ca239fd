//! The caches, behind the two calls that the scenarios make.

use std::pin::Pin;
use std::sync::Arc;

use multi_tier_cache::{
    CacheError, CacheStrategy, CacheSystem, CacheSystemBuilder, MokaCache, TierConfig,
};
use spence::{Cache, Fill, Spence};

const CAPACITY: usize = 100_000;

/// A running fill.
pub type Answer = Pin<Box<dyn Future<Output = Result<u64, String>> + Send>>;
/// What begins one.
pub type Ask = Box<dyn FnOnce() -> Answer + Send>;

#[derive(Clone)]
pub enum Contender {
    Spence(Cache<String, u64>),
    Moka(moka::future::Cache<String, u64>),
    Foyer(foyer::Cache<String, u64>),
    QuickCache(Arc<quick_cache::sync::Cache<String, u64>>),
    MultiTier(Arc<CacheSystem>),
}

impl Contender {
    pub async fn spence() -> anyhow::Result<Self> {
        let spence = Spence::builder().build().await?;
        let cache = spence.cache("races").memory_only().build()?;
        Ok(Self::Spence(cache))
    }

    pub fn peers() -> anyhow::Result<Vec<Self>> {
        let tier = || -> anyhow::Result<_> { Ok(Arc::new(MokaCache::new(Default::default())?)) };
        let tiers = CacheSystemBuilder::new()
            .with_tier(tier()?, TierConfig::as_l1())
            .with_tier(tier()?, TierConfig::as_l2());
        // With tiers given, building asks nobody and never waits.
        let tiers = futures_now(tiers.build())?;
        Ok(vec![
            Self::Moka(moka::future::Cache::new(CAPACITY as u64)),
            Self::Foyer(foyer::CacheBuilder::new(CAPACITY).build()),
            Self::QuickCache(Arc::new(quick_cache::sync::Cache::new(CAPACITY))),
            Self::MultiTier(Arc::new(tiers)),
        ])
    }

    pub fn name(&self) -> &'static str {
        match self {
            Self::Spence(..) => "Spence",
            Self::Moka(_) => "moka",
            Self::Foyer(_) => "foyer",
            Self::QuickCache(_) => "quick_cache",
            Self::MultiTier(_) => "multi-tier-cache",
        }
    }

    /// What is held under `key`, or what `ask` brings.
    pub async fn fetch(&self, key: &str, ask: Ask) -> Result<u64, String> {
        match self {
            Self::Spence(cache) => {
                let fill = |_| async move { ask().await.map(Fill::new) };
                let answer = cache.get_or_fetch(&key.to_owned(), fill).await;
                answer.map(|value| *value).map_err(|error| error.to_string())
            }
            Self::Moka(cache) => {
                let answer = cache.try_get_with(key.to_owned(), ask()).await;
                answer.map_err(|error| error.to_string())
            }
            Self::Foyer(cache) => {
                let fill = || async move { ask().await.map_err(anyhow::Error::msg) };
                let answer = cache.get_or_fetch(key, fill).await;
                answer.map(|entry| *entry.value()).map_err(|error| error.to_string())
            }
            Self::QuickCache(cache) => {
                // The fill is begun only when it is this caller's turn.
                cache.get_or_insert_async(key, async { ask().await }).await
            }
            Self::MultiTier(tiers) => {
                let fill = || async move {
                    let value = ask().await.map_err(CacheError::InternalError)?;
                    Ok(value.to_le_bytes().to_vec().into())
                };
                let tiers = tiers.cache_manager();
                let answer = tiers.get_or_compute_with(key, CacheStrategy::MediumTerm, fill).await;
                let bytes = answer.map_err(|error| error.to_string())?;
                let bytes = bytes.as_ref().try_into().map_err(|_| "not a number".to_owned())?;
                Ok(u64::from_le_bytes(bytes))
            }
        }
    }

    pub async fn invalidate(&self, key: &str) -> anyhow::Result<()> {
        match self {
            Self::Spence(cache) => drop(cache.invalidate(&key.to_owned()).await?),
            Self::Moka(cache) => cache.invalidate(key).await,
            Self::Foyer(cache) => drop(cache.remove(key)),
            Self::QuickCache(cache) => drop(cache.remove(key)),
            Self::MultiTier(tiers) => tiers.cache_manager().invalidate(key).await?,
        }
        Ok(())
    }
}

/// The result of a future that is ready at once.
fn futures_now<T, E: std::error::Error + Send + Sync + 'static>(
    future: impl Future<Output = Result<T, E>>,
) -> anyhow::Result<T> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(result) => Ok(result?),
        std::task::Poll::Pending => anyhow::bail!("multi-tier-cache waits while it is built"),
    }
}
