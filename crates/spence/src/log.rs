//! Positions in the node's invalidation log: one counter that orders everything that matters.
//!
//! Records, tombstones, bans and the `as_of` of entries are positions of this one log, so that
//! "did the origin read begin before the invalidation?" is a comparison of two numbers.
//! With a disk the counter continues where the last process stopped.

use crate::sync::{AtomicU64, Ordering};

/// The node's counter of positions.
#[derive(Debug)]
pub(crate) struct Log {
    last: AtomicU64,
}

impl Log {
    /// A log whose last position is `last`.
    pub(crate) fn after(last: u64) -> Self {
        Self { last: AtomicU64::new(last) }
    }

    /// The last position given out. What begins now has this `as_of`.
    pub(crate) fn current(&self) -> u64 {
        self.last.load(Ordering::SeqCst)
    }

    /// A new position, higher than all before.
    pub(crate) fn next(&self) -> u64 {
        self.last.fetch_add(1, Ordering::SeqCst) + 1
    }
}
