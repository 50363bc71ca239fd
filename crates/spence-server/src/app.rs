//! The engine with its collaborators: what the service is, apart from HTTP.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use spence::{Clock, Spence};
use spence_config::{ConfigError, Settings};
use spence_market::{Market, ProviderError};
use tokio::sync::watch;

use crate::charts::Charts;
use crate::providers::{self, Origin};

/// The engine and what it works with. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    spence: Spence,
    market: Market,
    charts: Arc<Charts>,
    origin: Origin,
    settings: ArcSwap<Settings>,
    /// Reads the settings again, as at the start.
    reloader: Reloader,
    /// One reload at a time.
    reloading: tokio::sync::Mutex<()>,
    stopping: watch::Sender<bool>,
    clock: Clock,
    started_ms: u64,
    /// Failures of the disk as last seen, and when they had become more.
    disk_errors: AtomicU64,
    disk_failed_ms: AtomicU64,
}

/// For so long after a failure of the disk was seen the service calls itself degraded.
const DEGRADED_FOR_MS: u64 = 60_000;

/// Reads the settings again.
type Reloader = Box<dyn Fn() -> Result<Settings, ConfigError> + Send + Sync>;

/// Why other settings did not come into force. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReloadError {
    /// They cannot be read, or are wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// They differ in something that takes a restart.
    #[error("{}: takes a restart; nothing was changed", .0.join(", "))]
    Restart(Vec<&'static str>),
    /// The engine refused them.
    #[error("{0}; nothing was changed")]
    Engine(#[from] spence::Error),
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

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("spence", &self.0.spence).finish_non_exhaustive()
    }
}

/// The names of the settings that differ; an error if one of them takes a restart.
fn changes(old: &Settings, new: &Settings) -> Result<Vec<String>, ReloadError> {
    let restart = old.differing_until_restart(new);
    if !restart.is_empty() {
        return Err(ReloadError::Restart(restart));
    }
    let names: BTreeSet<_> = old.policies.keys().chain(new.policies.keys()).collect();
    let mut changed = Vec::new();
    if old.memory != new.memory {
        changed.push("memory.budget".to_owned());
    }
    if old.defaults != new.defaults {
        changed.push("defaults".to_owned());
    }
    let differs = |name: &&&String| old.policies.get(**name) != new.policies.get(**name);
    changed.extend(names.iter().filter(differs).map(|name| format!("policies.{name}")));
    Ok(changed)
}

impl App {
    /// Starts everything that the settings ask for.
    ///
    /// # Errors
    /// What could not be started: a disk directory in use, a setting outside its limits.
    pub async fn start(settings: Settings) -> Result<Self, StartError> {
        let same = settings.clone();
        Self::start_with(settings, move || Ok(same.clone())).await
    }

    /// As [`App::start`]; `reloader` reads the settings again when [`App::reload`] asks for them.
    ///
    /// # Errors
    /// As for [`App::start`].
    pub async fn start_with(
        settings: Settings,
        reloader: impl Fn() -> Result<Settings, ConfigError> + Send + Sync + 'static,
    ) -> Result<Self, StartError> {
        let spence = settings.engine().build().await?;
        let (origin, providers) = providers::start(&settings).await?;
        let market = Market::with_providers(&spence, providers)?;
        let charts = Arc::new(Charts::new(&spence)?);
        let clock = spence.clock().clone();
        let started_ms = clock.unix_ms();
        Ok(Self(Arc::new(Inner {
            spence,
            market,
            charts,
            origin,
            settings: ArcSwap::from_pointee(settings),
            reloader: Box::new(reloader),
            reloading: tokio::sync::Mutex::default(),
            stopping: watch::Sender::new(false),
            clock,
            started_ms,
            disk_errors: AtomicU64::new(0),
            disk_failed_ms: AtomicU64::new(0),
        })))
    }

    /// Reads the settings again and puts those in force that can change while running: policies,
    /// defaults and the memory budget. All of them, or none; data are kept. Returns the names of
    /// those that are different now.
    ///
    /// # Errors
    /// Why nothing has changed.
    pub async fn reload(&self) -> Result<Vec<String>, ReloadError> {
        let _one = self.0.reloading.lock().await;
        let new = (self.0.reloader)()?;
        let old = self.settings();
        let changed = changes(&old, &new)?;
        self.spence().set_policies(new.defaults.clone(), new.policies.clone())?;
        let bytes = new.memory.as_ref().map(|memory| memory.budget);
        if let Some(bytes) = bytes.filter(|bytes| *bytes != self.spence().stats().memory_budget)
            && let Err(error) = self.spence().resize_memory(bytes).await
        {
            self.spence().set_policies(old.defaults.clone(), old.policies.clone())?;
            return Err(error.into());
        }
        self.0.settings.store(Arc::new(new));
        tracing::info!(?changed, "configuration reloaded");
        Ok(changed)
    }

    /// Becomes true when the service stops, so that answers without end can end.
    pub(crate) fn stopping(&self) -> watch::Receiver<bool> {
        self.0.stopping.subscribe()
    }

    pub(crate) fn stop(&self) {
        self.0.stopping.send_replace(true);
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

    /// Charts behind the cache.
    pub(crate) fn charts(&self) -> &Arc<Charts> {
        &self.0.charts
    }

    /// Where market data comes from.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.0.origin
    }

    /// The settings in force.
    #[must_use]
    pub fn settings(&self) -> Arc<Settings> {
        self.0.settings.load_full()
    }

    /// Unix time in milliseconds.
    pub(crate) fn now_ms(&self) -> u64 {
        self.0.clock.unix_ms()
    }

    /// Whether the disk has failed lately, given how often it has failed so far.
    pub(crate) fn disk_failed_lately(&self, errors: u64) -> bool {
        if self.0.disk_errors.swap(errors, Ordering::Relaxed) < errors {
            self.0.disk_failed_ms.store(self.now_ms(), Ordering::Relaxed);
        }
        let failed_ms = self.0.disk_failed_ms.load(Ordering::Relaxed);
        failed_ms > 0 && self.now_ms().saturating_sub(failed_ms) < DEGRADED_FOR_MS
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
