//! Questions about what is held: where a key is and why it is or is not served, and how much an
//! invalidation would reach.

use std::sync::Arc;
use std::time::Duration;

use crate::ban::{Glob, Verdict, What};
use crate::clock::{Ticks, duration_of};
use crate::disk::Found;
use crate::engine::Engine;
use crate::entry::{Slot, Standing};
use crate::envelope::{self, StoredEntry};
use crate::error::{Error, ErrorKind};
use crate::invalidate::{Place, Target};
use crate::lifetime::Life;
use crate::policy::Setting;
use crate::redis::{Id, Looked, Shared};
use crate::tally::LastMiss;

/// Records on disk that are looked at for a count; of more, every so many-th is.
const SAMPLE: usize = 100_000;

/// What the engine knows about a key.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Explanation {
    /// The cache's name.
    pub namespace: String,
    /// The canonical text of the key.
    pub key: String,
    /// What memory holds.
    pub memory: Option<Holding>,
    /// What the disk holds.
    pub disk: Option<Holding>,
    /// What the shared tier holds; `None` too while it is away.
    pub redis: Option<Holding>,
    /// The ban that keeps the topmost of them from being served, as in `tag AAPL`.
    pub banned_by: Option<String>,
    /// Why the last read that missed did so, if it is remembered: of the last thousand or so.
    pub last_miss: Option<LastMiss>,
    /// The policy in force, and where each of its settings comes from.
    pub policy: Vec<Setting>,
}

/// What a tier holds under a key.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Holding {
    /// `fresh`, `unverified`, `stale` (within its grace), `gone` or `banned`; in the shared tier
    /// also `superseded`, if this node knows of something newer or cannot tell.
    pub state: &'static str,
    /// Whether it says that the origin has nothing.
    pub negative: bool,
    /// Time since the origin answered.
    pub age: Duration,
    /// For how much longer it is fresh.
    pub fresh_for: Duration,
    /// Until when it may be served at all, from now.
    pub gone_in: Duration,
    /// Bytes: of the memory budget, or of the stored payload.
    pub bytes: u64,
    /// Its tags.
    pub tags: Vec<String>,
    /// Its version: the position at which its origin was asked, in this node's log or the shared
    /// one.
    pub as_of: u64,
}

/// How many entries a target covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reach {
    /// Entries in memory.
    pub memory: u64,
    /// Records on disk, of the same keys or others.
    pub disk: u64,
    /// Whether the disk's is counted; else it is estimated from a sample.
    pub exact: bool,
}

impl Engine {
    pub(crate) async fn explain(&self, namespace: &str, key: &str) -> Result<Explanation, Error> {
        let target = Target::Key { namespace: namespace.to_owned(), key: key.to_owned() };
        let Place::Key { held, name, text } = self.locate(&target)? else {
            return Err(Error::invalid("explain: expected a key"));
        };
        let slot = held.as_ref().and_then(|held| held.namespace.memory.peek(held.hash));
        let slot = slot.filter(|slot| slot.key_text() == key);
        let stored = match self.disk.get(&name, &text).found().await {
            Found::Entry(stored) => Some(stored),
            Found::Nothing | Found::Failed => None,
        };
        let shared = self.in_shared(&name, &text).await;
        let banned_by = match (&slot, &stored, &shared) {
            (Some(slot), ..) => {
                self.bans.killer(namespace, key, slot.head().tags(), slot.head().as_of)
            }
            (None, Some(stored), _) => {
                let tags = stored.tags.iter().map(|tag| &**tag);
                self.bans.killer(namespace, key, tags, stored.as_of)
            }
            (None, None, Some((tier, stored))) => tier.killer(stored),
            (None, None, None) => None,
        };
        // Without a cache of that name here, nothing is known of the key.
        let hash = held.map_or(0, |held| held.hash);
        Ok(Explanation {
            memory: slot.map(|slot| self.holding(&slot)),
            disk: stored.map(|stored| self.disk_holding(&stored)),
            redis: shared.map(|(tier, stored)| self.shared_holding(tier, hash, &stored)),
            banned_by: banned_by.map(|what| what.to_string()),
            last_miss: self.misses.last(namespace, key),
            policy: self.registry.settings(namespace),
            namespace: namespace.to_owned(),
            key: key.to_owned(),
        })
    }

    fn holding(&self, slot: &Slot) -> Holding {
        let head = slot.head();
        let now = self.clock.ticks();
        let state = match self.verdict(&**slot) {
            Verdict::Dead { .. } => "banned",
            Verdict::Expired { .. } if self.standing(&**slot) == Standing::Fresh => "stale",
            _ => match self.standing(&**slot) {
                Standing::Fresh if !head.namespace.is_verified(now) => "unverified",
                Standing::Fresh => head.freshness().as_str(),
                Standing::Stale => "stale",
                Standing::Gone => "gone",
            },
        };
        let left = |until: Ticks| duration_of(until.saturating_sub(now));
        Holding {
            state,
            negative: slot.is_negative(),
            age: duration_of(now.saturating_sub(head.born)),
            fresh_for: left(self.fresh_until(&**slot)),
            gone_in: left(head.gone_at()),
            bytes: u64::from(head.weight),
            tags: head.tags().map(str::to_owned).collect(),
            as_of: head.as_of,
        }
    }

    fn disk_holding(&self, stored: &StoredEntry) -> Holding {
        let is_doubtful = stored.seq <= self.disk.unverified_until()
            || !self.registry.is_verified(self.clock.ticks());
        let tags = stored.tags.iter().map(|tag| &**tag);
        let verdict =
            self.bans.verdict(&stored.namespace, || (&*stored.key).into(), tags, stored.as_of);
        let dead = matches!(verdict, Verdict::Dead { .. }).then_some("banned");
        self.stored_holding(stored, verdict, is_doubtful, dead)
    }

    /// The shared tier, and what it holds under a key.
    async fn in_shared(&self, namespace: &str, key: &str) -> Option<(&Shared, StoredEntry)> {
        let tier = self.shared.as_deref()?;
        let Looked::Value(Some(value)) = tier.look_at(Id { namespace, key }).await else {
            return None;
        };
        let stored = envelope::take_entry(value, None)?;
        stored.is(namespace, key).then_some((tier, stored))
    }

    fn shared_holding(&self, tier: &Shared, hash: u64, stored: &StoredEntry) -> Holding {
        let verdict = tier.verdict(hash, stored);
        let dead = match verdict {
            Verdict::Dead { .. } if tier.killer(stored).is_some() => Some("banned"),
            Verdict::Dead { .. } => Some("superseded"),
            Verdict::Alive | Verdict::Expired { .. } => None,
        };
        self.stored_holding(stored, verdict, false, dead)
    }

    /// What a tier below memory holds; `dead` says why it is not to be served.
    fn stored_holding(
        &self,
        stored: &StoredEntry,
        verdict: Verdict,
        is_doubtful: bool,
        dead: Option<&'static str>,
    ) -> Holding {
        let life = Life::of_stored(stored, is_doubtful);
        let lifetime = self.registry.rules_for(&stored.namespace).lifetime(life);
        let age = Duration::from_millis(self.clock.unix_ms().saturating_sub(stored.born_ms));
        let state = match (dead, verdict) {
            (Some(why), _) => why,
            (None, Verdict::Alive) if age < lifetime.fresh && is_doubtful => "unverified",
            (None, Verdict::Alive) if age < lifetime.fresh => "fresh",
            _ if age < lifetime.hard => "stale",
            _ => "gone",
        };
        Holding {
            state,
            negative: stored.negative,
            age,
            fresh_for: lifetime.fresh.saturating_sub(age),
            gone_in: lifetime.hard.saturating_sub(age),
            bytes: stored.payload.len() as u64,
            tags: stored.tags.iter().map(|tag| tag.to_string()).collect(),
            as_of: stored.as_of,
        }
    }

    /// Counts what `target` covers and could still be served.
    pub(crate) async fn reach(self: &Arc<Self>, target: &Target) -> Result<Reach, Error> {
        let what = match self.locate(target)? {
            Place::Key { held, name, text } => {
                let slot = held.and_then(|held| held.namespace.memory.peek(held.hash));
                let alive = |slot: &Slot| !matches!(self.verdict(&**slot), Verdict::Dead { .. });
                let memory = u64::from(slot.is_some_and(|slot| alive(&slot)));
                let stored = matches!(self.disk.get(&name, &text).found().await, Found::Entry(_));
                return Ok(Reach { memory, disk: u64::from(stored), exact: true });
            }
            Place::Many(what) => what,
        };
        let engine = Arc::clone(self);
        let (done, counted) = tokio::sync::oneshot::channel();
        self.spawner.spawn_blocking(Box::new(move || {
            // Whoever asked may not be waiting.
            done.send(engine.count(&what)).unwrap_or(());
        }));
        counted.await.map_err(|_| Error::new(ErrorKind::Closed, "the runtime is closing"))
    }

    fn count(&self, what: &What) -> Reach {
        let glob = match what {
            What::Glob { pattern, .. } => Glob::new(pattern).ok(),
            _ => None,
        };
        let covers =
            |namespace: &str, key: &str, mut tags: &mut dyn Iterator<Item = &str>| match what {
                What::Everything => true,
                What::Namespace(of) => **of == *namespace,
                What::Tag(tag) => Iterator::any(&mut tags, |own| *own == **tag),
                What::Prefix { namespace: of, prefix } => {
                    **of == *namespace && key.starts_with(&**prefix)
                }
                What::Glob { namespace: of, .. } => {
                    **of == *namespace && glob.as_ref().is_some_and(|glob| glob.matches(key))
                }
            };
        let mut memory = 0;
        self.memory.visit(&mut |_, _, slot| {
            let (head, key) = (slot.head(), slot.key_text());
            let covered = covers(&head.namespace.name, &key, &mut head.tags());
            memory += u64::from(covered && !matches!(self.verdict(&**slot), Verdict::Dead { .. }));
        });
        let alive = |stored: &StoredEntry| {
            let tags = || stored.tags.iter().map(|tag| &**tag);
            let verdict = self.bans.verdict(
                &stored.namespace,
                || (&*stored.key).into(),
                tags(),
                stored.as_of,
            );
            covers(&stored.namespace, &stored.key, &mut tags())
                && !matches!(verdict, Verdict::Dead { .. })
        };
        let (disk, exact) = self.disk.count(SAMPLE, &alive);
        Reach { memory, disk, exact }
    }
}
