//! What becomes of what is held when another value is not installed, so that no reader sees the key
//! go backwards (contract C8).

use std::sync::Arc;

use crate::cache::Cache;
use crate::disk::Ack;
use crate::entry::Standing;
use crate::flight::{Admission, Shard};
use crate::install::Keep;
use crate::key::Key;
use crate::memory::Displaced;
use crate::promote::Lift;

impl<K: Key, V: Send + Sync + 'static> Cache<K, V> {
    /// Whether memory holds what came up from the shared tier and is of a later version: if it was
    /// stale there, no floor says so.
    pub(crate) fn holds_later(&self, hash: u64, as_of: u64, displaced: &mut Displaced) -> bool {
        if self.shared().is_none() {
            return false;
        }
        let held = self.core.namespace.memory.peek(hash);
        let is_later = held.as_ref().is_some_and(|held| held.head().as_of > as_of);
        displaced.0.extend(held);
        is_later
    }

    /// What this node has shown stays, and a `lift` is only for its reader: if nothing is held that
    /// the reader could be shown instead, nothing that may be older is to come after it (C8).
    pub(crate) fn let_stay(
        &self,
        shard: &mut Shard,
        hash: u64,
        text: &Arc<str>,
        lift: &Lift,
        displaced: &mut Displaced,
    ) -> Ack {
        let memory = &self.core.namespace.memory;
        let held = memory.peek(hash);
        let is_fresh =
            held.as_ref().is_some_and(|held| self.engine.standing(&**held) == Standing::Fresh);
        displaced.0.extend(held);
        if is_fresh {
            return Ack::done();
        }
        shard.show(hash, lift.mark);
        displaced.0.extend(memory.remove(hash));
        self.remove_from_disk(text)
    }

    /// A value that a ban forbids is newer than what is held all the same: its reader must not see
    /// that again (contract C8).
    pub(crate) fn bury_older(
        &self,
        shard: &mut Shard,
        hash: u64,
        text: &Arc<str>,
        as_of: u64,
        keep: &Keep,
        displaced: &mut Displaced,
    ) -> Ack {
        let is_newer = matches!(shard.admit(hash, as_of), Admission::Granted { .. });
        if matches!(keep, Keep::Promoted) || !is_newer {
            return Ack::done();
        }
        shard.installed(hash, as_of);
        displaced.0.extend(self.core.namespace.memory.remove(hash));
        self.remove_from_disk(text)
    }
}
