//! Whoever wants what is under a key, from when it came until it is answered.

use std::sync::Arc;
use std::time::Duration;

use crate::cache::Cache;
use crate::clock::{Clock, Stopwatch};
use crate::covers::Covers;
use crate::entry::Entry;
use crate::error::Error;
use crate::key::Key;
use crate::outcome::MissCause;
use crate::policy::Policy;
use crate::spawn::Spawner;

/// One caller that wants what is under one key.
pub(crate) struct Caller<K, V> {
    pub(crate) hash: u64,
    pub(crate) key: K,
    pub(crate) text: Arc<str>,
    /// The policy of its call.
    pub(crate) policy: Arc<Policy>,
    /// Why it has found nothing fresh.
    pub(crate) cause: MissCause,
    /// Where the fill runs that it starts.
    pub(crate) runs_on: Arc<dyn Spawner>,
    /// Whether it has started the flight that it waits for.
    pub(crate) leads: bool,
    /// What it asks of a fresh value.
    pub(crate) covers: Covers<K, V>,
    since: Stopwatch,
}

impl<K: Key, V: Send + Sync + 'static> Cache<K, V> {
    pub(crate) fn caller(
        &self,
        hash: u64,
        key: K,
        policy: &Arc<Policy>,
    ) -> Result<Caller<K, V>, Error> {
        let (text, since) = (self.text_of(&key)?, self.engine.clock.stopwatch());
        let (policy, cause) = (Arc::clone(policy), MissCause::Absent);
        let runs_on = Arc::clone(&self.engine.spawner);
        let (leads, covers) = (false, Covers::everything());
        Ok(Caller { hash, key, text, policy, cause, runs_on, leads, covers, since })
    }
}

impl<K: Key, V> Caller<K, V> {
    /// This caller, if only some values will do.
    pub(crate) fn content_with(self, covers: &Covers<K, V>) -> Self {
        Self { covers: covers.clone(), ..self }
    }

    /// Whether a fresh entry is enough.
    pub(crate) fn is_content_with(&self, entry: &Entry<K, V>) -> bool {
        self.covers.is_enough(&self.key, entry)
    }

    /// Counts its time from now.
    pub(crate) fn restart(&mut self, clock: &Clock) {
        self.since = clock.stopwatch();
    }

    /// What is left of a time that began when the caller came.
    pub(crate) fn left_of(&self, limit: Duration) -> Duration {
        limit.saturating_sub(self.since.elapsed())
    }
}
