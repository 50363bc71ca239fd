//! The bans of one thing: its latest invalidation, and its latest expiries.

use super::{Effect, Verdict};

/// Expiries of one thing that are told apart. An entry is examined when it is read, which may be
/// after several of them; its freshness ended with the first that came after it.
const EXPIRIES: usize = 4;

/// Position 0 is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Cover {
    pub(super) invalidated: u64,
    /// By position, none first.
    expiries: [Expiry; EXPIRIES],
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Expiry {
    position: u64,
    at_ms: u64,
}

impl Cover {
    pub(super) fn add(&mut self, position: u64, effect: Effect) {
        let at_ms = match effect {
            Effect::Invalidate => {
                self.invalidated = self.invalidated.max(position);
                return;
            }
            Effect::Expire { at_ms } => at_ms,
        };
        if self.expiries.iter().any(|known| known.position == position) {
            return;
        }
        let [first, second, third, fourth] = self.expiries;
        let mut all = [first, second, third, fourth, Expiry { position, at_ms }];
        all.sort_unstable_by_key(|expiry| expiry.position);
        let [mut oldest, mut next, rest @ ..] = all;
        if oldest.position > 0 {
            // The two oldest become one, by which an entry rather expires too early.
            next.at_ms = next.at_ms.min(oldest.at_ms);
            oldest = next;
        } else {
            std::mem::swap(&mut oldest, &mut next);
        }
        let [third, fourth, fifth] = rest;
        self.expiries = [oldest, third, fourth, fifth];
    }

    /// Whether any of them stands after `position`.
    pub(super) fn is_after(self, position: u64) -> bool {
        self.invalidated > position || self.expiries.iter().any(|e| e.position > position)
    }

    pub(super) fn has(self, position: u64, effect: Effect) -> bool {
        match effect {
            Effect::Invalidate => self.invalidated == position,
            Effect::Expire { .. } => self.expiries.iter().any(|e| e.position == position),
        }
    }

    pub(super) fn on(self, as_of: u64) -> Verdict {
        if self.invalidated > as_of {
            return Verdict::Dead { since: self.invalidated };
        }
        let after = self.expiries.iter().filter(|expiry| expiry.position > as_of);
        match after.map(|expiry| expiry.at_ms).min() {
            Some(at_ms) => Verdict::Expired { at_ms },
            None => Verdict::Alive,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_expired_with_the_first_expiry_that_came_after_it() {
        let mut cover = Cover::default();
        for position in [30, 10, 20] {
            cover.add(position, Effect::Expire { at_ms: position * 100 });
        }
        assert_eq!(cover.on(5), Verdict::Expired { at_ms: 1_000 });
        assert_eq!(cover.on(10), Verdict::Expired { at_ms: 2_000 });
        assert_eq!(cover.on(25), Verdict::Expired { at_ms: 3_000 });
        assert_eq!(cover.on(30), Verdict::Alive);
        for position in [40, 50, 60] {
            cover.add(position, Effect::Expire { at_ms: position * 100 });
        }
        // The oldest have become one.
        assert_eq!(cover.on(5), Verdict::Expired { at_ms: 1_000 });
        assert_eq!(cover.on(25), Verdict::Expired { at_ms: 1_000 });
        assert_eq!(cover.on(45), Verdict::Expired { at_ms: 5_000 });
        assert!(cover.is_after(59) && !cover.is_after(60));
        assert!(cover.has(60, Effect::Expire { at_ms: 0 }));
        cover.add(70, Effect::Invalidate);
        assert_eq!(cover.on(45), Verdict::Dead { since: 70 });
        assert_eq!(cover.on(70), Verdict::Alive);
    }
}
