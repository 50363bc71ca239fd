//! Leases, and what is stored under them: one node of the cluster fills a key at a time.
//!
//! A lease is a key beside the value's that vanishes by itself unless it is renewed. A value is
//! stored by comparing the lease with one's own in the same step, so whatever takes the lease away
//! (an invalidation, another's `insert`, its expiry) also refuses the value.

use std::time::Duration;

use bytes::Bytes;

use super::link::{Asked, Placed, Stamp};
use super::wire::Failure;
use super::{About, Id, Lease, Looked, Notice, Shared, Tag};
use crate::ban::Effect;
use crate::envelope;
use crate::sync::Ordering;

/// What comes of asking for a lease.
pub(crate) enum Leased {
    Value(Bytes),
    Lease(Lease),
    /// Somebody else has it; the last turn is this.
    Busy {
        turn: u64,
    },
    Away,
}

/// What comes of storing a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shelved {
    Kept,
    /// The lease was lost: something newer has come, or may have.
    Refused,
    /// An insert of another node that began later has taken the lease.
    Superseded,
    /// The value is not there, or perhaps it is.
    Unknown,
}

impl Shared {
    /// Asks for the lease of a key, or for what somebody has stored there; `refused` is what is
    /// there and not good enough. With `seize`, whoever has the lease loses it.
    pub(crate) async fn lease(&self, id: Id<'_>, refused: Option<Tag>, seize: bool) -> Leased {
        let Some(link) = self.link.load_full() else { return Leased::Away };
        // What an insert has taken is told from what a fill has.
        let kind = if seize { "!" } else { "" };
        let number = self.tokens.fetch_add(1, Ordering::Relaxed);
        let token = format!("{kind}{}-{number}", self.node);
        let refused = refused.as_ref().map(<[u8; 8]>::as_slice);
        let mut asked = Box::pin(link.lease(id, &token, self.settings.lease, refused, seize));
        let answer = self.clock.timeout(link.deadline, &mut asked).await;
        let Some(answer) = answer else {
            let late = format!("no answer within {:?}", link.deadline);
            self.fail(&link, Failure::Away(late));
            let (namespace, key) = (id.namespace.to_owned(), id.key.to_owned());
            self.spawner.spawn(Box::pin(async move {
                // Nobody waits for it any more, so others should not wait for us.
                if let Ok(Asked::Lease(lease)) = asked.await {
                    let id = Id { namespace: &namespace, key: &key };
                    drop(link.release(id, &lease, false).await);
                }
            }));
            return Leased::Away;
        };
        match answer {
            Ok(Asked::Value(value)) => Leased::Value(value),
            Ok(Asked::Lease(lease)) if lease.epoch == self.belief.read().epoch() => {
                Leased::Lease(lease)
            }
            Ok(Asked::Busy { turn }) => Leased::Busy { turn },
            Ok(Asked::Lease(_) | Asked::Lost) => {
                self.fail(&link, Failure::Unfit("it has lost its state".to_owned()));
                Leased::Away
            }
            Err(failure) => {
                self.fail(&link, failure);
                Leased::Away
            }
        }
    }

    /// Keeps a lease for another term; `false` if it is lost.
    pub(crate) async fn renew(&self, id: Id<'_>, lease: &Lease) -> bool {
        let Some(link) = self.link.load_full() else { return true };
        match link.renew(id, lease, self.settings.lease).await {
            Ok(held) => held,
            Err(failure) => {
                self.fail(&link, failure);
                true
            }
        }
    }

    /// How long after it was taken or renewed a lease is to be renewed.
    pub(crate) fn renew_after(&self) -> Duration {
        self.settings.lease / 3
    }

    /// How long others are waited for that fill a key.
    pub(crate) fn patience(&self) -> Duration {
        self.settings.lease * 2
    }

    /// Stores a value under its lease, for `term`.
    pub(crate) async fn store(
        &self,
        hash: u64,
        id: Id<'_>,
        lease: &Lease,
        value: &[u8],
        term: Duration,
    ) -> Shelved {
        let stored = match self.link.load_full() {
            None => Shelved::Unknown,
            Some(link) => match link.store(id, lease, value, term).await {
                Ok(true) => Shelved::Kept,
                Ok(false) => Shelved::Refused,
                Err(failure) => {
                    if failure == Failure::Full {
                        // Whoever waits need not wait for the lease to run out.
                        drop(link.release(id, lease, false).await);
                    }
                    self.fail(&link, failure);
                    Shelved::Unknown
                }
            },
        };
        self.settle(hash, lease, stored, 0)
    }

    /// [`Shared::store`], of what is newer than everything since the call of
    /// [`Shared::overtake_from_now`] that gave `stamp`: the other nodes are told.
    pub(crate) async fn put(
        &self,
        hash: u64,
        id: Id<'_>,
        lease: &Lease,
        value: (&[u8], Duration),
        stamp: u64,
    ) -> Shelved {
        let (value, term) = value;
        let about = About::Key { namespace: id.namespace.into(), key: id.key.into() };
        let notice = Notice { about, effect: Effect::Invalidate };
        let record = Stamp { notice: Some(&notice), node: &self.node };
        let stored = match self.link.load_full() {
            None => Shelved::Unknown,
            Some(link) => match link.put(id, lease, value, term, &record).await {
                Ok(Placed::Published(published)) => {
                    self.acknowledged(&link, &notice, &published);
                    Shelved::Kept
                }
                Ok(Placed::Superseded) => Shelved::Superseded,
                Ok(Placed::Lost) => Shelved::Refused,
                Err(failure) => {
                    self.fail(&link, failure);
                    Shelved::Unknown
                }
            },
        };
        self.settle(hash, lease, stored, stamp)
    }

    fn settle(&self, hash: u64, lease: &Lease, stored: Shelved, stamp: u64) -> Shelved {
        let mut belief = self.belief.write();
        if stored == Shelved::Kept {
            belief.settle(hash, lease.turn, stamp);
            self.accept();
        } else {
            belief.missed(hash, lease.turn, stamp);
        }
        stored
    }

    /// What is under a key was leased after the insert of this node that gave `stamp`, whatever its
    /// turn: in a cluster a lease is numbered after it was taken. To be called after the insert was
    /// forgotten here, so that no read that has begun before brings back what was there then.
    pub(crate) fn believe_successor(&self, hash: u64, stamp: u64) {
        self.belief.write().lift(hash, stamp);
    }

    /// Whether something lies under a key that was leased later than `lease`.
    pub(crate) async fn has_later(&self, id: Id<'_>, lease: &Lease) -> bool {
        let Looked::Value(Some(value)) = self.look_at(id).await else { return false };
        let stored = envelope::take_entry(value, None);
        stored.is_some_and(|stored| stored.epoch == lease.epoch && stored.seq > lease.turn)
    }

    /// Gives a lease back that nothing will be stored under; with `with_value`, what is there goes
    /// too.
    pub(crate) async fn release(&self, id: Id<'_>, lease: &Lease, with_value: bool) {
        if let Some(link) = self.link.load_full()
            && let Err(failure) = link.release(id, lease, with_value).await
        {
            self.fail(&link, failure);
        }
    }

    /// This node is about to ask the origin without a lease: what was leased up to now, with
    /// `turn` at the latest, is older than what comes.
    pub(crate) fn overtake(&self, hash: u64, turn: u64) {
        let mut belief = self.belief.write();
        belief.saw(turn);
        belief.overtake(hash, turn.saturating_add(1));
    }

    /// As [`Shared::overtake`], while somebody else has the lease and `turn` was the last.
    pub(crate) fn overtake_holder(&self, hash: u64, turn: u64) {
        if self.link.load().as_ref().is_some_and(|link| link.is_cluster()) {
            // There a lease is numbered after it was taken.
            self.overtake_from_now(hash);
        } else {
            self.overtake(hash, turn);
        }
    }

    /// As [`Shared::overtake`] where the turn is not known; says which call this was.
    pub(crate) fn overtake_from_now(&self, hash: u64) -> u64 {
        self.belief.write().overtake_from_now(hash)
    }
}
