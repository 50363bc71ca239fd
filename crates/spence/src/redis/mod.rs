//! The shared tier: a Redis or Valkey server that several nodes have in common.
//!
//! `keeper.rs` connects, finds out what has been missed, and pays what is owed before the link is
//! used; `link.rs` is what is asked over it; `tell.rs` invalidates for every node; `stream.rs` reads
//! what others have invalidated; `belief.rs` decides what of all that is believed. The protocol and
//! why it holds: docs/protocol.md; operation: docs/redis.md.

mod address;
mod belief;
mod fit;
mod gather;
mod home;
mod join;
mod journal;
mod keeper;
mod lease;
mod link;
mod names;
mod notice;
mod number;
mod owed;
mod place;
mod script;
mod settings;
mod shadow;
mod stream;
mod tell;
mod url;
mod waits;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use tokio::sync::Notify;

use address::Address;
use belief::Belief;
use journal::Journal;
use link::Link;
use names::Names;
use owed::Owed;
use place::{Place, PlaceFile};
use shadow::Shadow;
use stream::Cursor;
use waits::Waits;
use wire::Failure;

use crate::ban::{Verdict, What};
use crate::clock::Clock;
use crate::engine::Engine;
use crate::envelope::StoredEntry;
use crate::error::Error;
use crate::outcome::Scope;
use crate::spawn::Spawner;
use crate::stats::RedisStats;
use crate::sync::{AtomicBool, AtomicU64, Mutex, Ordering, RwLock};

pub(crate) use home::Home;
pub(crate) use journal::journal_bytes;
pub(crate) use lease::{Leased, Shelved};
pub(crate) use link::{Id, Lease};
pub(crate) use notice::{About, Notice};
pub use script::redis_scripts;
pub use settings::Redis;

/// How long an engine waits for the tier when it is built.
const SETTLE_IN: Duration = Duration::from_secs(1);

/// A value is told from another by these first bytes, which are its checksum.
pub(crate) type Tag = [u8; 8];

/// The shared tier as this node has it.
pub(crate) struct Shared {
    settings: Redis,
    address: Address,
    names: Arc<Names>,
    clock: Clock,
    spawner: Arc<dyn Spawner>,
    /// Who this is, among the nodes.
    node: String,
    tokens: AtomicU64,
    /// Who waits for what other nodes are filling.
    waits: Mutex<Waits>,
    /// `None` while the server is away, or not to be believed.
    link: ArcSwapOption<Link>,
    belief: RwLock<Belief>,
    owed: Mutex<Owed>,
    /// What is owed, on disk; `None` without a disk tier.
    journal: Option<Arc<Mutex<Journal>>>,
    place: Option<PlaceFile>,
    /// What was read may not be on disk, so that no place can be kept.
    place_is_void: AtomicBool,
    /// Where an earlier process stopped reading.
    left: Option<Place>,
    /// The newest record that this node has read or made.
    newest: Mutex<Cursor>,
    /// Which server the link was last to.
    identity: Mutex<String>,
    /// Why the tier is away.
    away: Mutex<Option<String>>,
    /// Why the server has refused something since it last took a value.
    refused: Mutex<Option<String>>,
    /// Calls that were not answered, or refused.
    errors: AtomicU64,
    /// How the link that was in use has failed, until the keeper has seen it.
    failed: Mutex<Option<Failure>>,
    /// Hits that were compared with what is there.
    pub(crate) shadow: Shadow,
    /// A call has failed.
    disturbed: Notify,
    /// Nothing is owed any more.
    opened: Notify,
    /// Connecting has succeeded or failed.
    tried: Notify,
}

/// What is under a key.
pub(crate) enum Looked {
    Value(Option<Bytes>),
    Away,
}

/// How far a notice reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    Acknowledged,
    Owed {
        /// Whether that survives the end of this process.
        durable: bool,
    },
}

impl Told {
    pub(crate) fn scope(self) -> Scope {
        match self {
            Told::Acknowledged => Scope::Cluster,
            Told::Owed { durable } => Scope::Queued { durable },
        }
    }
}

impl Shared {
    /// Nothing is connected yet.
    pub(crate) fn new(
        settings: Redis,
        clock: Clock,
        spawner: Arc<dyn Spawner>,
    ) -> Result<Self, Error> {
        let away = Mutex::new(Some("not connected yet".to_owned()));
        Ok(Self {
            address: settings.address()?,
            names: Arc::new(settings.names()),
            settings,
            clock,
            spawner,
            node: format!("{:016x}", crate::key::random_seed()),
            tokens: AtomicU64::new(0),
            waits: Mutex::default(),
            link: ArcSwapOption::empty(),
            belief: RwLock::default(),
            owed: Mutex::default(),
            journal: None,
            place: None,
            place_is_void: AtomicBool::new(false),
            left: None,
            newest: Mutex::default(),
            identity: Mutex::default(),
            away,
            refused: Mutex::default(),
            errors: AtomicU64::new(0),
            shadow: Shadow::default(),
            failed: Mutex::default(),
            disturbed: Notify::new(),
            opened: Notify::new(),
            tried: Notify::new(),
        })
    }

    /// The value under a key.
    pub(crate) async fn look_at(&self, id: Id<'_>) -> Looked {
        let Some(link) = self.link.load_full() else { return Looked::Away };
        match link.get(id).await {
            Ok(value) => Looked::Value(value),
            Err(failure) => {
                self.fail(&link, failure);
                Looked::Away
            }
        }
    }

    /// The values under some keys, by one call; `None` if the tier is away.
    pub(crate) async fn look(&self, ids: &[Id<'_>]) -> Option<Vec<Option<Bytes>>> {
        let link = self.link.load_full()?;
        match link.get_many(ids).await {
            Ok(values) => Some(values).filter(|values| values.len() == ids.len()),
            Err(failure) => {
                self.fail(&link, failure);
                None
            }
        }
    }

    /// What is to be thought of a value that was found under the key of this hash.
    pub(crate) fn verdict(&self, hash: u64, entry: &StoredEntry) -> Verdict {
        self.belief.read().verdict(hash, entry)
    }

    /// The ban that keeps what was found from being believed.
    pub(crate) fn killer(&self, entry: &StoredEntry) -> Option<What> {
        self.belief.read().killer(entry)
    }

    /// A call has failed: unless the server only refused it, the link is used no more until the
    /// keeper has looked after it.
    fn fail(&self, link: &Arc<Link>, failure: Failure) {
        self.errors.fetch_add(1, Ordering::Relaxed);
        let why = match &failure {
            Failure::Away(why) | Failure::Unfit(why) => why,
            Failure::Full => return self.refuse("it has no memory left for values"),
            Failure::Refused(why) => return self.refuse(why),
        };
        let owed = self.owed.lock();
        if self.link.load().as_ref().is_some_and(|current| Arc::ptr_eq(current, link)) {
            self.link.store(None);
            self.note_away(why);
            *self.failed.lock() = Some(failure);
            self.disturbed.notify_one();
        }
        drop(owed);
    }

    /// The server answers, but not as it should.
    fn refuse(&self, why: &str) {
        let mut refused = self.refused.lock();
        if refused.as_deref() != Some(why) {
            tracing::warn!(why, "redis tier: refused");
            *refused = Some(why.to_owned());
        }
    }

    /// The server has taken a value.
    fn accept(&self) {
        if self.refused.lock().take().is_some() {
            tracing::info!("redis tier: takes values again");
        }
    }

    /// Waits until the tier is there, or is known not to be.
    pub(crate) async fn settle_in(&self) {
        let tried = self.tried.notified();
        // Whether it is or not, the engine can serve.
        let _: Option<()> = self.clock.timeout(SETTLE_IN, tried).await;
    }

    /// Puts a link in use. Only while nothing is owed, and the lock on that is held.
    fn open(&self, link: &Arc<Link>) {
        if self.away.lock().take().is_some() {
            tracing::info!("redis tier: connected");
        }
        self.link.store(Some(Arc::clone(link)));
        self.opened.notify_waiters();
        self.tried.notify_one();
    }

    /// The tier is away.
    fn close(&self, why: &str) {
        self.link.store(None);
        *self.failed.lock() = None;
        self.note_away(why);
        self.tried.notify_one();
    }

    /// Each reason is logged once.
    fn note_away(&self, why: &str) {
        let why = format!("{}: {why}", self.settings.place());
        let mut away = self.away.lock();
        if away.as_ref() != Some(&why) {
            tracing::warn!(why, "redis tier: away");
        }
        *away = Some(why);
    }

    /// Starts to connect, and to keep the connection for as long as the engine lives.
    pub(crate) fn keep(self: &Arc<Self>, engine: &Arc<Engine>) {
        let keeping = keeper::keep(Arc::clone(self), Arc::downgrade(engine));
        self.spawner.spawn(Box::pin(keeping));
    }

    /// A hit whose place in a count has none of these bits is compared with what is there.
    pub(crate) fn shadow_mask(&self) -> u64 {
        shadow::mask_of(self.settings.shadow)
    }

    /// How far this node may be behind the others.
    pub(crate) fn max_lag(&self) -> Duration {
        self.settings.max_lag
    }

    /// The figures of this moment, but for `verified`.
    pub(crate) fn stats(&self) -> RedisStats {
        // One lock at a time: others take them in another order.
        let away = self.away.lock().clone();
        let refused = self.refused.lock().clone();
        let queued = self.owed.lock().len() as u64;
        RedisStats {
            away,
            refused,
            verified: false,
            queued,
            errors: self.errors.load(Ordering::Relaxed),
            shadow_checked: self.shadow.checked(),
            shadow_differed: self.shadow.differed(),
        }
    }
}
