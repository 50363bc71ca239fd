//! A node's engine, as its users hold it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::ban::Effect;
use crate::builder::SpenceBuilder;
use crate::cache_builder::CacheBuilder;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind};
use crate::events::{Happening, Listener};
use crate::explain::{Explanation, Reach};
use crate::invalidate::Target;
use crate::key::Key;
use crate::namespace::{MAX_NAMESPACES, Policies};
use crate::outcome::Scope;
use crate::policy::PolicyLayer;
use crate::redis::{Id, Looked};
use crate::stats::Snapshot;
use crate::{Cache, Clock};

/// An engine: the tiers of this node and the caches on them. Cheap to clone; clones share
/// everything. See the crate's documentation for a tour.
#[derive(Clone)]
pub struct Spence {
    pub(crate) engine: Arc<Engine>,
}

impl Spence {
    /// Settings with their defaults: 100 MB of memory, no disk.
    #[must_use]
    pub fn builder() -> SpenceBuilder {
        SpenceBuilder::new()
    }

    /// Begins a cache. At most 1,024 exist in an engine.
    #[must_use]
    pub fn cache<K, V>(&self, name: impl Into<String>) -> CacheBuilder<'_, K, V> {
        CacheBuilder::new(self, name.into())
    }

    /// The cache of this name, if it exists with these types.
    #[must_use]
    pub fn existing<K: Key, V: Send + Sync + 'static>(&self, name: &str) -> Option<Cache<K, V>> {
        let core = self.engine.registry.core(name)?;
        Some(Cache { engine: Arc::clone(&self.engine), core, call: None })
    }

    /// Whether a cache of this name exists, with whatever types.
    #[must_use]
    pub fn has_cache(&self, name: &str) -> bool {
        self.engine.registry.get(name).is_some()
    }

    /// Whether the disk holds values of a cache of this name, built in this process or not.
    #[must_use]
    pub fn is_stored(&self, name: &str) -> bool {
        self.engine.disk.bytes_of(name) > 0
    }

    /// Whether the shared tier holds something under a key of a cache of this name, built in this
    /// process or not. `false` while it is away.
    pub async fn is_shared(&self, namespace: &str, key: &str) -> bool {
        let Some(shared) = &self.engine.shared else { return false };
        matches!(shared.look_at(Id { namespace, key }).await, Looked::Value(Some(_)))
    }

    /// Never serves again what `target` covers now, not even as a fallback; fills that run now are
    /// not installed. Returns when that would survive the end of the process.
    ///
    /// # Errors
    /// `InvalidArgument` for a target that cannot be; `Storage` when the disk could not record it:
    /// it holds in this process, but a crash may bring values back.
    pub async fn invalidate(&self, target: &Target) -> Result<Scope, Error> {
        self.engine.outdate(target, Effect::Invalidate).await
    }

    /// Ends the freshness of what `target` covers now; it may still be served, labelled stale,
    /// within the policy's `stale_if_error` counted from now.
    ///
    /// # Errors
    /// As for [`Spence::invalidate`].
    pub async fn expire(&self, target: &Target) -> Result<Scope, Error> {
        self.engine.outdate(target, self.engine.expiry()).await
    }

    /// Invalidates everything that was filled with `tag`, in all caches.
    ///
    /// # Errors
    /// As for [`Spence::invalidate`].
    pub async fn invalidate_tag(&self, tag: &str) -> Result<Scope, Error> {
        self.invalidate(&Target::Tag(tag.to_owned())).await
    }

    /// Puts other policies in force: the layer under all, and those by name. What is held stays,
    /// and its freshness follows from the new ones from now on; putting the old ones back gives
    /// exactly the old behaviour back.
    ///
    /// # Errors
    /// `InvalidArgument` for a setting outside its limits, a cache whose policy is not among them,
    /// or another `memory_budget` for a cache that exists; nothing has changed then.
    pub fn set_policies(
        &self,
        defaults: PolicyLayer,
        named: BTreeMap<String, PolicyLayer>,
    ) -> Result<(), Error> {
        let policies = Policies { defaults, named };
        policies.check()?;
        self.engine.registry.swap(policies)?;
        self.engine.events.tell(None, Happening::PoliciesSwapped);
        Ok(())
    }

    /// Changes the memory budget of all caches together, in bytes, while reads and writes go on;
    /// caches with budgets of their own keep them.
    ///
    /// If memory has held over a tenth more than that, it is emptied, since only then can the
    /// process become smaller too; smaller steps drop what goes first.
    ///
    /// # Errors
    /// `InvalidArgument` when it is too small for what caches have for themselves, or memory is
    /// off; nothing has changed then.
    pub async fn resize_memory(&self, bytes: u64) -> Result<(), Error> {
        let engine = Arc::clone(&self.engine);
        let (done, resized) = tokio::sync::oneshot::channel();
        self.engine.spawner.spawn_blocking(Box::new(move || {
            // Whoever asked may not be waiting.
            done.send(engine.memory.resize(bytes)).unwrap_or(());
        }));
        resized
            .await
            .unwrap_or_else(|_| Err(Error::new(ErrorKind::Closed, "the runtime is closing")))
    }

    /// Counts what `target` covers, without touching it: what [`Spence::invalidate`] would reach.
    /// On disk it looks at 100,000 records at most, and says if it has estimated the rest.
    ///
    /// # Errors
    /// `InvalidArgument` for a target that cannot be.
    pub async fn reach(&self, target: &Target) -> Result<Reach, Error> {
        self.engine.reach(target).await
    }

    /// Invalidates everything in all caches.
    ///
    /// # Errors
    /// As for [`Spence::invalidate`].
    pub async fn clear(&self) -> Result<Scope, Error> {
        self.invalidate(&Target::Everything).await
    }

    /// What is known about a key, given by its canonical text: where it is, how fresh, under which
    /// policy, and why it is not served. Counts as no read.
    ///
    /// # Errors
    /// `InvalidArgument` for a name or key outside its limits.
    pub async fn explain(&self, namespace: &str, key: &str) -> Result<Explanation, Error> {
        self.engine.explain(namespace, key).await
    }

    /// Listens to what happens from now on.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), spence::Error> {
    /// use spence::{Happening, MissCause, Spence};
    ///
    /// let spence = Spence::builder().build().await?;
    /// let mut events = spence.listen();
    /// let numbers = spence.cache::<u64, u64>("numbers").build()?;
    /// assert!(numbers.get(&1).await.is_none());
    /// let miss = events.next().await.unwrap();
    /// assert_eq!(miss.what, Happening::Miss { cause: MissCause::Absent });
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn listen(&self) -> Listener {
        self.engine.events.listen()
    }

    /// The figures of this moment.
    #[must_use]
    pub fn stats(&self) -> Snapshot {
        self.engine.snapshot()
    }

    /// The engine's source of time.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.engine.clock
    }

    /// Writes what was accepted and lets go of the disk directory. What is read or put in after
    /// that lives in memory only. Dropping the last clone does the same, but blocks.
    pub async fn close(&self) {
        let engine = Arc::clone(&self.engine);
        let (done, closed) = tokio::sync::oneshot::channel();
        self.engine.spawner.spawn_blocking(Box::new(move || {
            engine.disk.close();
            // Whoever asked may not be waiting.
            done.send(()).unwrap_or(());
        }));
        // Without a runtime nothing runs, and dropping the engine will close it.
        drop(closed.await);
    }

    /// Checks what must hold whenever nothing is going on, and says what does not. For tests.
    ///
    /// # Errors
    /// The first violated invariant, in words.
    #[doc(hidden)]
    pub fn check_invariants(&self) -> Result<(), String> {
        self.engine.check_invariants()
    }
}

impl std::fmt::Debug for Spence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spence").field("most_caches", &MAX_NAMESPACES).finish_non_exhaustive()
    }
}

/// How often the clock is compared with the machine's.
const CLOCK_CHECK: Duration = Duration::from_secs(1);

impl Engine {
    /// Keeps the clock right across suspensions for as long as the engine lives.
    pub(crate) fn keep_time(self: &Arc<Self>) {
        if !self.clock.is_the_systems() {
            return;
        }
        let engine = Arc::downgrade(self);
        let clock = self.clock.clone();
        self.spawner.spawn(Box::pin(async move {
            loop {
                clock.sleep(CLOCK_CHECK).await;
                clock.refresh();
                match engine.upgrade() {
                    Some(engine) => engine.sweep_if_due(),
                    None => return,
                }
            }
        }));
    }
}
