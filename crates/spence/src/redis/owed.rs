//! What the shared tier has yet to be told, in order.
//!
//! As long as anything is owed, nothing that the shared tier has is believed: the link is put in
//! use, and taken out of it, under the same lock that guards this queue.

use std::collections::VecDeque;
use std::sync::Arc;

use super::notice::{About, Notice};
use crate::ban::{Effect, What};

/// Notices that are kept apart. Beyond it those of a namespace become one that forgets all of it,
/// and then all become one that forgets everything: too much, never too little.
const MAX_OWED: usize = 65_536;
/// The newest of our own notices that are told again when a server comes back without them.
const MAX_RECENT: usize = 1024;
/// Notices that are told by calls of the same moment.
const AT_ONCE: usize = 64;

/// Notices that no server has acknowledged, and the newest of those that one has.
#[derive(Debug, Default)]
pub(super) struct Owed {
    /// Each with its number, since one that is being told may be widened away meanwhile.
    queue: VecDeque<(u64, Notice)>,
    numbered: u64,
    recent: VecDeque<Notice>,
    /// Whether a server is being told: all will have been in a moment, if little more comes.
    is_being_paid: bool,
}

impl Owed {
    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    /// The first, to be told at the same time; they stay until they have been. None: all have.
    pub(super) fn next(&mut self) -> Vec<(u64, Notice)> {
        self.is_being_paid = !self.queue.is_empty();
        self.queue.iter().take(AT_ONCE).cloned().collect()
    }

    pub(super) fn push(&mut self, notice: Notice) {
        match self.queue.len() < MAX_OWED {
            true => self.append(notice),
            false => self.widen(&notice),
        }
    }

    fn append(&mut self, notice: Notice) {
        self.numbered += 1;
        self.queue.push_back((self.numbered, notice));
    }

    /// The one of this number has been told.
    pub(super) fn paid(&mut self, number: u64) {
        if self.queue.front().is_some_and(|(first, _)| *first == number) {
            self.queue.pop_front();
        }
    }

    /// Nobody is telling them any more.
    pub(super) fn stopped(&mut self) {
        self.is_being_paid = false;
    }

    /// Whether a server is being told.
    pub(super) fn is_being_paid(&self) -> bool {
        self.is_being_paid
    }

    /// `notice` has been told.
    pub(super) fn told(&mut self, notice: &Notice) {
        if self.recent.len() >= MAX_RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(notice.clone());
    }

    /// A server has come back that may not know of our newest notices.
    pub(super) fn tell_again(&mut self) {
        let later = std::mem::take(&mut self.queue);
        let later = later.into_iter().map(|(_, notice)| notice);
        for notice in std::mem::take(&mut self.recent).into_iter().chain(later) {
            self.push(notice);
        }
    }

    fn widen(&mut self, notice: &Notice) {
        let everything = What::Everything;
        let what = match namespace_of(notice) {
            Some(namespace) => {
                self.queue.retain(|(_, queued)| namespace_of(queued) != Some(namespace));
                match self.queue.len() < MAX_OWED {
                    true => What::Namespace(Arc::clone(namespace)),
                    false => everything,
                }
            }
            None => everything,
        };
        if what == What::Everything {
            self.queue.clear();
        }
        self.append(Notice { about: About::Many(what), effect: Effect::Invalidate });
    }
}

/// The one namespace in which a notice forgets something, if it is one.
fn namespace_of(notice: &Notice) -> Option<&Arc<str>> {
    match &notice.about {
        About::Key { namespace, .. }
        | About::Many(
            What::Prefix { namespace, .. }
            | What::Glob { namespace, .. }
            | What::Namespace(namespace),
        ) => Some(namespace),
        About::Many(What::Tag(_) | What::Everything) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(namespace: &str, key: usize) -> Notice {
        let about =
            About::Key { namespace: namespace.into(), key: key.to_string().as_str().into() };
        Notice { about, effect: Effect::Invalidate }
    }

    #[test]
    fn notices_are_told_in_order_and_again_when_they_may_be_lost() {
        let mut owed = Owed::default();
        (0..3).for_each(|n| owed.push(key("a", n)));
        owed.told(&key("a", 0));
        owed.paid(1);
        assert_eq!(owed.next(), [(2, key("a", 1)), (3, key("a", 2))]);
        owed.told(&key("b", 9)); // told at once, never owed
        assert_eq!(owed.len(), 2);
        owed.tell_again();
        let all: Vec<_> = owed.queue.iter().map(|(_, notice)| notice.clone()).collect();
        assert_eq!(all, [key("a", 0), key("b", 9), key("a", 1), key("a", 2)]);
    }

    #[test]
    fn too_much_forgets_more_never_less() {
        let mut owed = Owed::default();
        owed.push(key("b", 0));
        (1..MAX_OWED).for_each(|n| owed.push(key("a", n)));
        owed.push(key("a", MAX_OWED));
        let namespace = About::Many(What::Namespace("a".into()));
        assert_eq!((owed.len(), &owed.queue[1].1.about), (2, &namespace));

        (2..MAX_OWED).for_each(|n| owed.push(key("c", n)));
        let tag = Notice { about: About::Many(What::Tag("t".into())), effect: Effect::Invalidate };
        owed.push(tag);
        assert_eq!((owed.len(), &owed.queue[0].1.about), (1, &About::Many(What::Everything)));
    }

    #[test]
    fn what_was_being_told_when_it_was_widened_pays_for_nothing_else() {
        let mut owed = Owed::default();
        (0..MAX_OWED - 1).for_each(|n| owed.push(key("a", n)));
        owed.push(key("b", 0));
        let telling = owed.next();
        owed.push(key("a", MAX_OWED));
        owed.paid(telling[0].0);
        let left: Vec<_> = owed.next().into_iter().map(|(_, notice)| notice.about).collect();
        assert_eq!(left, [key("b", 0).about, About::Many(What::Namespace("a".into()))]);
    }
}
