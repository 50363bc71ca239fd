//! The engine with its collaborators: what the service is, apart from HTTP.

use std::sync::Arc;
use std::time::Duration;

use spence::{Clock, Spence};
use spence_config::{Secret, Settings};
use spence_feed::{Feed, FeedOptions};
use spence_market::{Market, Provider, ProviderError};

/// How long each answer of the built-in demo feed takes.
const DEMO_LATENCY: Duration = Duration::from_millis(50);

/// The engine and what it works with. Cheap to clone; clones share everything.
#[derive(Debug, Clone)]
pub struct App(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    spence: Spence,
    market: Market,
    origin: Origin,
    settings: Settings,
    clock: Clock,
    started_ms: u64,
}

/// Where market data comes from.
#[derive(Debug)]
pub enum Origin {
    /// The built-in feed, since neither a URL nor a key is set.
    DemoFeed(Feed),
    /// A provider at this base URL.
    Provider(String),
}

impl Origin {
    /// What bars from here are stored as: the demo feed's are never taken for a provider's.
    fn name(&self) -> &str {
        match self {
            Origin::DemoFeed(_) => "demo-feed",
            Origin::Provider(url) => url,
        }
    }
}

/// Why the service could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The engine could not be built.
    #[error(transparent)]
    Engine(#[from] spence::Error),
    /// The market provider could not be set up.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The demo feed could not be started.
    #[error("demo feed: {0}")]
    DemoFeed(#[source] std::io::Error),
}

impl App {
    /// Starts everything that the settings ask for.
    ///
    /// # Errors
    /// What could not be started: a disk directory in use, a setting outside its limits.
    pub async fn start(settings: Settings) -> Result<Self, StartError> {
        let spence = settings.engine().build().await?;
        let market = &settings.market;
        let (origin, base_url) = match &market.base_url {
            Some(url) => (Origin::Provider(url.clone()), url.clone()),
            None => {
                let options = FeedOptions { latency: DEMO_LATENCY, ..FeedOptions::default() };
                let anywhere = ([127, 0, 0, 1], 0).into();
                let feed = Feed::start(anywhere, options).await.map_err(StartError::DemoFeed)?;
                let base_url = feed.base_url();
                (Origin::DemoFeed(feed), base_url)
            }
        };
        let mut provider = Provider::new(&base_url, market.api_key.as_ref().map(Secret::reveal))?;
        if let Some(calls) = market.calls_per_minute {
            provider = provider.calls_per_minute(calls);
        }
        let market = Market::new(&spence, provider, origin.name())?;
        let clock = spence.clock().clone();
        let started_ms = clock.unix_ms();
        Ok(Self(Arc::new(Inner { spence, market, origin, settings, clock, started_ms })))
    }

    /// The engine.
    #[must_use]
    pub fn spence(&self) -> &Spence {
        &self.0.spence
    }

    /// Market data behind the cache.
    #[must_use]
    pub fn market(&self) -> &Market {
        &self.0.market
    }

    /// Where market data comes from.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.0.origin
    }

    /// The settings that it was started with.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// Unix time in milliseconds.
    pub(crate) fn now_ms(&self) -> u64 {
        self.0.clock.unix_ms()
    }

    /// Seconds since the start.
    pub(crate) fn uptime_seconds(&self) -> u64 {
        self.now_ms().saturating_sub(self.0.started_ms) / 1000
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// Writes what was accepted and lets go of the disk directory.
    pub async fn close(&self) {
        self.spence().close().await;
    }
}
