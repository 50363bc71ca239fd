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
use crate::fetch::Stale;
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
            let left = caller.left_of(match may_be_stale {
                true => caller.policy.soft_deadline,
                false => caller.policy.hard_deadline,
            });
            let landed = landing.wait_for(|landed| *landed);
            let is_late = engine.clock.timeout(left, landed).await.is_none();
            if is_late && may_be_stale == stands_in() {
                let error = self.out_of_time(caller);
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
            // Nothing that is older can come any more.
            Held::Nothing(_) if self.shared().is_none() => {}
            // What is held, or what another node may be filling since before this was read, must
            // not be shown after this.
            Held::Fresh(..) | Held::Stale(..) | Held::Nothing(_) => {
                if let Some(shared) = self.shared() {
                    shared.overtake_from_now(caller.hash);
                }
                self.forget_here(caller.hash, &caller.text);
            }
        }
        let (entry, source) = brought;
        self.serve_brought(caller, entry, source)
    }
}
