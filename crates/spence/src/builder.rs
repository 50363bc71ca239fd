//! Building an engine, and building caches on it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::ban::Bans;
use crate::cache::{Cache, CacheCore};
use crate::clock::Clock;
use crate::codec::{Codec, Postcard, fingerprint, mark};
use crate::disk::{DiskLog, DiskOptions, DiskStore, MIN_BUDGET, NoDisk};
use crate::engine::Engine;
use crate::envelope::CodecId;
use crate::error::{Error, ErrorKind};
use crate::key::Key;
use crate::memory::weigh::Weigh;
use crate::memory::{MemoryStore, NoMemory, QuickPool};
use crate::namespace::{Blueprint, Registry};
use crate::policy::PolicyLayer;
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
    disk: Option<(PathBuf, u64)>,
    disk_deadline: Duration,
    compress: bool,
    defaults: PolicyLayer,
    policies: BTreeMap<String, PolicyLayer>,
    clock: Clock,
    spawner: Option<Arc<dyn Spawner>>,
}

impl SpenceBuilder {
    pub(crate) fn new() -> Self {
        Self {
            memory_bytes: Some(DEFAULT_MEMORY_BYTES),
            disk: None,
            disk_deadline: DEFAULT_DISK_DEADLINE,
            compress: true,
            defaults: PolicyLayer::new(),
            policies: BTreeMap::new(),
            clock: Clock::system(),
            spawner: None,
        }
    }

    /// The memory budget in bytes, keys and bookkeeping included. Default 100 MB; at least 64 KiB.
    #[must_use]
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory_bytes = Some(bytes);
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
    /// a value larger than about a sixty-fourth of the budget stays in memory only.
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

    /// The layer under all policies.
    #[must_use]
    pub fn defaults(mut self, layer: PolicyLayer) -> Self {
        self.defaults = layer;
        self
    }

    /// A named policy. A cache uses the one of its own name, or another by
    /// [`CacheBuilder::policy`].
    #[must_use]
    pub fn policy(mut self, name: impl Into<String>, layer: PolicyLayer) -> Self {
        self.policies.insert(name.into(), layer);
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

    /// Starts the engine.
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
        check_layer("defaults", &self.defaults)?;
        for (name, layer) in &self.policies {
            check_layer(&format!("policy {name:?}"), layer)?;
        }
        let memory: Box<dyn MemoryStore> = match self.memory_bytes {
            Some(bytes) => Box::new(QuickPool::new(bytes)?),
            None => Box::new(NoMemory),
        };
        let bans = Arc::new(Bans::default());
        let (disk, last_position) = match self.disk {
            None => (Box::new(NoDisk) as Box<dyn DiskStore>, 0),
            Some((_, bytes)) if bytes < MIN_BUDGET => {
                let message = format!("disk budget: {bytes} bytes, at least {MIN_BUDGET}");
                return Err(Error::invalid(message));
            }
            Some((dir, budget)) => {
                let (deadline, compress) = (self.disk_deadline, self.compress);
                let options = DiskOptions { dir, budget, deadline, compress };
                let (log, last) = open_disk(&*spawner, options, &self.clock, &bans).await?;
                (Box::new(log) as Box<dyn DiskStore>, last)
            }
        };
        let seed = crate::key::random_seed();
        let registry = Registry::new(seed, self.defaults, self.policies);
        let engine =
            Arc::new(Engine::new(self.clock, spawner, last_position, bans, memory, disk, registry));
        engine.keep_time();
        Ok(Spence { engine })
    }
}

/// Opens the directory off the async threads.
async fn open_disk(
    spawner: &dyn Spawner,
    options: DiskOptions,
    clock: &Clock,
    bans: &Arc<Bans>,
) -> Result<(DiskLog, u64), Error> {
    let (done, opened) = tokio::sync::oneshot::channel();
    let (clock, bans) = (clock.clone(), Arc::clone(bans));
    spawner.spawn_blocking(Box::new(move || {
        // If the caller has gone, the tier is closed again by being dropped.
        drop(done.send(DiskLog::open(options, &clock, &bans)));
    }));
    opened.await.unwrap_or_else(|_| Err(Error::new(ErrorKind::Closed, "the runtime is closing")))
}

fn check_layer(name: &str, layer: &PolicyLayer) -> Result<(), Error> {
    match layer.jitter {
        Some(jitter) if !(0.0..=0.5).contains(&jitter) => {
            Err(Error::invalid(format!("{name}: jitter {jitter}, expected 0 to 0.5")))
        }
        _ => Ok(()),
    }
}

/// Settings of a cache. Begin with [`Spence::cache`].
///
/// The third parameter says how values are weighed, the fourth how they are stored; both follow
/// from the methods called.
pub struct CacheBuilder<'a, K, V, W = ByWeigh, S = Stored<Postcard>> {
    spence: &'a Spence,
    name: String,
    policy_name: Option<String>,
    layer: PolicyLayer,
    schema: u32,
    weigher: W,
    storage: S,
    _types: std::marker::PhantomData<fn(K) -> V>,
}

/// Values weigh what their [`Weigh`] says.
#[derive(Debug, Clone, Copy)]
pub struct ByWeigh;

/// Values weigh what a function says.
#[derive(Debug, Clone, Copy)]
pub struct ByFn<F>(F);

/// Values can be kept below memory, as a codec writes them.
#[derive(Debug, Clone, Copy)]
pub struct Stored<C>(C);

/// Values stay in memory.
#[derive(Debug, Clone, Copy)]
pub struct MemoryOnly;

/// How a [`CacheBuilder`] weighs values.
pub trait Weighing<V>: sealed::Sealed {
    /// The function that gives a value's bytes outside of itself.
    fn function(self) -> Box<dyn Fn(&V) -> usize + Send + Sync>;
}

/// How a [`CacheBuilder`] stores values.
pub trait Storing<V>: sealed::Sealed {
    /// The codec, if values are stored at all.
    fn codec(self) -> Option<Box<dyn Codec<V>>>;
}

impl<V: Weigh + 'static> Weighing<V> for ByWeigh {
    fn function(self) -> Box<dyn Fn(&V) -> usize + Send + Sync> {
        Box::new(V::heap_bytes)
    }
}

impl<V, F: Fn(&V) -> usize + Send + Sync + 'static> Weighing<V> for ByFn<F> {
    fn function(self) -> Box<dyn Fn(&V) -> usize + Send + Sync> {
        Box::new(self.0)
    }
}

impl<V, C: Codec<V>> Storing<V> for Stored<C> {
    fn codec(self) -> Option<Box<dyn Codec<V>>> {
        Some(Box::new(self.0))
    }
}

impl<V> Storing<V> for MemoryOnly {
    fn codec(self) -> Option<Box<dyn Codec<V>>> {
        None
    }
}

mod sealed {
    /// Only the builder's own types choose.
    pub trait Sealed {}
    impl Sealed for super::ByWeigh {}
    impl<F> Sealed for super::ByFn<F> {}
    impl<C> Sealed for super::Stored<C> {}
    impl Sealed for super::MemoryOnly {}
}

impl<'a, K, V> CacheBuilder<'a, K, V> {
    pub(crate) fn new(spence: &'a Spence, name: String) -> Self {
        Self {
            spence,
            name,
            policy_name: None,
            layer: PolicyLayer::new(),
            schema: 0,
            weigher: ByWeigh,
            storage: Stored(Postcard),
            _types: std::marker::PhantomData,
        }
    }
}

impl<'a, K, V, W, S> CacheBuilder<'a, K, V, W, S> {
    /// Uses the named policy instead of the one of the cache's own name.
    #[must_use]
    pub fn policy(mut self, name: impl Into<String>) -> Self {
        self.policy_name = Some(name.into());
        self
    }

    /// Settings of this cache, over its policy.
    #[must_use]
    pub fn settings(mut self, layer: PolicyLayer) -> Self {
        self.layer = layer;
        self
    }

    /// The version of the value type. Values stored under another number are misses, so count it
    /// up whenever the type's fields change. Default 0.
    #[must_use]
    pub fn schema(mut self, number: u32) -> Self {
        self.schema = number;
        self
    }

    /// Weighs values by a function, for types that do not implement [`Weigh`]: the bytes that
    /// a value holds outside of itself.
    #[must_use]
    pub fn weigher<F>(self, function: F) -> CacheBuilder<'a, K, V, ByFn<F>, S>
    where
        F: Fn(&V) -> usize + Send + Sync + 'static,
    {
        self.change(|_, storage| (ByFn(function), storage))
    }

    /// Stores values with another codec than postcard.
    #[must_use]
    pub fn codec<C: Codec<V>>(self, codec: C) -> CacheBuilder<'a, K, V, W, Stored<C>> {
        self.change(|weigher, _| (weigher, Stored(codec)))
    }

    /// Keeps values in memory only; they need no codec then.
    #[must_use]
    pub fn memory_only(self) -> CacheBuilder<'a, K, V, W, MemoryOnly> {
        self.change(|weigher, _| (weigher, MemoryOnly))
    }

    fn change<W2, S2>(self, f: impl FnOnce(W, S) -> (W2, S2)) -> CacheBuilder<'a, K, V, W2, S2> {
        let (weigher, storage) = f(self.weigher, self.storage);
        CacheBuilder {
            spence: self.spence,
            name: self.name,
            policy_name: self.policy_name,
            layer: self.layer,
            schema: self.schema,
            weigher,
            storage,
            _types: std::marker::PhantomData,
        }
    }

    /// The cache. Building the same name again with the same types gives the same cache.
    ///
    /// # Errors
    /// `InvalidArgument` for a name or setting outside its limits, or a policy that does not
    /// exist; `Conflict` when a cache of this name exists with other types or another schema.
    pub fn build(self) -> Result<Cache<K, V>, Error>
    where
        K: Key,
        V: Send + Sync + 'static,
        W: Weighing<V>,
        S: Storing<V>,
    {
        check_layer(&format!("cache {:?}", self.name), &self.layer)?;
        let codec = self.storage.codec();
        // A cache without a codec has nothing stored that could be misread.
        let written = codec.as_deref().map_or(CodecId { id: 0, version: 0 }, mark);
        let blueprint = Blueprint {
            fingerprint: fingerprint(&self.name, self.schema, written),
            name: self.name,
            policy_name: self.policy_name,
            layer: self.layer,
            arity: K::ARITY,
        };
        let weigher = self.weigher.function();
        let engine = &self.spence.engine;
        let core = engine.registry.register(&blueprint, |namespace| CacheCore {
            namespace,
            codec,
            weigher,
            _key: std::marker::PhantomData,
        })?;
        Ok(Cache { engine: Arc::clone(engine), core, call: None })
    }
}
