//! What is on its way to the disk: the writer's queue, and what readers must know of it.
//!
//! Work is put in under the flight-shard mutex of its key, so for each key the queue has the
//! order in which memory changed. Readers look here before they look at the index, so a value, an
//! expiry or a removal counts for them from the moment it is put in: no reader can find on disk
//! what memory has already left behind.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::{Ack, Op};
use crate::envelope::StoredEntry;
use crate::error::{Error, ErrorKind};
use crate::key::Identity;

/// Work on its way, at most, in bytes; beyond it values are not kept on disk.
const MAX_BYTES: usize = 32 << 20;
/// Beyond this the tier is given up for lost up to here: nothing that it holds is believed, and
/// once the device answers again, that is written down as one ban of everything.
const MAX_BEHIND_BYTES: usize = 2 * MAX_BYTES;
/// How long the writer waits for work at most.
const QUIET: Duration = Duration::from_secs(1);
/// The most work that the writer takes at once.
const MAX_BATCH: usize = 1024;
/// What an operation takes beside its payload, roughly.
const OVERHEAD_BYTES: usize = 256;

/// An operation on its way.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) hash: u64,
    pub(super) op: Op,
    pub(super) done: oneshot::Sender<Result<(), Error>>,
}

/// What readers must know of a key whose work is not yet in the index.
#[derive(Debug, Clone)]
pub(super) enum Pending {
    Put(Arc<StoredEntry>),
    Removed { seq: u64 },
    Expired { seq: u64, at_ms: u64 },
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Work>,
    pending: HashMap<u64, Pending, Identity>,
    bytes: usize,
    /// Nothing up to this position is believed.
    floor: u64,
    /// Whether the writer has yet to write the floor down.
    floor_is_new: bool,
    closed: bool,
}

/// What a reader must know before it looks at the index.
#[derive(Debug)]
pub(super) enum Known {
    /// The tier is closed, or holds nothing that can be believed under this key.
    Nothing,
    /// This entry is on its way.
    Entry(Arc<StoredEntry>),
    /// Look; what lies at or below `floor` counts for nothing, and what is found is fresh until
    /// `expired_at_ms` at the latest.
    Look { floor: u64, expired_at_ms: Option<u64> },
}

/// What the writer is to do.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) work: Vec<Work>,
    /// A new floor to be written down.
    pub(super) floor: Option<u64>,
}

#[derive(Debug)]
pub(super) struct Inbox {
    state: Mutex<State>,
    arrived: Condvar,
    /// Payloads that were let go, since there was too much already.
    overflows: AtomicU64,
}

impl Pending {
    fn seq(&self) -> u64 {
        match self {
            Pending::Put(entry) => entry.seq,
            Pending::Removed { seq } | Pending::Expired { seq, .. } => *seq,
        }
    }
}

impl Inbox {
    pub(super) fn new() -> Self {
        Self { state: Mutex::default(), arrived: Condvar::new(), overflows: AtomicU64::new(0) }
    }

    pub(super) fn overflows(&self) -> u64 {
        self.overflows.load(Ordering::Relaxed)
    }

    /// Takes work in. When there is too much already, the payload of a put is let go and what the
    /// disk has under its key is removed instead, so that nothing older comes back; when there is
    /// too much of that as well, the tier forgets everything.
    pub(super) fn put(&self, hash: u64, op: Op) -> Ack {
        let mut state = self.state.lock();
        if state.closed {
            return Ack::failed(Error::new(ErrorKind::Closed, "the disk tier is closed"));
        }
        if state.bytes > MAX_BEHIND_BYTES {
            self.overflows.fetch_add(1, Ordering::Relaxed);
            state.raise_floor(op.seq());
            let message = "disk tier: too far behind to record anything";
            return Ack::failed(Error::new(ErrorKind::Storage, message));
        }
        let mut op = state.consider_pending(hash, op);
        if state.bytes + op.bytes() > MAX_BYTES
            && let Op::Put(entry) = op
        {
            self.overflows.fetch_add(1, Ordering::Relaxed);
            op = Op::Remove {
                namespace: Arc::clone(&entry.namespace),
                key: Arc::clone(&entry.key),
                seq: entry.seq,
            };
        }
        match &op {
            Op::Put(entry) => drop(state.pending.insert(hash, Pending::Put(Arc::clone(entry)))),
            Op::Remove { seq, .. } => {
                state.pending.insert(hash, Pending::Removed { seq: *seq });
            }
            Op::Expire { seq, at_ms, .. } => {
                state.pending.insert(hash, Pending::Expired { seq: *seq, at_ms: *at_ms });
            }
            Op::Ban(_) => {}
        }
        state.bytes += op.bytes();
        let (done, ack) = oneshot::channel();
        state.queue.push_back(Work { hash, op, done });
        drop(state);
        self.arrived.notify_one();
        Ack::pending(ack)
    }

    /// What a reader must know of a key before it looks at the index.
    pub(super) fn known(&self, hash: u64) -> Known {
        let state = self.state.lock();
        let floor = state.floor;
        let pending = state.pending.get(&hash).filter(|pending| pending.seq() > floor);
        match pending {
            _ if state.closed => Known::Nothing,
            Some(Pending::Put(entry)) => Known::Entry(Arc::clone(entry)),
            Some(Pending::Removed { .. }) => Known::Nothing,
            Some(Pending::Expired { at_ms, .. }) => {
                Known::Look { floor, expired_at_ms: Some(*at_ms) }
            }
            None => Known::Look { floor, expired_at_ms: None },
        }
    }

    /// Nothing up to `position` is believed any more.
    pub(super) fn raise_floor(&self, position: u64) {
        self.state.lock().raise_floor(position);
    }

    /// The floor, which the writer could not write down.
    pub(super) fn floor_is_owed(&self) {
        self.state.lock().floor_is_new = true;
    }

    /// The position up to which nothing is believed.
    pub(super) fn floor(&self) -> u64 {
        self.state.lock().floor
    }

    /// The next batch; waits for one, but not for long, so that the writer can also do what is
    /// due in quiet times (the batch is empty then). `None` when closed and empty.
    pub(super) fn take(&self) -> Option<Batch> {
        let mut state = self.state.lock();
        if state.queue.is_empty() && !state.closed {
            self.arrived.wait_for(&mut state, QUIET);
        }
        if state.queue.is_empty() && state.closed {
            return None;
        }
        let count = state.queue.len().min(MAX_BATCH);
        let work: Vec<_> = state.queue.drain(..count).collect();
        state.bytes -= work.iter().map(|work| work.op.bytes()).sum::<usize>();
        let floor = state.new_floor();
        Some(Batch { work, floor })
    }

    /// The floor, if it has yet to be written down.
    pub(super) fn new_floor(&self) -> Option<u64> {
        self.state.lock().new_floor()
    }

    /// The index knows of this work now (or the work has failed): readers need not any more,
    /// unless there is newer work.
    pub(super) fn settle(&self, settled: impl Iterator<Item = (u64, u64)>) {
        let mut state = self.state.lock();
        for (hash, seq) in settled {
            if state.pending.get(&hash).is_some_and(|pending| pending.seq() == seq) {
                state.pending.remove(&hash);
            }
        }
    }

    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.arrived.notify_one();
    }
}

impl State {
    fn raise_floor(&mut self, position: u64) {
        self.floor = self.floor.max(position);
        self.floor_is_new = true;
    }

    fn new_floor(&mut self) -> Option<u64> {
        std::mem::take(&mut self.floor_is_new).then_some(self.floor)
    }

    /// An expiry of what is itself on its way becomes part of it; the writer must then not look
    /// for it on disk.
    fn consider_pending(&self, hash: u64, op: Op) -> Op {
        let Op::Expire { namespace, key, seq, at_ms } = op else { return op };
        match self.pending.get(&hash) {
            Some(Pending::Put(entry)) if entry.is(&namespace, &key) => {
                let mut entry = (**entry).clone();
                entry.expire(at_ms);
                entry.seq = seq;
                Op::Put(Arc::new(entry))
            }
            // Another key of the same hash: at most one of them is kept.
            Some(Pending::Put(_) | Pending::Removed { .. }) => Op::Remove { namespace, key, seq },
            Some(Pending::Expired { at_ms: before, .. }) => {
                Op::Expire { namespace, key, seq, at_ms: at_ms.min(*before) }
            }
            None => Op::Expire { namespace, key, seq, at_ms },
        }
    }
}

impl Op {
    fn seq(&self) -> u64 {
        match self {
            Op::Put(entry) => entry.seq,
            Op::Remove { seq, .. } | Op::Expire { seq, .. } => *seq,
            Op::Ban(ban) => ban.position,
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Op::Put(entry) => {
                let tags: usize = entry.tags.iter().map(|tag| tag.len() + OVERHEAD_BYTES / 8).sum();
                entry.payload.len() + entry.key.len() + tags + 2 * OVERHEAD_BYTES
            }
            Op::Remove { key, .. } | Op::Expire { key, .. } => key.len() + OVERHEAD_BYTES,
            Op::Ban(_) => OVERHEAD_BYTES,
        }
    }
}
