//! What is on its way to the disk: the writer's queue, and what readers must know of it.
//!
//! Work is put in under the flight-shard mutex of its key, so for each key the queue has the
//! order in which memory changed. Readers look here before they look at the index, so a value, an
//! expiry or a removal counts for them from the moment it is put in: no reader can find on disk
//! what memory has already left behind.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::{Ack, Op};
use crate::envelope::StoredEntry;
use crate::error::Error;
use crate::key::Identity;

/// Payloads on their way, at most, in bytes; beyond it they are not kept on disk.
const MAX_BYTES: usize = 32 << 20;
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
    closed: bool,
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
    /// disk has under its key is removed instead, so that nothing older comes back.
    pub(super) fn put(&self, hash: u64, op: Op) -> Ack {
        let mut state = self.state.lock();
        if state.closed {
            return Ack::failed(Error::new(crate::ErrorKind::Closed, "the disk tier is closed"));
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
    pub(super) fn pending(&self, hash: u64) -> Option<Pending> {
        self.state.lock().pending.get(&hash).cloned()
    }

    /// The next batch; waits for one. `None` when closed and empty.
    pub(super) fn take(&self) -> Option<Vec<Work>> {
        let mut state = self.state.lock();
        while state.queue.is_empty() {
            if state.closed {
                return None;
            }
            self.arrived.wait(&mut state);
        }
        let count = state.queue.len().min(MAX_BATCH);
        let batch: Vec<_> = state.queue.drain(..count).collect();
        state.bytes -= batch.iter().map(|work| work.op.bytes()).sum::<usize>();
        Some(batch)
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
    fn bytes(&self) -> usize {
        match self {
            Op::Put(entry) => entry.payload.len() + entry.key.len() + OVERHEAD_BYTES,
            Op::Remove { key, .. } | Op::Expire { key, .. } => key.len() + OVERHEAD_BYTES,
            Op::Ban(_) => OVERHEAD_BYTES,
        }
    }
}
