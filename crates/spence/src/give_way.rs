//! Who has waited for a fill that something has passed gives way to what came after it.
//!
//! Two fills of a key run when an invalidation has passed the first. The first may ask the origin
//! later than the second, and so bring something newer; but it is the second whose value is kept,
//! and whoever had been shown the first's would see the key go backwards (C8). So the second's is
//! shown to all, and the first's only if nothing came of the second.

use std::sync::Arc;

use crate::cache::Cache;
use crate::cached::Cached;
use crate::caller::Caller;
use crate::entry::Entry;
use crate::error::Error;
use crate::fetch::{Stale, out_of_time};
use crate::flight::Ticket;
use crate::install::Passed;
use crate::key::Key;
use crate::lookup::Held;
use crate::outcome::{MissCause, Source, StaleReason};

impl<K: Key, V: Send + Sync + 'static> Cache<K, V> {
    /// What is served to a caller that has waited for a flight which was `passed`, and has `brought`
    /// this: what has come of a younger one, if any began while this one was under way.
    ///
    /// That is not waited for beyond the deadlines. What was brought cannot be served then without
    /// forbidding the younger fill to be kept, for which the next one would have to wait in turn,
    /// and so on: what takes long to fetch would never be kept again.
    pub(crate) async fn give_way(
        &self,
        caller: &Caller<K, V>,
        ticket: &Ticket,
        passed: Passed,
        brought: (Arc<Entry<K, V>>, Source),
        stale: Stale<K, V>,
    ) -> Result<Cached<V>, Error> {
        let (engine, as_of) = (&self.engine, brought.0.head.as_of);
        let began = passed.began..passed.landed;
        let younger = || engine.flights.lock(caller.hash).younger(caller.hash, &began);
        let stands_in = || {
            let stale = stale.as_ref().filter(|_| caller.cause != MissCause::Short);
            stale.is_some_and(|(entry, _)| self.may_stand_in(caller, ticket, entry))
        };
        while let Some(mut landing) = younger() {
            let may_be_stale = stands_in();
            let deadline = match may_be_stale {
                true => caller.policy.soft_deadline,
                false => caller.policy.hard_deadline,
            };
            let landed = landing.wait_for(|landed| *landed);
            let is_late = engine.clock.timeout(caller.left_of(deadline), landed).await.is_none();
            if is_late && may_be_stale == stands_in() {
                let error = out_of_time(deadline);
                return self.fall_back(caller, ticket, stale, StaleReason::Deadline, error);
            }
        }
        let is_brought = |entry: &Arc<Entry<K, V>>| {
            Arc::ptr_eq(entry, &brought.0) || (passed.kept && entry.head.as_of <= as_of)
        };
        match self.walk(ticket, &caller.key, &caller.text).await {
            Held::Fresh(entry, source) if caller.is_content_with(&entry) => {
                let answer = self.serve_fresh(&caller.text, entry, source);
                return answer.ok_or_else(|| self.nothing_there());
            }
            Held::Fresh(entry, _) | Held::Stale(entry, _) if is_brought(&entry) => {}
            Held::Fresh(..) | Held::Stale(..) | Held::Nothing(_) => {
                self.forget_older(caller.hash, &caller.text, &passed);
            }
        }
        let (entry, source) = brought;
        self.serve_brought(caller, entry, source)
    }

    /// Sees to it that nothing comes after the value of a `passed` flight that may be older: what
    /// is held, or what another node may be filling since before that was read.
    ///
    /// Whoever has begun to fetch after it had landed is not disturbed; in a cluster, where what is
    /// found tells nothing of when it was read, only whoever begins after this. Done once for all
    /// who have waited: they would pass one fill after the other else.
    fn forget_older(&self, hash: u64, text: &Arc<str>, passed: &Passed) {
        let (engine, memory) = (&self.engine, &self.core.namespace.memory);
        // Dropped after the locks.
        let held;
        let mut is_last = passed.is_last.lock();
        if std::mem::replace(&mut *is_last, true) {
            return;
        }
        if let Some(shared) = self.shared() {
            shared.overtake_from_now(hash);
        }
        let mut shard = engine.flights.lock(hash);
        let position = match self.shared() {
            None => passed.landed,
            Some(_) => engine.log.next(),
        };
        shard.doom(hash, position);
        held = memory.peek(hash);
        if held.as_ref().is_none_or(|held| held.head().as_of < position) {
            drop((memory.remove(hash), self.remove_from_disk(text)));
        }
    }
}
