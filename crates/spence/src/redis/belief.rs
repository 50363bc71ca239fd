//! What of the shared tier is believed.
//!
//! Everything there has a position in its log: a value carries the one at which its fill took its
//! lease, a ban the one at which it was made. A value is dead below a ban that covers it. Leases
//! are numbered too (their *turns*), since a value that was leased later was asked for later: what
//! this node has filled without a lease is newer than all turns up to then, so values of those are
//! not believed for that key. Positions and turns count from one epoch; whatever is of another is
//! not believed.

use std::collections::{HashMap, HashSet};

use crate::ban::{Ban, Bans, Verdict, What};
use crate::envelope::StoredEntry;
use crate::key::Identity;

/// Keys of which it is remembered that this node knows something newer than the shared tier may
/// have. Beyond it nothing there is believed that was leased before.
const MAX_OVERTAKEN: usize = 65_536;
/// The turn that no value has: it is not known yet how new a value must be.
const UNKNOWN: u64 = u64::MAX;

/// Below which turn values of a key are not believed, and which setting of it that was.
#[derive(Debug, Clone, Copy, Default)]
struct Bar {
    least: u64,
    stamp: u64,
}

/// What this node knows of the shared tier's state.
#[derive(Debug, Default)]
pub(super) struct Belief {
    epoch: u64,
    /// At positions of the shared log.
    bans: Bans,
    /// Values of earlier turns are not believed.
    least_turn: u64,
    /// Whether `least_turn` is unknown, since the counter was last asked for.
    least_unasked: bool,
    /// Whether `least_turn` is unknown, and at most what the counter will say.
    least_asked: bool,
    /// By key hash: values of earlier turns are not believed.
    overtaken: HashMap<u64, Bar, Identity>,
    /// How often a bar was set.
    stamps: u64,
    /// Hashes whose turn is unknown, since the counter was last asked for.
    unasked: HashSet<u64, Identity>,
    /// Hashes whose turn is unknown; it is at most what the counter will say.
    asked: HashSet<u64, Identity>,
    /// The highest turn that this node has seen.
    newest_turn: u64,
}

impl Belief {
    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Whether nothing is known, and nothing was filled yet that anything could be older than.
    pub(super) fn is_untouched(&self) -> bool {
        self.epoch == 0 && self.overtaken.is_empty() && self.least_turn == 0
    }

    pub(super) fn newest_turn(&self) -> u64 {
        self.newest_turn
    }

    /// Begins anew: nothing is known, and nothing of another epoch believed. What is being filled
    /// without a lease stays newer than what is there.
    pub(super) fn begin(&mut self, epoch: u64) {
        self.asked.clear();
        self.overtaken.retain(|_, bar| bar.least == UNKNOWN);
        let overtaken = std::mem::take(&mut self.overtaken);
        let unasked = overtaken.keys().copied().collect();
        let least_unasked = self.least_asked || self.least_unasked;
        let least_turn = if least_unasked { UNKNOWN } else { 0 };
        let stamps = self.stamps;
        let fresh =
            Self { epoch, overtaken, unasked, least_unasked, least_turn, ..Self::default() };
        *self = Self { stamps, ..fresh };
    }

    /// Values of turns up to `turn` are not believed: they may be older than what this node has
    /// seen.
    pub(super) fn disbelieve_up_to(&mut self, turn: u64) {
        self.least_turn = self.least_turn.max(turn.saturating_add(1));
        let least = self.least_turn;
        self.overtaken.retain(|_, bar| bar.least > least);
    }

    pub(super) fn ban(&self, ban: Ban) {
        self.bans.add(ban);
    }

    /// What is to be thought of a value that the shared tier has under the key of this hash.
    pub(super) fn verdict(&self, hash: u64, entry: &StoredEntry) -> Verdict {
        let turn = entry.seq;
        let bar = self.overtaken.get(&hash).copied().unwrap_or_default();
        let least = bar.least.max(self.least_turn);
        if entry.epoch != self.epoch || turn < least {
            return Verdict::Dead { since: 0 };
        }
        let tags = entry.tags.iter().map(|tag| &**tag);
        self.bans.verdict(&entry.namespace, || (&*entry.key).into(), tags, entry.as_of)
    }

    /// The ban that keeps a value of this epoch from being believed.
    pub(super) fn killer(&self, entry: &StoredEntry) -> Option<What> {
        if entry.epoch != self.epoch {
            return None;
        }
        let tags = entry.tags.iter().map(|tag| &**tag);
        self.bans.killer(&entry.namespace, &entry.key, tags, entry.as_of)
    }

    /// Only values of `turn` or later are believed under a hash from now on.
    pub(super) fn overtake(&mut self, hash: u64, turn: u64) {
        self.remember(hash, turn);
    }

    /// Only values are believed under a hash whose lease is taken after this; which turns these
    /// are will be known when the counter has been asked for. What is returned says which call
    /// this was.
    pub(super) fn overtake_from_now(&mut self, hash: u64) -> u64 {
        self.remember(hash, UNKNOWN)
    }

    fn remember(&mut self, hash: u64, turn: u64) -> u64 {
        if self.overtaken.len() >= MAX_OVERTAKEN && !self.overtaken.contains_key(&hash) {
            let unknown = !self.unasked.is_empty() || !self.asked.is_empty();
            self.overtaken.clear();
            self.unasked.clear();
            self.asked.clear();
            self.disbelieve_up_to(self.newest_turn);
            if unknown {
                (self.least_turn, self.least_unasked) = (UNKNOWN, true);
            }
        }
        self.stamps += 1;
        let bar = self.overtaken.entry(hash).or_default();
        *bar = Bar { least: bar.least.max(turn), stamp: self.stamps };
        if turn == UNKNOWN {
            self.unasked.insert(hash);
        }
        self.stamps
    }

    /// A value of this turn has been stored under a hash: nothing older is there. A bar that was
    /// set for it (`stamp`) is needless, and so is a lower one; one that was set since is not.
    pub(super) fn settle(&mut self, hash: u64, turn: u64, stamp: u64) {
        self.saw(turn);
        let is_needless = |bar: &Bar| bar.stamp == stamp || bar.least <= turn;
        if self.overtaken.get(&hash).is_some_and(is_needless) {
            self.overtaken.remove(&hash);
        }
    }

    /// The bar that was set by the call that gave `stamp` is needless; one that was set since stays.
    pub(super) fn lift(&mut self, hash: u64, stamp: u64) {
        if self.overtaken.get(&hash).is_some_and(|bar| bar.stamp == stamp) {
            self.overtaken.remove(&hash);
        }
    }

    /// What had this turn was not stored: what is there may be older than what this node has. A bar
    /// that was set for it (`stamp`) need not be higher.
    pub(super) fn missed(&mut self, hash: u64, turn: u64, stamp: u64) {
        self.saw(turn);
        if let Some(bar) = self.overtaken.get_mut(&hash).filter(|bar| bar.stamp == stamp) {
            bar.least = turn;
            self.unasked.remove(&hash);
            self.asked.remove(&hash);
        } else {
            self.overtake(hash, turn);
        }
    }

    /// The counter of turns is about to be asked for; what it will say is at least what is returned.
    pub(super) fn ask(&mut self) -> u64 {
        self.asked.extend(self.unasked.drain());
        self.least_asked |= std::mem::take(&mut self.least_unasked);
        self.newest_turn
    }

    /// The counter of turns stood at `turn` after it was asked for.
    pub(super) fn told(&mut self, turn: u64) {
        self.saw(turn);
        let next = turn.saturating_add(1);
        for hash in std::mem::take(&mut self.asked) {
            // What has become unknown anew since is among those to be asked for again.
            if !self.unasked.contains(&hash)
                && let Some(bar) = self.overtaken.get_mut(&hash).filter(|bar| bar.least == UNKNOWN)
            {
                bar.least = next;
            }
        }
        if std::mem::take(&mut self.least_asked) && !self.least_unasked {
            self.least_turn = next;
        }
    }

    /// The server has given out this turn.
    pub(super) fn saw(&mut self, turn: u64) {
        self.newest_turn = self.newest_turn.max(turn);
    }
}

#[cfg(all(test, not(feature = "shuttle")))]
mod tests {
    use super::*;
    use crate::ban::Effect;
    use crate::envelope::tests::sample;

    fn value(epoch: u64, turn: u64, as_of: u64) -> StoredEntry {
        StoredEntry { epoch, seq: turn, as_of, ..sample() }
    }

    fn drop_stamp(_: u64) {}

    fn believes(belief: &Belief, hash: u64, turn: u64) -> bool {
        belief.verdict(hash, &value(7, turn, 100)) == Verdict::Alive
    }

    #[test]
    fn values_of_another_epoch_or_below_a_ban_are_dead() {
        let mut belief = Belief::default();
        belief.begin(7);
        assert!(believes(&belief, 1, 5));
        assert_ne!(belief.verdict(1, &value(8, 5, 100)), Verdict::Alive);
        let what = What::Tag("AAPL".into());
        belief.ban(Ban { position: 100, effect: Effect::Invalidate, what });
        assert!(believes(&belief, 1, 5));
        assert_eq!(belief.verdict(1, &value(7, 5, 99)), Verdict::Dead { since: 100 });
    }

    #[test]
    fn what_was_filled_without_a_lease_hides_values_of_turns_up_to_then() {
        let mut belief = Belief::default();
        belief.begin(7);
        belief.overtake(1, 6);
        assert!(!believes(&belief, 1, 5) && believes(&belief, 1, 6) && believes(&belief, 2, 5));
        belief.settle(1, 5, 0);
        assert!(!believes(&belief, 1, 5), "it is older than what this node has");
        belief.settle(1, 9, 0);
        assert!(believes(&belief, 1, 5));
        let mine = belief.overtake_from_now(3);
        let later = belief.overtake_from_now(3);
        belief.settle(3, 9, mine);
        assert!(!believes(&belief, 3, 9), "something newer has been put in since");
        belief.settle(3, 10, later);
        assert!(believes(&belief, 3, 10));
        let mine = belief.overtake_from_now(4);
        belief.overtake_from_now(4);
        belief.missed(4, 12, mine);
        assert!(!believes(&belief, 4, 13), "another bar stands");
        let mine = belief.overtake_from_now(5);
        belief.missed(5, 12, mine);
        assert!(!believes(&belief, 5, 11) && believes(&belief, 5, 13));
        belief.lift(5, mine);
        assert!(believes(&belief, 5, 11), "its successor may have a lower turn");
        let mine = belief.overtake_from_now(6);
        belief.overtake(6, 3);
        belief.lift(6, mine);
        assert!(!believes(&belief, 6, 1_000), "another bar stands");

        // Which turn that is may not be known yet.
        belief.ask();
        belief.overtake_from_now(2);
        belief.told(20);
        assert!(!believes(&belief, 2, 1_000), "it was not among what was asked for");
        belief.ask();
        belief.told(21);
        assert!(!believes(&belief, 2, 21) && believes(&belief, 2, 22));
        assert_eq!(belief.newest_turn(), 21);
    }

    #[test]
    fn too_much_to_remember_hides_more_never_less() {
        let mut belief = Belief::default();
        belief.begin(7);
        belief.saw(14);
        (0..=MAX_OVERTAKEN as u64).for_each(|hash| belief.overtake(hash, 10 + hash % 5));
        assert!(!believes(&belief, 3, 13) && !believes(&belief, 999_999, 14));
        assert!(believes(&belief, 999_999, 15));

        (0..=MAX_OVERTAKEN as u64).for_each(|hash| drop_stamp(belief.overtake_from_now(hash)));
        assert!(!believes(&belief, 999_999, 1_000));
        belief.ask();
        belief.told(30);
        assert!(!believes(&belief, 999_999, 30) && believes(&belief, 999_999, 31));
    }
}
