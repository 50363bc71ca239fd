//! What this node does when it hears of the others: of an invalidation, or that it has missed some.

use std::sync::Arc;

use crate::ban::Ban;
use crate::clock::Ticks;
use crate::disk::Ack;
use crate::engine::Engine;
use crate::redis::{About, Notice};

impl Engine {
    /// Another node has invalidated or expired something.
    pub(crate) fn heard(self: &Arc<Self>, notice: &Notice) -> Ack {
        match &notice.about {
            About::Key { namespace, key } => {
                let held = self.held(namespace, key);
                self.outdate_here(held.as_ref(), namespace, key, notice.effect)
            }
            About::Many(what) => self.ban_here(what.clone(), notice.effect),
        }
    }

    /// Records of other nodes are lost, but for these bans. Nothing is flushed: what may be
    /// concerned is unverified until it is looked for in the shared tier, or fetched anew.
    /// The disk's promise for the last of them.
    pub(crate) fn missed(self: &Arc<Self>, bans: Vec<Ban>) -> Option<Ack> {
        self.doubt_all();
        bans.into_iter().map(|Ban { what, effect, .. }| self.ban_here(what, effect)).last()
    }

    /// It is proved that until `tick` nothing is missing here for longer than permitted.
    pub(crate) fn verified_until(&self, tick: Ticks) {
        self.registry.verified_until(tick);
    }
}
