//! How a cache uses the shared tier: what is found there is lifted into the tiers of this node, and
//! a fill is secured by a lease under which its value is stored for the others.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;

use crate::ban::{Effect, Verdict};
use crate::cache::Cache;
use crate::compress::Packed;
use crate::covers::Covers;
use crate::entry::Entry;
use crate::envelope::{self, StoredEntry};
use crate::flight::{Admission, Mark};
use crate::install::{Encoded, Put};
use crate::invalidate::Held as Place;
use crate::key::{Key, shared_text};
use crate::lifetime::Life;
use crate::lookup::Held;
use crate::outcome::MissCause;
use crate::promote::{Found, Lift};
use crate::redis::{About, Id, Lease, Leased, Looked, Notice, Shared, Shelved, Tag};

/// The largest value that is shared, in bytes as it is stored.
const MAX_SHARED_BYTES: usize = 16 << 20;
/// The largest before it is compressed: what is larger would not be believed when it is read.
const MAX_PAYLOAD_BYTES: usize = 64 << 20;
/// The longest that a value lies in the shared tier; what is valid for longer is stored anew.
const MAX_TERM: Duration = Duration::from_secs(30 * 24 * 3600);

/// What a fill may do with its value.
#[derive(Debug)]
pub(crate) enum Permit {
    /// Keep it on this node.
    Alone,
    /// Store it for the others too.
    Leased(Lease),
}

impl Permit {
    fn lease(&self) -> Option<&Lease> {
        match self {
            Permit::Leased(lease) => Some(lease),
            Permit::Alone => None,
        }
    }
}

/// What comes of trying to secure a fill.
pub(crate) enum Secured<K: Key, V> {
    /// Another node has stored a value meanwhile.
    Found(Arc<Entry<K, V>>),
    /// With what another node has stored meanwhile, if it is fresh and not enough.
    Permit(Permit, Option<Arc<Entry<K, V>>>),
    /// Another node is filling the key, and has this many turns behind it.
    Busy { turn: u64 },
}

/// A key whose value is looked for.
pub(crate) struct Wanted<'a, K> {
    pub(crate) hash: u64,
    pub(crate) key: &'a K,
    pub(crate) text: &'a Arc<str>,
}

/// How this node stood before the shared tier was asked for a key.
struct Before {
    /// The version of what is found.
    as_of: u64,
    /// What this node had shown last.
    shown: Mark,
}

impl<K: Key, V: Send + Sync + 'static> Cache<K, V> {
    /// The shared tier, if values of this cache can be there.
    pub(crate) fn shared(&self) -> Option<&Arc<Shared>> {
        self.engine.shared.as_ref().filter(|_| self.core.codec.is_some())
    }

    /// Looks for a value in the shared tier; if it is found, it is lifted.
    pub(crate) async fn look_for(&self, wanted: &Wanted<'_, K>) -> Held<K, V> {
        let Some(shared) = self.shared() else { return Held::Nothing(MissCause::Absent) };
        let before = self.before(wanted);
        match shared.look_at(self.id(wanted.text)).await {
            Looked::Value(Some(value)) => {
                self.lift(wanted, before, value).unwrap_or_else(Held::Nothing)
            }
            Looked::Value(None) => Held::Nothing(MissCause::Absent),
            Looked::Away => Held::Nothing(MissCause::Failed),
        }
    }

    /// Looks for several values in the shared tier, with one call.
    pub(crate) async fn look_for_all(&self, wanted: &[Wanted<'_, K>]) -> Vec<Held<K, V>> {
        let nothing = |cause: MissCause| wanted.iter().map(|_| Held::Nothing(cause)).collect();
        let Some(shared) = self.shared() else { return nothing(MissCause::Absent) };
        let before: Vec<_> = wanted.iter().map(|wanted| self.before(wanted)).collect();
        let ids: Vec<_> = wanted.iter().map(|wanted| self.id(wanted.text)).collect();
        let Some(values) = shared.look(&ids).await else { return nothing(MissCause::Failed) };
        let found = wanted.iter().zip(before).zip(values);
        found
            .map(|((wanted, before), value)| match value {
                Some(value) => self.lift(wanted, before, value).unwrap_or_else(Held::Nothing),
                None => Held::Nothing(MissCause::Absent),
            })
            .collect()
    }

    /// Compares a hit with what the shared tier has, in a task of its own.
    #[cold]
    pub(crate) fn compare_with_shared(&self, key: &K, entry: &Arc<Entry<K, V>>) {
        let now = self.engine.clock.ticks();
        if !self.shared().is_some_and(|shared| shared.shadow.may_compare(now)) {
            return;
        }
        let (cache, hash) = (self.clone(), self.core.namespace.hasher.hash(key));
        let (text, entry) = (shared_text(key), Arc::clone(entry));
        self.engine.spawner.spawn(Box::pin(async move {
            let (Some(shared), Some(codec)) = (cache.shared(), cache.core.codec.as_deref()) else {
                return;
            };
            let Looked::Value(Some(value)) = shared.look_at(cache.id(&text)).await else { return };
            let Some(stored) = envelope::take_entry(value, None) else { return };
            if shared.verdict(hash, &stored) != Verdict::Alive {
                return;
            }
            let held = entry.value().and_then(|value| codec.encode(value).ok());
            let born_ms = cache.engine.ms_of(entry.head.born);
            let newer_by = Duration::from_millis(stored.born_ms.saturating_sub(born_ms));
            let is_same = held.unwrap_or_default() == stored.payload;
            shared.shadow.compared(!is_same && newer_by > shared.max_lag());
        }));
    }

    fn id<'a>(&'a self, text: &'a str) -> Id<'a> {
        Id { namespace: &self.core.namespace.name, key: text }
    }

    /// Brings what the shared tier holds into the tiers of this node, if it is believed and nothing
    /// has passed it.
    fn lift(
        &self,
        wanted: &Wanted<'_, K>,
        before: Before,
        value: Bytes,
    ) -> Result<Held<K, V>, MissCause> {
        let mark = tag_of(&value).map_or(0, u64::from_le_bytes);
        let namespace = &self.core.namespace;
        let names = Some((&namespace.name, wanted.text));
        let stored = envelope::take_entry(value, names).ok_or(MissCause::Schema)?;
        if !stored.is(&namespace.name, wanted.text) {
            return Err(MissCause::Schema);
        }
        let shared = self.shared().ok_or(MissCause::Absent)?;
        let mut stored =
            StoredEntry { as_of: before.as_of, ..self.believed(shared, wanted.hash, stored)? };
        let life = namespace.rules().lifetime(Life::of_stored(&stored, false));
        let age = self.engine.clock.unix_ms().saturating_sub(stored.born_ms);
        if Duration::from_millis(age) >= life.hard {
            return Err(MissCause::Expired);
        }
        (stored.seq, stored.epoch) = (0, 0);
        let lift = Lift { mark, shown: before.shown };
        self.promote(wanted.hash, wanted.key, Found::Shared(stored, lift))
    }

    fn believed(
        &self,
        shared: &Shared,
        hash: u64,
        mut stored: StoredEntry,
    ) -> Result<StoredEntry, MissCause> {
        match shared.verdict(hash, &stored) {
            Verdict::Dead { .. } => Err(MissCause::Banned),
            Verdict::Expired { at_ms } => {
                stored.expire(at_ms);
                Ok(stored)
            }
            Verdict::Alive => Ok(stored),
        }
    }

    /// What is invalidated or filled from here on is newer than what will be found.
    fn before(&self, wanted: &Wanted<'_, K>) -> Before {
        let shown = self.engine.flights.lock(wanted.hash).shown(wanted.hash);
        Before { as_of: self.engine.log.next(), shown }
    }

    /// As for `before`, while a fill of version `as_of` is secured: of the same version, so that
    /// what the fill brings replaces what is found. Once something has passed the fill, what it brings is not
    /// kept, and what is found may have been stored after that.
    fn before_securing(&self, wanted: &Wanted<'_, K>, as_of: u64) -> Before {
        let engine = &self.engine;
        let before = self.before(wanted);
        let admission = engine.flights.lock(wanted.hash).admit(wanted.hash, as_of);
        let is_passed = !matches!(admission, Admission::Granted { expired: false });
        match is_passed || engine.bans.newest().max(engine.doubtful_below()) > as_of {
            true => before,
            false => Before { as_of, ..before },
        }
    }

    /// Tries to secure a fill of version `as_of`: for the cluster if it can be, else for this node.
    pub(crate) async fn try_to_secure(
        &self,
        wanted: &Wanted<'_, K>,
        as_of: u64,
        covers: &Covers<K, V>,
    ) -> Secured<K, V> {
        let Some(shared) = self.shared() else { return Secured::Permit(Permit::Alone, None) };
        let id = self.id(wanted.text);
        let (mut refused, mut lifted) = (None, None);
        loop {
            let before = self.before_securing(wanted, as_of);
            match shared.lease(id, refused, false).await {
                Leased::Lease(lease) => return Secured::Permit(Permit::Leased(lease), lifted),
                Leased::Busy { turn } => return Secured::Busy { turn },
                Leased::Value(value) => {
                    let tag = tag_of(&value);
                    match self.lift(wanted, before, value) {
                        Ok(Held::Fresh(entry, _)) if covers.is_enough(wanted.key, &entry) => {
                            return Secured::Found(entry);
                        }
                        // Not good enough; what is stored instead of it may be.
                        Ok(held) if tag.is_some() && tag != refused => {
                            refused = tag;
                            if let Held::Fresh(entry, _) = held {
                                lifted = Some(entry);
                            }
                        }
                        Err(_) if tag.is_some() && tag != refused => refused = tag,
                        Ok(_) | Err(_) => break,
                    }
                }
                Leased::Away => break,
            }
        }
        shared.overtake_from_now(wanted.hash);
        Secured::Permit(Permit::Alone, lifted)
    }

    /// Secures a fill: waits for another node that is filling the key, but no longer than `most`.
    pub(crate) async fn secure(
        &self,
        wanted: &Wanted<'_, K>,
        as_of: u64,
        covers: &Covers<K, V>,
        most: Duration,
    ) -> Secured<K, V> {
        let waiting = self.engine.clock.stopwatch();
        loop {
            let secured = self.try_to_secure(wanted, as_of, covers).await;
            let (Secured::Busy { turn }, Some(shared)) = (&secured, self.shared()) else {
                return secured;
            };
            let left = shared.patience().min(most).saturating_sub(waiting.elapsed());
            if left.is_zero() {
                shared.overtake_holder(wanted.hash, *turn);
                return Secured::Permit(Permit::Alone, None);
            }
            shared.until_free(self.id(wanted.text), left).await;
        }
    }

    /// Runs a fill while its leases are kept.
    pub(crate) async fn renewing<T>(
        &self,
        permits: Vec<(&Arc<str>, &Permit)>,
        work: impl Future<Output = T>,
    ) -> T {
        let mut leases: Vec<_> = permits
            .into_iter()
            .filter_map(|(text, permit)| Some((text, permit.lease()?)))
            .collect();
        let clock = &self.engine.clock;
        let mut work = std::pin::pin!(work);
        while let (false, Some(shared)) = (leases.is_empty(), self.shared()) {
            if let Some(done) = clock.timeout(shared.renew_after(), &mut work).await {
                return done;
            }
            let renewing = leases.iter().map(|(text, lease)| shared.renew(self.id(text), lease));
            let renewed = join_all(renewing).await;
            let mut held = renewed.into_iter();
            // The value of a lost one will be refused, but whoever waits for it gets it.
            leases.retain(|_| held.next().unwrap_or(false));
        }
        work.await
    }

    /// Stores what a fill has brought for the others, if it may; whether it is refused, so that it
    /// must not be kept anywhere.
    pub(crate) async fn share(
        &self,
        hash: u64,
        text: &Arc<str>,
        permit: Permit,
        encoded: &Encoded,
    ) -> bool {
        let (Permit::Leased(lease), Some(shared)) = (permit, self.shared()) else { return false };
        let id = self.id(text);
        let Some((value, term)) = self.shareable(encoded, &lease) else {
            shared.release(id, &lease, true).await;
            shared.overtake(hash, lease.turn);
            return false;
        };
        shared.store(hash, id, &lease, &value, term).await == Shelved::Refused
    }

    /// Gives back a lease whose fill has failed.
    pub(crate) async fn give_back(&self, text: &Arc<str>, permit: Permit) {
        if let (Permit::Leased(lease), Some(shared)) = (permit, self.shared()) {
            shared.release(self.id(text), &lease, false).await;
        }
    }

    /// The value as it is stored, and for how long; `None` if it cannot be shared.
    fn shareable(&self, encoded: &Encoded, lease: &Lease) -> Option<(Vec<u8>, Duration)> {
        let Encoded::Stored(stored) = encoded else { return None };
        if stored.payload.len() > MAX_PAYLOAD_BYTES {
            return None;
        }
        let (as_of, seq, epoch) = (lease.position, lease.turn, lease.epoch);
        let stored = StoredEntry { as_of, seq, epoch, ..(**stored).clone() };
        let packed = match stored.compress {
            true => Packed::lz4(&stored.payload),
            false => Packed::plain(&stored.payload),
        };
        let life = self.core.namespace.rules().lifetime(Life::of_stored(&stored, false));
        let mut value = Vec::with_capacity(packed.bytes.len() + 256);
        envelope::put_entry(&stored, &packed, &mut value);
        let fits = value.len() <= MAX_SHARED_BYTES && !life.hard.is_zero();
        fits.then(|| (value, life.hard.min(MAX_TERM)))
    }

    /// Tells the other nodes of a value that was put in here, and gives it to them if it can be.
    pub(crate) async fn share_insert(&self, put: &Put) {
        let Put { hash, text, encoded, stamp, .. } = put;
        let (hash, stamp) = (*hash, *stamp);
        let Some(tier) = &self.engine.shared else { return };
        if let (Some(shared), Encoded::Stored(_)) = (self.shared(), encoded)
            && let Leased::Lease(lease) = shared.lease(self.id(text), None, true).await
            && let Some((value, term)) = self.shareable(encoded, &lease)
        {
            let id = self.id(text);
            let put = shared.put(hash, id, &lease, (&value, term), stamp).await;
            if put == Shelved::Kept {
                return;
            }
            let is_superseded = put == Shelved::Superseded
                || (put == Shelved::Refused && shared.has_later(id, &lease).await);
            if is_superseded {
                // Another node's came in between, and is the newer one. Whether that node has told
                // the others, or lives to do so, is not known.
                self.forget_here(hash, text);
                if put == Shelved::Superseded {
                    shared.believe_successor(hash, stamp);
                }
                tier.announce(self.notice_of(text)).await;
                return;
            }
        }
        tier.tell(self.notice_of(text)).await;
    }

    fn notice_of(&self, text: &Arc<str>) -> Notice {
        let namespace = Arc::clone(&self.core.namespace.name);
        let about = About::Key { namespace, key: Arc::clone(text) };
        Notice { about, effect: Effect::Invalidate }
    }

    /// Forgets a key on this node alone.
    pub(crate) fn forget_here(&self, hash: u64, text: &Arc<str>) {
        let namespace = Arc::clone(&self.core.namespace);
        let name = Arc::clone(&namespace.name);
        let place = Place { hash, namespace };
        drop(self.engine.outdate_here(Some(&place), &name, text, Effect::Invalidate));
    }
}

/// What tells a value from another.
fn tag_of(value: &[u8]) -> Option<Tag> {
    value.first_chunk().copied()
}
