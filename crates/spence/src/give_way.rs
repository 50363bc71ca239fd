//! Who has waited for a fill that something has passed gives way to what came after it.
//!
//! Two fills of a key run when an invalidation has passed the first. The first may ask the origin
//! later than the second, and so bring something newer; but it is the second whose value is kept,
//! and whoever had been shown the first's would see the key go backwards (C8). So the second's is
//! shown to all, and the first's only if nothing came of the second.

use std::ops::Range;
use std::sync::Arc;

use crate::cache::Cache;
use crate::cached::Cached;
use crate::caller::Caller;
use crate::entry::Entry;
use crate::error::Error;
use crate::flight::Ticket;
use crate::key::Key;
use crate::lookup::Held;
use crate::outcome::Source;

impl<K: Key, V: Send + Sync + 'static> Cache<K, V> {
    /// What is served to a caller that has waited for a flight which was passed, and has `brought`
    /// this: what has come of a younger one, if any began while this one was under way (between
    /// the positions `began`).
    ///
    /// That is not waited for beyond the hard deadline. What was brought cannot be served then
    /// without forbidding the younger fill to be kept, for which the next one would have to wait
    /// in turn, and so on: what takes long to fetch would never be kept again.
    pub(crate) async fn give_way(
        &self,
        caller: &Caller<K, V>,
        ticket: &Ticket,
        began: Range<u64>,
        brought: (Arc<Entry<K, V>>, Source),
    ) -> Result<Cached<V>, Error> {
        let (engine, as_of) = (&self.engine, brought.0.head.as_of);
        let younger = || engine.flights.lock(caller.hash).younger(caller.hash, &began);
        while let Some(mut landing) = younger() {
            let left = caller.left_of(caller.policy.hard_deadline);
            let landed = landing.wait_for(|landed| *landed);
            if engine.clock.timeout(left, landed).await.is_none() {
                self.tally_miss(&caller.text, caller.cause);
                return Err(self.out_of_time(caller));
            }
        }
        let is_newer = |entry: &Entry<K, V>| entry.head.as_of > as_of;
        // Another node may be filling it since before this was read.
        let overtake = || {
            if let Some(shared) = self.shared() {
                shared.overtake_from_now(caller.hash);
            }
        };
        match self.walk(ticket, &caller.key, &caller.text).await {
            Held::Fresh(entry, source) if caller.is_content_with(&entry) => {
                let answer = self.serve_fresh(&caller.text, entry, source);
                return answer.ok_or_else(|| self.nothing_there());
            }
            Held::Fresh(entry, _) | Held::Stale(entry, _) if !is_newer(&entry) => {}
            Held::Fresh(..) | Held::Stale(..) => {
                self.forget_here(caller.hash, &caller.text);
                overtake();
            }
            Held::Nothing(_) => overtake(),
        }
        let (entry, source) = brought;
        self.serve_brought(caller, entry, source)
    }
}
