//! The typed face of a namespace: `get`, `peek`, `get_or_fetch`, `insert`, `invalidate`, `expire`.

use std::error::Error as StdError;
use std::future::Future;
use std::sync::Arc;

use crate::ban::Effect;
use crate::cached::Cached;
use crate::codec::Codec;
use crate::engine::Engine;
use crate::error::Error;
use crate::fill::{Fill, FillCx};
use crate::invalidate::Held;
use crate::key::Key;
use crate::namespace::Namespace;
use crate::outcome::Scope;
use crate::policy::{Policy, PolicyLayer};

/// A named cache of values of one type under keys of one type. Cheap to clone; clones share
/// everything.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), spence::Error> {
/// use spence::{Cache, Fill, Spence};
///
/// let spence = Spence::builder().build().await?;
/// let quotes: Cache<String, f64> = spence.cache("quotes").build()?;
///
/// let key = "AAPL".to_owned();
/// let fetch = |_| async { Ok::<_, spence::Error>(Fill::new(189.5).tags(["tech"])) };
/// assert_eq!(*quotes.get_or_fetch(&key, fetch).await?, 189.5);
/// assert!(quotes.peek(&key).is_some());
///
/// quotes.invalidate(&key).await?;
/// assert!(quotes.get(&key).await.is_none());
/// # Ok(()) }
/// ```
pub struct Cache<K, V> {
    pub(crate) engine: Arc<Engine>,
    pub(crate) core: Arc<CacheCore<K, V>>,
    /// Settings of the calls through this handle.
    pub(crate) call: Option<Arc<PolicyLayer>>,
}

/// What a cache adds to its namespace: how its types are weighed and stored.
pub(crate) struct CacheCore<K, V> {
    pub(crate) namespace: Arc<Namespace>,
    /// `None` for a cache that lives in memory only.
    pub(crate) codec: Option<Box<dyn Codec<V>>>,
    pub(crate) weigher: Box<dyn Fn(&V) -> usize + Send + Sync>,
    pub(crate) _key: std::marker::PhantomData<fn(K)>,
}

impl<K: Key, V: Send + Sync + 'static> Cache<K, V> {
    /// The cache's name, which is also its namespace.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.core.namespace.name
    }

    /// The most bytes of a value (in memory as it is, on disk as it is encoded and before it is
    /// compressed) that some tier is sure to keep; 0 when there is no tier. A larger one is handed
    /// out and not kept.
    #[must_use]
    pub fn largest_value(&self) -> u64 {
        let namespace = &self.core.namespace;
        let in_memory = namespace.memory.largest();
        // The block, the key and what stands beside the value weigh too.
        let in_memory = in_memory - (in_memory / 10 + 4096).min(in_memory);
        let on_disk = self.core.codec.as_ref().map_or(0, |_| self.engine.disk.largest());
        in_memory.max(on_disk)
    }

    /// The policy in force for calls through this handle.
    #[must_use]
    pub fn policy(&self) -> Policy {
        let rules = self.core.namespace.rules();
        self.call.as_ref().map_or_else(|| rules.policy.clone(), |call| call.on(&rules.policy))
    }

    /// A handle whose calls have settings of their own, which go before the cache's: `ttl`,
    /// `negative_ttl`, `no_store`, `hard_deadline` and the back-off for the fills that they start;
    /// `soft_deadline`, `stale`, `stale_while_revalidate` and `stale_if_error` for what they
    /// accept (a call can shorten a grace, not extend the longer of the two).
    #[must_use]
    pub fn with(&self, settings: PolicyLayer) -> Self {
        let call = match &self.call {
            Some(before) => settings.over(before),
            None => settings,
        };
        Self { call: Some(Arc::new(call)), ..self.clone() }
    }

    /// What memory holds under `key`, without waiting. Does not allocate on a hit.
    /// "Nothing there" is a hit and `None`.
    #[inline]
    #[must_use]
    pub fn peek(&self, key: &K) -> Option<Cached<V>> {
        let hash = self.core.namespace.hasher.hash(key);
        match self.memory_hit(hash, key) {
            Some(hit) => hit,
            None => self.peek_cold(hash, key),
        }
    }

    /// What any tier holds under `key`; the origin is not asked.
    /// "Nothing there" is a hit and `None`. May be dropped at any time.
    pub async fn get(&self, key: &K) -> Option<Cached<V>> {
        let hash = self.core.namespace.hasher.hash(key);
        match self.memory_hit(hash, key) {
            Some(hit) => hit,
            None => Box::pin(self.get_cold(hash, key)).await,
        }
    }

    /// What a tier holds fresh under `key`, or what `fill` brings.
    ///
    /// Callers of one key share one fill. It runs in a task of its own: dropping the returned
    /// future never stops it for the others, and a panic in it is an error for all. When it fails,
    /// a stale value within the policy's `stale_if_error` is served, labelled so.
    ///
    /// # Errors
    /// The fill's error (`ErrorKind::Origin`), `Deadline` after the policy's hard deadline,
    /// `NotFound` when the origin has nothing under the key, `InvalidArgument` for a key or tag
    /// outside its limits.
    #[inline]
    pub async fn get_or_fetch<F, R, E>(&self, key: &K, fill: F) -> Result<Cached<V>, Error>
    where
        F: FnOnce(FillCx<K, V>) -> R + Send + 'static,
        R: Future<Output = Result<Fill<V>, E>> + Send + 'static,
        E: Into<Box<dyn StdError + Send + Sync>> + 'static,
    {
        self.get_or_make(key, || fill).await
    }

    /// [`Cache::get_or_fetch`], whose fill is made only if it is needed.
    #[inline]
    pub(crate) async fn get_or_make<M, F, R, E>(&self, key: &K, make: M) -> Result<Cached<V>, Error>
    where
        M: FnOnce() -> F,
        F: FnOnce(FillCx<K, V>) -> R + Send + 'static,
        R: Future<Output = Result<Fill<V>, E>> + Send + 'static,
        E: Into<Box<dyn StdError + Send + Sync>> + 'static,
    {
        let hash = self.core.namespace.hasher.hash(key);
        match self.memory_hit(hash, key) {
            Some(Some(hit)) => Ok(hit),
            Some(None) => Err(self.nothing_there()),
            None => {
                let caller = self.caller(hash, key.clone(), &Arc::new(self.policy()))?;
                Box::pin(self.fetch(caller, make())).await
            }
        }
    }

    /// Puts a value in, as of now; everything older under the key is gone. Running fills of the
    /// key are not installed. Returns when the value would survive the end of the process, if
    /// there is a disk that takes it.
    ///
    /// # Errors
    /// `InvalidArgument` for a key or tag outside its limits.
    pub async fn insert(&self, key: K, value: V) -> Result<(), Error> {
        let put = self.put(&key, Fill::new(value))?;
        self.until_kept(put).await;
        Ok(())
    }

    /// [`Cache::insert`] with a time to live, tags or cost, or with "nothing there".
    ///
    /// # Errors
    /// As for [`Cache::insert`].
    pub async fn insert_fill(&self, key: K, fill: Fill<V>) -> Result<(), Error> {
        let put = self.put(&key, fill)?;
        self.until_kept(put).await;
        Ok(())
    }

    /// Never serves again what is held under `key` now, not even as a fallback; a fill that runs
    /// now is not installed. Returns when that would survive the end of the process.
    ///
    /// # Errors
    /// `Storage` when the disk could not record it: memory has forgotten the value, but a crash
    /// may bring it back. `InvalidArgument` for a key outside its limits.
    pub async fn invalidate(&self, key: &K) -> Result<Scope, Error> {
        self.outdate(key, Effect::Invalidate).await
    }

    /// Ends the freshness of what is held under `key` now; it may still be served, labelled stale,
    /// within the policy's `stale_if_error` counted from now.
    ///
    /// # Errors
    /// As for [`Cache::invalidate`].
    pub async fn expire(&self, key: &K) -> Result<Scope, Error> {
        self.outdate(key, self.engine.expiry()).await
    }
}

impl<K: Key, V: Send + Sync + 'static> Cache<K, V> {
    async fn outdate(&self, key: &K, effect: Effect) -> Result<Scope, Error> {
        let namespace = Arc::clone(&self.core.namespace);
        let (hash, name) = (namespace.hasher.hash(key), Arc::clone(&namespace.name));
        let text = self.text_of(key)?;
        self.engine.outdate_key(Some(Held { hash, namespace }), name, text, effect).await
    }
}

impl<K, V> Clone for Cache<K, V> {
    fn clone(&self) -> Self {
        Self {
            engine: Arc::clone(&self.engine),
            core: Arc::clone(&self.core),
            call: self.call.clone(),
        }
    }
}

impl<K, V> std::fmt::Debug for Cache<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache").field("name", &self.core.namespace.name).finish_non_exhaustive()
    }
}
