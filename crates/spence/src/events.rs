//! What happens in the engine, told to whoever listens.
//!
//! Bounded and lossy: a listener that is too slow misses events and is told how many. Without a
//! listener nothing is made or sent. Keys are told as hashes, so that events can be shown.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::clock::Clock;
use crate::outcome::{MissCause, Source};

/// Events that a listener may be behind.
const CAPACITY: usize = 1024;

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Event {
    /// When, in milliseconds of Unix time.
    pub at_ms: u64,
    /// The cache, if it concerns one.
    pub cache: Option<Arc<str>>,
    /// The key's hash, if it concerns one; the same key has the same hash in every process.
    pub key_hash: Option<u64>,
    /// What.
    pub what: Happening,
}

/// What can happen. Hits in memory are too many to be told.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Happening {
    /// A fresh answer from below memory.
    Hit {
        /// The tier.
        source: Source,
    },
    /// No tier had a fresh answer.
    Miss {
        /// Why.
        cause: MissCause,
    },
    /// A stale value was served.
    StaleServed,
    /// A fill was started.
    FillStarted,
    /// A fill brought a value, or "nothing there".
    FillFinished {
        /// How long it took.
        took: Duration,
    },
    /// A fill failed.
    FillFailed {
        /// Why.
        error: String,
    },
    /// What a fill brought was not kept: an invalidation had passed it.
    InstallRefused,
    /// A key was invalidated.
    Invalidated,
    /// A key's freshness was ended.
    Expired,
    /// Many keys were invalidated or expired at once.
    Banned {
        /// Which, as in `tag AAPL`.
        target: String,
    },
    /// Other policies came into force.
    PoliciesSwapped,
    /// The listener was too slow and has missed so many.
    Missed {
        /// How many.
        events: u64,
    },
}

impl Happening {
    /// One hyphenated word, as used in JSON.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Happening::Hit { .. } => "hit",
            Happening::Miss { .. } => "miss",
            Happening::StaleServed => "stale-served",
            Happening::FillStarted => "fill-started",
            Happening::FillFinished { .. } => "fill-finished",
            Happening::FillFailed { .. } => "fill-failed",
            Happening::InstallRefused => "install-refused",
            Happening::Invalidated => "invalidated",
            Happening::Expired => "expired",
            Happening::Banned { .. } => "banned",
            Happening::PoliciesSwapped => "policies-swapped",
            Happening::Missed { .. } => "missed",
        }
    }
}

/// Where events are told.
#[derive(Debug)]
pub(crate) struct Events {
    clock: Clock,
    sender: broadcast::Sender<Event>,
}

impl Events {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, sender: broadcast::Sender::new(CAPACITY) }
    }

    /// Whether anybody listens.
    pub(crate) fn heard(&self) -> bool {
        self.sender.receiver_count() > 0
    }

    /// Tells what happened to a cache's key.
    pub(crate) fn tell(&self, about: Option<(&Arc<str>, Option<&str>)>, what: Happening) {
        if !self.heard() {
            return;
        }
        let at_ms = self.clock.unix_ms();
        let cache = about.map(|(cache, _)| Arc::clone(cache));
        let key_hash = about.and_then(|(_, key)| key).map(hash_of);
        // Nobody may be listening any more.
        drop(self.sender.send(Event { at_ms, cache, key_hash, what }));
    }

    pub(crate) fn listen(&self) -> Listener {
        Listener { clock: self.clock.clone(), receiver: self.sender.subscribe() }
    }
}

/// The hash by which keys are told.
pub(crate) fn hash_of(key: &str) -> u64 {
    twox_hash::XxHash3_64::oneshot(key.as_bytes())
}

/// Hears what happens from when it was made on.
#[derive(Debug)]
pub struct Listener {
    clock: Clock,
    receiver: broadcast::Receiver<Event>,
}

impl Listener {
    /// The next event, or how many were missed; `None` when the engine is gone. May be dropped at
    /// any time.
    pub async fn next(&mut self) -> Option<Event> {
        match self.receiver.recv().await {
            Ok(event) => Some(event),
            Err(RecvError::Closed) => None,
            Err(RecvError::Lagged(events)) => Some(Event {
                at_ms: self.clock.unix_ms(),
                cache: None,
                key_hash: None,
                what: Happening::Missed { events },
            }),
        }
    }
}
