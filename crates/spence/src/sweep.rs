//! Taking dead entries out of memory after a ban. They are not served in any case: this is only to
//! give their room back.

use std::sync::Arc;

use crate::ban::Verdict;
use crate::clock::Ticks;
use crate::engine::Engine;
use crate::entry::Slot;
use crate::sync::{AtomicBool, AtomicU32, Ordering, yield_now};

/// Time from the beginning of a sweep to that of the next, one second: a steady stream of bans must
/// not keep a thread busy with looking at everything.
const PAUSE: Ticks = 64;
/// Dead entries that are kept alive at most between being found and being removed.
const BATCH: usize = 256;

/// Sweeps under way and to come.
#[derive(Debug, Default)]
pub(crate) struct Sweeps {
    owed: AtomicBool,
    running: AtomicBool,
    /// When the last one began.
    began: AtomicU32,
}

impl Engine {
    /// Has dead entries taken out, off the async threads: at once, or soon if that was done a
    /// moment ago.
    pub(crate) fn sweep(self: &Arc<Self>) {
        self.sweeps.owed.store(true, Ordering::SeqCst);
        self.sweep_if_due();
    }

    /// Begins a sweep if one is owed and none is running; whoever keeps the time asks each second.
    pub(crate) fn sweep_if_due(self: &Arc<Self>) {
        let sweeps = &self.sweeps;
        let now = self.clock.ticks();
        // A clock that is moved by hand may stand still for ever.
        let rests = self.clock.is_the_systems()
            && now < sweeps.began.load(Ordering::Relaxed).saturating_add(PAUSE);
        if rests
            || !sweeps.owed.load(Ordering::SeqCst)
            || sweeps.running.swap(true, Ordering::SeqCst)
        {
            return;
        }
        sweeps.began.store(now, Ordering::Relaxed);
        let engine = Arc::clone(self);
        self.spawner.spawn_blocking(Box::new(move || {
            engine.sweeps.owed.store(false, Ordering::SeqCst);
            engine.sweep_once();
            engine.sweeps.running.store(false, Ordering::SeqCst);
            engine.sweep_if_due();
        }));
    }

    fn sweep_once(&self) {
        let mut dead = Vec::new();
        self.memory.visit(&mut |_, hash, slot| {
            if let Verdict::Dead { .. } = self.verdict(&**slot) {
                dead.push((hash, Arc::clone(slot)));
            }
            if dead.len() >= BATCH {
                remove(&mut dead);
            }
        });
        remove(&mut dead);
    }

    /// Waits, though not for ever, until no sweep changes what a test is about to compare.
    pub(crate) fn await_sweep(&self) {
        let mut turns = 0;
        // One that is owed begins when the one that runs has ended.
        let comes = || self.sweeps.owed.load(Ordering::SeqCst);
        while (self.sweeps.running.load(Ordering::SeqCst) || comes()) && turns < 100_000 {
            yield_now();
            turns += 1;
        }
    }
}

fn remove(dead: &mut Vec<(u64, Slot)>) {
    for (hash, slot) in dead.drain(..) {
        drop(slot.head().namespace.memory.remove_exactly(hash, &slot));
    }
}
