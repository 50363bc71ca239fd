//! What a read leaves behind: counts, log lines, events, and why it missed.
//!
//! Log lines name no values and no keys, only a key's hash.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use lru::LruCache;
use tracing::level_filters::LevelFilter;

use crate::cache::Cache;
use crate::clock::Stopwatch;
use crate::entry::Entry;
use crate::events::{Happening, hash_of};
use crate::key::{Identity, Key};
use crate::outcome::{MissCause, Source};
use crate::stats::{CacheStats, Count};
use crate::sync::Mutex;

/// Misses that are remembered, so that somebody can ask why.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(1024).expect("is not zero");

/// Why reads missed lately, by the hash of namespace and key.
pub(crate) struct Misses(Mutex<LruCache<u64, LastMiss, Identity>>);

/// Why a read missed, and when, in milliseconds of Unix time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LastMiss {
    /// Why.
    pub cause: MissCause,
    /// When.
    pub at_ms: u64,
}

impl Misses {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(LruCache::with_hasher(REMEMBERED, Identity::default())))
    }

    fn note(&self, namespace: &str, key: &str, miss: LastMiss) {
        self.0.lock().put(both(namespace, key), miss);
    }

    pub(crate) fn last(&self, namespace: &str, key: &str) -> Option<LastMiss> {
        self.0.lock().peek(&both(namespace, key)).copied()
    }
}

fn both(namespace: &str, key: &str) -> u64 {
    hash_of(namespace).rotate_left(32) ^ hash_of(key)
}

impl<K: Key, V: Send + Sync + 'static> Cache<K, V> {
    /// A fresh answer from memory. On the hit path, so it does next to nothing.
    #[inline]
    pub(crate) fn tally_memory_hit(&self, key: &K, entry: &Arc<Entry<K, V>>) {
        let namespace = &*self.core.namespace;
        let count = namespace.counters.memory_hit(entry.head.fetch_micros);
        if count & namespace.shadow_mask == 0 {
            self.compare_with_shared(key, entry);
        }
        if LevelFilter::current() >= LevelFilter::DEBUG {
            self.log_memory_hit(key);
        }
    }

    #[cold]
    fn log_memory_hit(&self, key: &K) {
        let namespace = &self.core.namespace;
        let stats = CacheStats::new(namespace.counters.counts(), &namespace.holdings, 0);
        let (cache, hit_rate) = (self.name(), format!("{:.3}", stats.hit_rate));
        tracing::debug!(cache, key = told(&key.canonical()), hit_rate, "memory hit");
    }

    /// Measures for [`Cache::log_disk_hit`], if somebody listens.
    pub(crate) fn stopwatch_for_log(&self) -> Option<Stopwatch> {
        (LevelFilter::current() >= LevelFilter::INFO).then(|| self.engine.clock.stopwatch())
    }

    pub(crate) fn log_disk_hit(&self, text: &str, entry: &Entry<K, V>, took: Duration) {
        let (cache, bytes) = (self.name(), entry.head.weight);
        tracing::info!(cache, key = told(text), bytes, ?took, "disk hit");
    }

    /// A fresh answer from memory or below it.
    pub(crate) fn tally_hit(&self, text: &str, entry: &Entry<K, V>, source: Source) {
        let namespace = &self.core.namespace;
        namespace.counters.hit(source, entry.head.fetch_micros);
        if matches!(source, Source::Disk | Source::Redis) {
            let about = Some((&namespace.name, Some(text)));
            self.engine.events.tell(about, Happening::Hit { source });
        }
    }

    pub(crate) fn tally_stale(&self, text: &str) {
        let namespace = &self.core.namespace;
        namespace.counters.count(Count::StaleHit);
        self.engine.events.tell(Some((&namespace.name, Some(text))), Happening::StaleServed);
    }

    pub(crate) fn tally_miss(&self, text: &str, cause: MissCause) {
        let (engine, namespace) = (&self.engine, &self.core.namespace);
        namespace.counters.miss(cause);
        engine.misses.note(
            &namespace.name,
            text,
            LastMiss { cause, at_ms: engine.clock.unix_ms() },
        );
        engine.events.tell(Some((&namespace.name, Some(text))), Happening::Miss { cause });
    }

    /// A fill of a key has ended, well or not.
    pub(crate) fn tally_fill(&self, text: &Arc<str>, took: Duration, outcome: Result<u32, String>) {
        let about = Some((&self.core.namespace.name, Some(&**text)));
        let (cache, key) = (self.name(), told(text));
        let what = match outcome {
            Ok(bytes) => {
                tracing::info!(cache, key, bytes, ?took, "origin call");
                Happening::FillFinished { took }
            }
            Err(error) => {
                tracing::info!(cache, key, error, ?took, "origin call failed");
                Happening::FillFailed { error }
            }
        };
        self.engine.events.tell(about, what);
    }
}

/// A key as log lines name it.
fn told(text: &str) -> String {
    format!("{:016x}", hash_of(text))
}
