//! Which stripe of the counters a thread writes to. As long as there are any left it is one of the
//! thread's own, which it can add to without a locked instruction; all others share one.

use std::cell::Cell;

use parking_lot::Mutex;

/// Stripes that a thread may have to itself, beside the shared one.
const OWN: usize = 31;
pub(crate) const STRIPES: usize = OWN + 1;
/// The stripe of all threads without one of their own.
const SHARED: usize = 0;
const UNDECIDED: usize = usize::MAX;

/// Stripes that nobody has: those given back, then those from `next` on.
struct Free {
    given_back: Vec<usize>,
    next: usize,
}

static FREE: Mutex<Free> = Mutex::new(Free { given_back: Vec::new(), next: SHARED + 1 });

/// A thread's claim; given back when the thread ends, to one that sees all that was written.
struct Claim(usize);

impl Claim {
    fn new() -> Self {
        let mut free = FREE.lock();
        if let Some(stripe) = free.given_back.pop() {
            return Self(stripe);
        }
        let next = free.next;
        if next < STRIPES {
            free.next += 1;
            Self(next)
        } else {
            Self(SHARED)
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        MINE.set(SHARED);
        if self.0 != SHARED {
            FREE.lock().given_back.push(self.0);
        }
    }
}

thread_local! {
    static MINE: Cell<usize> = const { Cell::new(UNDECIDED) };
    static CLAIM: Claim = Claim::new();
}

/// Where this thread counts: the stripe, and whether no other thread writes to it.
#[inline]
pub(crate) fn mine() -> (usize, bool) {
    // Under a schedule test many threads are one to the system.
    if cfg!(feature = "shuttle") {
        return (SHARED, false);
    }
    let mine = match MINE.get() {
        UNDECIDED => claim(),
        mine => mine,
    };
    (mine, mine != SHARED)
}

#[cold]
fn claim() -> usize {
    // A thread that is ending has none.
    let mine = CLAIM.try_with(|claim| claim.0).unwrap_or(SHARED);
    MINE.set(mine);
    mine
}

#[cfg(all(test, not(feature = "shuttle")))]
mod tests {
    use super::*;

    #[test]
    fn no_two_threads_have_the_same_stripe_at_a_time() {
        for _ in 0..3 {
            let barrier = std::sync::Barrier::new(2 * STRIPES);
            let mut claimed: Vec<usize> = std::thread::scope(|scope| {
                let claims = || {
                    let (stripe, own) = mine();
                    barrier.wait();
                    own.then_some(stripe)
                };
                let threads: Vec<_> = (0..2 * STRIPES).map(|_| scope.spawn(claims)).collect();
                threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
            });
            let all = claimed.len();
            claimed.sort_unstable();
            claimed.dedup();
            assert_eq!(claimed.len(), all);
            // Some belong to other tests' threads.
            assert!(all <= OWN && all > 0, "{all}");
        }
    }
}
