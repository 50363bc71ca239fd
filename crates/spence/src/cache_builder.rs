//! Building a cache on an engine.

use std::sync::Arc;

use crate::builder::check_layer;
use crate::cache::{Cache, CacheCore};
use crate::codec::{Codec, Postcard, fingerprint, mark};
use crate::envelope::CodecId;
use crate::error::Error;
use crate::kept::Kept;
use crate::key::Key;
use crate::memory::weigh::Weigh;
use crate::namespace::Blueprint;
use crate::policy::PolicyLayer;
use crate::spence::Spence;

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
    origin: String,
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
            origin: String::new(),
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

    /// Where the values come from, such as the base URL of an API. Values stored from another
    /// origin are misses, so that those of a test are never taken for the real ones.
    #[must_use]
    pub fn origin(mut self, origin: impl Into<String>) -> Self {
        self.origin = origin.into();
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
            origin: self.origin,
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
            fingerprint: fingerprint(&self.name, self.schema, written, &self.origin),
            name: self.name,
            policy_name: self.policy_name,
            layer: self.layer,
            arity: K::ARITY,
            private: K::Kept::PRIVATE,
        };
        let weigher = self.weigher.function();
        let engine = &self.spence.engine;
        let core = engine.registry.register(&blueprint, &engine.memory, |namespace| CacheCore {
            namespace,
            codec,
            weigher,
            _key: std::marker::PhantomData,
        })?;
        Ok(Cache { engine: Arc::clone(engine), core, call: None })
    }
}
