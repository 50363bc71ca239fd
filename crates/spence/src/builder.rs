//! Building an engine.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::ban::Bans;
use crate::calendar::Calendar;
use crate::clock::Clock;
#[cfg(feature = "shuttle")]
use crate::disk::Shelf;
use crate::disk::device::{Device, Files};
use crate::disk::{DiskLog, DiskOptions, DiskStore, Durability, Judge, MIN_BUDGET, NoDisk};
use crate::eager::MAX_BETA;
use crate::engine::{ByPolicy, Engine, Tiers};
use crate::error::{Error, ErrorKind};
use crate::memory::{Eviction, Pools, Settings};
use crate::namespace::{Calendars, Policies, Registry};
use crate::policy::PolicyLayer;
use crate::redis::{Home, Redis, Shared, journal_bytes};
use crate::spawn::{Spawner, TokioSpawner};
use crate::spence::Spence;

const DEFAULT_MEMORY_BYTES: u64 = 100_000_000;
const DEFAULT_DISK_DEADLINE: Duration = Duration::from_millis(50);

/// Settings of an engine. [`SpenceBuilder::build`] checks them all and starts it.
///
/// ```no_run
/// # #[tokio::main] async fn main() -> Result<(), spence::Error> {
/// use std::time::Duration;
/// use spence::{PolicyLayer, Spence};
///
/// let spence = Spence::builder()
///     .memory(100_000_000)
///     .disk("data/cache", 1_000_000_000)
///     .policy("OHLCV", PolicyLayer::new().ttl(Duration::from_secs(300)))
///     .build()
///     .await?;
/// # Ok(()) }
/// ```
pub struct SpenceBuilder {
    memory_bytes: Option<u64>,
    eviction: Eviction,
    max_entries: Option<u64>,
    disk: Option<(PathBuf, u64)>,
    disk_deadline: Duration,
    compress: bool,
    durability: Durability,
    device: Arc<dyn Device>,
    redis: Option<Redis>,
    policies: Policies,
    calendars: Calendars,
    clock: Clock,
    spawner: Option<Arc<dyn Spawner>>,
    #[cfg(feature = "shuttle")]
    shelf: bool,
}

impl SpenceBuilder {
    pub(crate) fn new() -> Self {
        Self {
            memory_bytes: Some(DEFAULT_MEMORY_BYTES),
            eviction: Eviction::S3Fifo,
            max_entries: None,
            disk: None,
            disk_deadline: DEFAULT_DISK_DEADLINE,
            compress: true,
            durability: Durability::Process,
            device: Arc::new(Files),
            redis: None,
            policies: Policies::default(),
            calendars: Calendars::new(),
            clock: Clock::system(),
            spawner: None,
            #[cfg(feature = "shuttle")]
            shelf: false,
        }
    }

    /// The memory budget in bytes, keys and bookkeeping included. Default 100 MB; at least 64 KiB.
    #[must_use]
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory_bytes = Some(bytes);
        self
    }

    /// What goes first when memory is full. Default: [`Eviction::S3Fifo`].
    #[must_use]
    pub fn eviction(mut self, eviction: Eviction) -> Self {
        self.eviction = eviction;
        self
    }

    /// The most entries of a pool (the shared one, or a cache's own), beside the budget in bytes.
    /// Under S3-FIFO an entry then counts for at least its share of the budget, so that a pool
    /// with entries above the average may hold fewer. Default: no limit.
    #[must_use]
    pub fn max_entries(mut self, entries: u64) -> Self {
        self.max_entries = Some(entries);
        self
    }

    /// No memory tier: every read goes to disk or origin.
    #[must_use]
    pub fn no_memory(mut self) -> Self {
        self.memory_bytes = None;
        self
    }

    /// Keeps values in a directory, in files of at most `bytes` in all. Default: no disk tier.
    /// The directory is created if need be and belongs to one engine at a time. At least 4 MB;
    /// a value larger than about an eightieth of the budget (or 640 KB of a budget below 64 MB, or
    /// 50 MB) stays in memory only.
    #[must_use]
    pub fn disk(mut self, dir: impl Into<PathBuf>, bytes: u64) -> Self {
        self.disk = Some((dir.into(), bytes));
        self
    }

    /// How long a read from disk may take before it counts as a miss. Default 50 milliseconds.
    #[must_use]
    pub fn disk_deadline(mut self, deadline: Duration) -> Self {
        self.disk_deadline = deadline;
        self
    }

    /// Stores values on disk as they are. Default: those that LZ4 makes an eighth smaller are
    /// compressed.
    #[must_use]
    pub fn no_compression(mut self) -> Self {
        self.compress = false;
        self
    }

    /// What the disk tier's values and invalidations survive. Default: [`Durability::Process`].
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Stands `device` in for the operating system's files. For tests of what happens when they
    /// fail.
    #[doc(hidden)]
    #[must_use]
    pub fn device(mut self, device: impl Device) -> Self {
        self.device = Arc::new(device);
        self
    }

    /// Shares values and invalidations with other nodes through a Redis or Valkey server. Default:
    /// this node is alone. The server may be away, now or at any time: see docs/redis.md.
    #[must_use]
    pub fn redis(mut self, redis: impl Into<Redis>) -> Self {
        self.redis = Some(redis.into());
        self
    }

    /// The layer under all policies.
    #[must_use]
    pub fn defaults(mut self, layer: PolicyLayer) -> Self {
        self.policies.defaults = layer;
        self
    }

    /// A named policy. A cache uses the one of its own name, or another by
    /// [`crate::CacheBuilder::policy`].
    #[must_use]
    pub fn policy(mut self, name: impl Into<String>, layer: PolicyLayer) -> Self {
        self.policies.named.insert(name.into(), layer);
        self
    }

    /// The calendar that policies call by this name, such as `XNYS`.
    #[must_use]
    pub fn calendar(mut self, name: impl Into<String>, calendar: impl Calendar) -> Self {
        self.calendars.insert(name.into(), Arc::new(calendar));
        self
    }

    /// The source of time. Default: the system's.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Where fills run. Default: the tokio runtime in which [`SpenceBuilder::build`] is called.
    #[must_use]
    pub fn spawner(mut self, spawner: impl Spawner) -> Self {
        self.spawner = Some(Arc::new(spawner));
        self
    }

    pub(crate) fn has_spawner(&self) -> bool {
        self.spawner.is_some()
    }

    /// A disk tier that schedule tests can run.
    #[cfg(feature = "shuttle")]
    #[doc(hidden)]
    #[must_use]
    pub fn shelf(mut self) -> Self {
        self.shelf = true;
        self
    }

    /// Starts the engine. With a shared tier it waits until that is connected, but not longer than a
    /// second: an engine whose server is away serves all the same.
    ///
    /// # Errors
    /// `InvalidArgument` for a setting outside its limits or when there is no runtime to run fills
    /// on; `Storage` when the disk directory cannot be used: another process owns it, or a newer
    /// version wrote it.
    pub async fn build(self) -> Result<Spence, Error> {
        let spawner = match self.spawner {
            Some(spawner) => spawner,
            None => Arc::new(TokioSpawner::current().ok_or_else(|| {
                Error::invalid("build: not called in a tokio runtime, and no spawner was given")
            })?),
        };
        self.policies.check()?;
        let settings = Settings { eviction: self.eviction, max_entries: self.max_entries };
        let memory = Pools::new(settings, self.memory_bytes)?;
        let mut shared = match self.redis {
            Some(redis) => Some(Shared::new(redis, self.clock.clone(), Arc::clone(&spawner))?),
            None => None,
        };
        let bans = Arc::new(Bans::default());
        let seed = crate::key::random_seed();
        let registry =
            Arc::new(Registry::new(seed, self.policies, self.calendars, self.clock.clone()));
        let (disk, last_position) = match self.disk {
            #[cfg(feature = "shuttle")]
            None if self.shelf => (Box::<Shelf>::default() as Box<dyn DiskStore>, 0),
            None => (Box::new(NoDisk) as Box<dyn DiskStore>, 0),
            Some((_, bytes)) if bytes < MIN_BUDGET => {
                let message = format!("disk budget: {bytes} bytes, at least {MIN_BUDGET}");
                return Err(Error::invalid(message));
            }
            Some((dir, budget)) => {
                let Self { disk_deadline: deadline, compress, durability, device, .. } = self;
                // What is owed to the shared tier is written down within the budget.
                let own = shared.as_ref().map_or(0, |_| journal_bytes(budget));
                let log_budget = budget - own;
                let options =
                    DiskOptions { dir, budget: log_budget, deadline, compress, durability, device };
                let (registry, clock) = (Arc::clone(&registry), self.clock.clone());
                let judge = Box::new(ByPolicy { registry, clock });
                let (log, last, home) =
                    open_disk(&*spawner, options, own, &self.clock, &bans, judge).await?;
                if let (Some(shared), Some(home)) = (&mut shared, home) {
                    shared.move_into(home);
                }
                (Box::new(log) as Box<dyn DiskStore>, last)
            }
        };
        let shared = shared.map(Arc::new);
        if let Some(shared) = &shared {
            // Nothing is known yet of what others have invalidated.
            registry.verified_until(0);
            registry.shadow(shared.shadow_mask());
        }
        let tiers = Tiers { memory, disk, shared };
        let engine =
            Arc::new(Engine::new(self.clock, spawner, last_position, bans, tiers, registry));
        engine.keep_time();
        if let Some(shared) = &engine.shared {
            shared.keep(&engine);
            shared.settle_in().await;
        }
        Ok(Spence { engine })
    }
}

/// Opens the directory off the async threads.
async fn open_disk(
    spawner: &dyn Spawner,
    options: DiskOptions,
    journal_bytes: u64,
    clock: &Clock,
    bans: &Arc<Bans>,
    judge: Box<dyn Judge>,
) -> Result<(DiskLog, u64, Option<Home>), Error> {
    let (done, opened) = tokio::sync::oneshot::channel();
    let (clock, bans) = (clock.clone(), Arc::clone(bans));
    spawner.spawn_blocking(Box::new(move || {
        // If the caller has gone, the tier is closed again by being dropped.
        drop(done.send((|| {
            let (dir, durability) = (options.dir.clone(), options.durability);
            let (log, last) = DiskLog::open(options, &clock, &bans, judge)?;
            let home = || Home::open(&dir, journal_bytes, durability);
            Ok((log, last, (journal_bytes > 0).then(home).transpose()?))
        })()));
    }));
    opened.await.unwrap_or_else(|_| Err(Error::new(ErrorKind::Closed, "the runtime is closing")))
}

impl Policies {
    pub(crate) fn check(&self) -> Result<(), Error> {
        check_layer("defaults", &self.defaults)?;
        let mut named = self.named.iter();
        named.try_for_each(|(name, layer)| check_layer(&format!("policy {name:?}"), layer))
    }
}

pub(crate) fn check_layer(name: &str, layer: &PolicyLayer) -> Result<(), Error> {
    match layer.jitter {
        Some(jitter) if !(0.0..=0.5).contains(&jitter) => {
            return Err(Error::invalid(format!("{name}: jitter {jitter}, expected 0 to 0.5")));
        }
        _ => {}
    }
    match layer.eager_refresh {
        Some(beta) if !(0.0..=MAX_BETA).contains(&beta) => {
            let expected = format!("expected 0 to {MAX_BETA}");
            Err(Error::invalid(format!("{name}: eager_refresh {beta}, {expected}")))
        }
        _ => Ok(()),
    }
}
