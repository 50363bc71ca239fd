//! Waiting for what other nodes are filling: one task looks at the leases of all keys that are
//! waited for on this node, with one call, and wakes those whose lease is gone.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Id, Shared};

/// Between two looks.
const PACE: Duration = Duration::from_millis(15);
/// The same in a cluster, where a call for many keys is one for each slot.
const PACE_IN_CLUSTER: Duration = Duration::from_millis(100);
/// The longest wait before the lease is asked for again: the task that looks may be held up.
const LONGEST: Duration = Duration::from_millis(500);
/// Leases that one call asks for.
const MOST_LEASES: usize = 256;

/// Who waits: as many as there are fills.
#[derive(Default)]
pub(super) struct Waits {
    waiting: Vec<Wait>,
    /// Whether a task looks.
    is_watched: bool,
}

struct Wait {
    lease: String,
    /// Wakes whoever waits when it is dropped; closed if nobody waits any more.
    free: oneshot::Sender<()>,
}

impl Shared {
    /// Waits until the lease of a key is free or cannot be looked at, for `most` and [`LONGEST`] at
    /// most. May be dropped.
    pub(crate) async fn until_free(self: &Arc<Self>, id: Id<'_>, most: Duration) {
        let (free, freed) = oneshot::channel();
        let lease = self.names.lease(id.namespace, id.key);
        let was_watched = {
            let mut waits = self.waits.lock();
            waits.waiting.push(Wait { lease, free });
            std::mem::replace(&mut waits.is_watched, true)
        };
        if !was_watched {
            self.spawner.spawn(Box::pin(Arc::clone(self).watch()));
        }
        // Whether it is free is found out by asking for it.
        let _: Option<()> =
            self.clock.timeout(most.min(LONGEST), async { drop(freed.await) }).await;
    }

    /// Looks at leases for as long as any is waited for.
    async fn watch(self: Arc<Self>) {
        loop {
            self.clock.sleep(self.pace()).await;
            let waiting = {
                let mut waits = self.waits.lock();
                waits.waiting.retain(|wait| !wait.free.is_closed());
                waits.is_watched = !waits.waiting.is_empty();
                if !waits.is_watched {
                    return;
                }
                std::mem::take(&mut waits.waiting)
            };
            let mut still = Vec::new();
            let mut waiting = waiting.into_iter();
            loop {
                let some: Vec<_> = waiting.by_ref().take(MOST_LEASES).collect();
                if some.is_empty() {
                    break;
                }
                still.extend(self.still_held(some).await);
            }
            self.waits.lock().waiting.append(&mut still);
        }
    }

    fn pace(&self) -> Duration {
        match &*self.link.load() {
            Some(link) if link.is_cluster() => PACE_IN_CLUSTER,
            _ => PACE,
        }
    }

    /// Those whose lease is held still; the others are woken.
    async fn still_held(&self, waiting: Vec<Wait>) -> Vec<Wait> {
        let leases: Vec<_> = waiting.iter().map(|wait| &*wait.lease).collect();
        let Some(link) = self.link.load_full() else { return Vec::new() };
        match link.are_held(&leases).await {
            Ok(held) => {
                let held = waiting.into_iter().zip(held).filter(|(_, is_held)| *is_held);
                held.map(|(wait, _)| wait).collect()
            }
            Err(failure) => {
                self.fail(&link, failure);
                Vec::new()
            }
        }
    }
}
