//! What a caller asks of a fresh value before it is content with it.

use std::sync::Arc;

use crate::entry::Entry;
use crate::key::Key;

type Predicate<K, V> = dyn Fn(&K, &V) -> bool + Send + Sync;

/// Whether a fresh value is enough; by default every one is. See `Cache::get_many_or_extend`.
pub(crate) struct Covers<K, V>(Option<Arc<Predicate<K, V>>>);

impl<K: Key, V> Covers<K, V> {
    pub(crate) fn when(covers: impl Fn(&K, &V) -> bool + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(covers)))
    }

    pub(crate) fn is_enough(&self, key: &K, entry: &Entry<K, V>) -> bool {
        // That there is nothing leaves nothing to be wished for.
        let covers = |covers: &Arc<Predicate<K, V>>| entry.value().is_none_or(|v| covers(key, v));
        self.0.as_ref().is_none_or(covers)
    }
}

impl<K, V> Covers<K, V> {
    pub(crate) fn everything() -> Self {
        Self(None)
    }
}

impl<K, V> Clone for Covers<K, V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}
