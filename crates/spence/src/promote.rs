//! The way back up: what a tier below memory holds comes into those above it.

use crate::cache::Cache;
use crate::codec::mark;
use crate::entry::{Birth, Content, Standing, detail_of};
use crate::envelope::StoredEntry;
use crate::flight::{Admission, Mark};
use crate::install::{Keep, jitter_seed};
use crate::key::Key;
use crate::lookup::Held;
use crate::outcome::{MissCause, Source};

/// What a tier below memory holds.
pub(crate) enum Found {
    OnDisk(StoredEntry),
    Shared(StoredEntry, Lift),
}

/// A value that comes up from the shared tier.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lift {
    pub(crate) mark: Mark,
    /// What this node had shown last before the shared tier was asked. If it has shown another
    /// since, nobody knows which of the two is the older, and the first to come stays.
    pub(crate) shown: Mark,
}

impl<K: Key, V: Send + Sync + 'static> Cache<K, V> {
    /// Brings what a lower tier holds into those above it, unless something has passed it.
    pub(crate) fn promote(
        &self,
        hash: u64,
        key: &K,
        found: Found,
    ) -> Result<Held<K, V>, MissCause> {
        let (engine, namespace) = (&self.engine, &self.core.namespace);
        let (mut stored, source, lift) = match found {
            Found::OnDisk(stored) => (stored, Source::Disk, None),
            Found::Shared(stored, lift) => (stored, Source::Redis, Some(lift)),
        };
        let codec = self.core.codec.as_deref().ok_or(MissCause::Schema)?;
        if stored.fingerprint != namespace.fingerprint || stored.codec != mark(codec) {
            return Err(MissCause::Schema);
        }
        let keep = lift.map_or(Keep::Promoted, |lift| {
            Keep::Lifted(lift, engine.disk.is_present().then(|| stored.clone().into()))
        });
        let content = match stored.negative {
            true => Content::Nothing,
            false => {
                let payload = std::mem::take(&mut stored.payload);
                Content::Value(codec.decode(payload).ok_or(MissCause::Schema)?)
            }
        };
        let now = engine.clock.ticks();
        // Born in the future: nobody can say how old it is, so it is not fresh.
        let (born, unbelievable) =
            engine.tick_of(stored.born_ms).map_or((now, true), |born| (born, false));
        let expired_at = stored.expired_at_ms.map(|at| engine.tick_of(at).unwrap_or(now));
        let may_be_lost = stored.seq <= engine.disk.unverified_until();
        let birth = Birth {
            as_of: stored.as_of,
            born,
            expired: if unbelievable { Some(born) } else { expired_at },
            fetch_micros: stored.fetch_micros,
            seed: jitter_seed(&stored.key),
            unverified: source == Source::Disk && may_be_lost,
        };
        let entry = self.entry(key, content, birth, detail_of(&mut stored));
        match self.install(hash, &stored.key, &entry, keep, None) {
            Admission::Passed { .. } => return Err(MissCause::Banned),
            Admission::Granted { .. } => {}
            Admission::Overtaken => {
                // Others have been shown what is held now, which may be older: so is this one.
                if lift.is_some()
                    && let held @ Held::Fresh(..) = self.in_memory(hash, key)
                {
                    return Ok(held);
                }
                // By another reader who has come later: this one gets what it found all the same.
                engine.examine(&entry.head, entry.is_negative(), namespace.world());
            }
        }
        match engine.standing(&*entry) {
            Standing::Fresh => Ok(Held::Fresh(entry, source)),
            Standing::Stale => Ok(Held::Stale(entry, source)),
            Standing::Gone => Err(MissCause::Expired),
        }
    }
}
