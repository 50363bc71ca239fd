//! The bans in force, and what they say about an entry.
//!
//! Later bans of the same thing replace earlier ones, so the index grows with the number of
//! different things that were banned, not with the number of bans. Finding the bans of an entry
//! costs a lookup for its namespace and each tag, a search of the sorted prefixes, and a test of
//! each glob of its namespace.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use super::scoped::Scoped;
use super::{Ban, Cover, Effect, Glob, Verdict, What};
use crate::log::Log;
use crate::sync::{AtomicU64, Ordering, RwLock};

/// The most different things that can be banned at a time. Beyond it a new prefix or glob bans
/// its whole namespace, and a new tag everything: too much is forgotten, never too little.
const MAX_BANS: usize = 65_536;
/// The most globs in a namespace, since each is tested against each examined key.
const MAX_GLOBS: usize = 256;

/// All bans in force.
#[derive(Debug, Default)]
pub(crate) struct Bans {
    /// The highest position of any ban; entries that are as new need no lookup.
    newest: AtomicU64,
    index: RwLock<Index>,
}

#[derive(Debug, Default)]
struct Index {
    everything: Cover,
    tags: HashMap<Arc<str>, Cover>,
    namespaces: HashMap<Arc<str>, Scoped>,
    /// Covers in `tags`, and namespaces with the covers in their `prefixes` and `globs`.
    count: usize,
}

impl Bans {
    /// Puts a ban in force at the next position, so that whoever begins at that position or later
    /// finds it. Returns it as it is in force, which is wider when there are too many.
    pub(crate) fn make(&self, log: &Log, what: What, effect: Effect) -> Ban {
        let mut index = self.index.write();
        // Until it is in, no entry is too new for a lookup; and that waits for the lock.
        let newest = self.newest.swap(u64::MAX, Ordering::SeqCst);
        let position = log.next();
        let what = index.add(Ban { position, effect, what });
        self.newest.store(newest.max(position), Ordering::SeqCst);
        Ban { position, effect, what }
    }

    /// Puts a ban of an earlier process in force; returns it as [`Bans::make`] does.
    pub(crate) fn add(&self, ban: Ban) -> Ban {
        let (position, effect) = (ban.position, ban.effect);
        let what = self.index.write().add(ban);
        self.newest.fetch_max(position, Ordering::SeqCst);
        Ban { position, effect, what }
    }

    /// The highest position of any ban.
    pub(crate) fn newest(&self) -> u64 {
        self.newest.load(Ordering::SeqCst)
    }

    /// What the bans say about an entry of this version. Its `key` is asked for only where prefixes
    /// or globs are banned.
    pub(crate) fn verdict<'a, 'k>(
        &self,
        namespace: &str,
        key: impl FnOnce() -> Cow<'k, str>,
        tags: impl Iterator<Item = &'a str>,
        as_of: u64,
    ) -> Verdict {
        if self.newest() <= as_of {
            return Verdict::Alive;
        }
        self.index.read().verdict(namespace, key, tags, as_of)
    }

    /// What covers an entry of this version and kills it; the latest if several do.
    pub(crate) fn killer<'a>(
        &self,
        namespace: &str,
        key: &str,
        tags: impl Iterator<Item = &'a str>,
        as_of: u64,
    ) -> Option<What> {
        self.index.read().killer(namespace, key, tags, as_of)
    }

    /// Whether `ban` is still the latest of its kind, so that it must be kept.
    pub(crate) fn in_force(&self, ban: &Ban) -> bool {
        self.index.read().latest(&ban.what).is_some_and(|c| c.has(ban.position, ban.effect))
    }

    /// The number of different things banned.
    pub(crate) fn len(&self) -> usize {
        self.index.read().count
    }
}

impl Index {
    fn add(&mut self, ban: Ban) -> What {
        let Ban { position, effect, what } = ban;
        let what = self.admit(what);
        let cover = match &what {
            What::Everything => &mut self.everything,
            What::Namespace(namespace) => &mut self.scoped(namespace).whole,
            What::Tag(tag) => self.tags.entry(Arc::clone(tag)).or_default(),
            What::Prefix { namespace, prefix } => {
                self.scoped(namespace).prefixes.entry(Arc::clone(prefix)).or_default()
            }
            What::Glob { namespace, pattern } => {
                let scoped = self.scoped(namespace);
                let known = scoped.globs.iter_mut().find(|(glob, _)| glob.is(pattern));
                match known {
                    Some((_, cover)) => cover,
                    // `admit` has made room for it, or replaced it.
                    None => &mut scoped.whole,
                }
            }
        };
        cover.add(position, effect);
        if effect == Effect::Invalidate {
            self.retire(&what, position);
        }
        what
    }

    /// Forgets what an invalidation of a whole namespace, or of everything, has made needless.
    fn retire(&mut self, what: &What, position: u64) {
        match what {
            What::Namespace(namespace) => self.scoped(namespace).retire(position),
            What::Everything => {
                self.tags.retain(|_, cover| cover.is_after(position));
                self.namespaces.retain(|_, scoped| {
                    scoped.retire(position);
                    scoped.count() > 1 || scoped.whole.is_after(position)
                });
            }
            What::Tag(_) | What::Prefix { .. } | What::Glob { .. } => return,
        }
        self.count = self.tags.len() + self.namespaces.values().map(Scoped::count).sum::<usize>();
    }

    /// `what`, counted if it is new; or what stands for it when there are too many.
    fn admit(&mut self, what: What) -> What {
        if self.latest(&what).is_some() {
            return what;
        }
        // A namespace that is new counts too.
        let full = self.count + 1 >= MAX_BANS;
        match what {
            What::Tag(_) | What::Namespace(_) if full => return What::Everything,
            What::Prefix { ref namespace, .. } | What::Glob { ref namespace, .. } if full => {
                return match self.namespaces.contains_key(namespace) {
                    true => What::Namespace(Arc::clone(namespace)),
                    false => What::Everything,
                };
            }
            What::Glob { ref namespace, ref pattern } => {
                let scoped = self.scoped(namespace);
                // A pattern that cannot be read covers its whole namespace.
                match Glob::new(pattern) {
                    Ok(glob) if scoped.globs.len() < MAX_GLOBS => {
                        scoped.globs.push((glob, Cover::default()));
                    }
                    _ => return What::Namespace(Arc::clone(namespace)),
                }
            }
            // Counted when it comes to be.
            What::Namespace(_) => return what,
            What::Tag(_) | What::Prefix { .. } | What::Everything => {}
        }
        self.count += 1;
        what
    }

    fn scoped(&mut self, namespace: &Arc<str>) -> &mut Scoped {
        self.namespaces.entry(Arc::clone(namespace)).or_insert_with(|| {
            self.count += 1;
            Scoped::default()
        })
    }

    fn verdict<'a, 'k>(
        &self,
        namespace: &str,
        key: impl FnOnce() -> Cow<'k, str>,
        tags: impl Iterator<Item = &'a str>,
        as_of: u64,
    ) -> Verdict {
        let mut verdict = self.everything.on(as_of);
        if let Some(scoped) = self.namespaces.get(namespace) {
            verdict = verdict.and(scoped.verdict(key, as_of));
        }
        if !self.tags.is_empty() {
            for of_tag in tags.filter_map(|tag| self.tags.get(tag)) {
                verdict = verdict.and(of_tag.on(as_of));
            }
        }
        verdict
    }

    fn killer<'a>(
        &self,
        namespace: &str,
        key: &str,
        tags: impl Iterator<Item = &'a str>,
        as_of: u64,
    ) -> Option<What> {
        let mut covers = vec![(self.everything.invalidated, What::Everything)];
        for tag in tags {
            if let Some((tag, cover)) = self.tags.get_key_value(tag) {
                covers.push((cover.invalidated, What::Tag(Arc::clone(tag))));
            }
        }
        if let Some((namespace, scoped)) = self.namespaces.get_key_value(namespace) {
            let namespace = || Arc::clone(namespace);
            covers.push((scoped.whole.invalidated, What::Namespace(namespace())));
            for (prefix, cover) in &scoped.prefixes {
                if key.starts_with(&**prefix) {
                    let prefix = Arc::clone(prefix);
                    covers
                        .push((cover.invalidated, What::Prefix { namespace: namespace(), prefix }));
                }
            }
            for (glob, cover) in &scoped.globs {
                if glob.matches(key) {
                    let pattern = Arc::from(glob.pattern());
                    covers
                        .push((cover.invalidated, What::Glob { namespace: namespace(), pattern }));
                }
            }
        }
        covers.retain(|(position, _)| *position > as_of);
        covers.into_iter().max_by_key(|(position, _)| *position).map(|(_, what)| what)
    }

    fn latest(&self, what: &What) -> Option<Cover> {
        match what {
            What::Everything => Some(self.everything),
            What::Tag(tag) => self.tags.get(tag).copied(),
            What::Namespace(namespace) => self.namespaces.get(namespace).map(|s| s.whole),
            What::Prefix { namespace, prefix } => {
                self.namespaces.get(namespace)?.prefixes.get(prefix).copied()
            }
            What::Glob { namespace, pattern } => {
                let globs = &self.namespaces.get(namespace)?.globs;
                globs.iter().find(|(glob, _)| glob.is(pattern)).map(|(_, cover)| *cover)
            }
        }
    }
}

#[cfg(all(test, not(feature = "shuttle")))]
mod tests {
    use super::*;

    fn prefix(namespace: &str, prefix: &str) -> What {
        What::Prefix { namespace: namespace.into(), prefix: prefix.into() }
    }

    fn glob(namespace: &str, pattern: &str) -> What {
        What::Glob { namespace: namespace.into(), pattern: pattern.into() }
    }

    fn bans(list: &[(u64, What)]) -> Bans {
        let bans = Bans::default();
        for (position, what) in list {
            let what = what.clone();
            bans.add(Ban { position: *position, effect: Effect::Invalidate, what });
        }
        bans
    }

    #[test]
    fn an_entry_is_dead_under_a_matching_ban_of_a_higher_position() {
        let bans = bans(&[
            (10, What::Tag("AAPL".into())),
            (20, prefix("bars", "AAPL:")),
            (30, glob("bars", "*:90")),
            (40, What::Namespace("macro".into())),
        ]);
        let check = |namespace, key: &'static str, tags: &[&str], as_of, expected| {
            let verdict = bans.verdict(namespace, || key.into(), tags.iter().copied(), as_of);
            assert_eq!(verdict, expected, "{namespace} {key} {tags:?} as of {as_of}");
        };
        check("bars", "IBM:65", &[], 0, Verdict::Alive);
        check("bars", "IBM:65", &["AAPL"], 9, Verdict::Dead { since: 10 });
        check("bars", "IBM:65", &["AAPL"], 10, Verdict::Alive);
        check("bars", "AAPL:65", &[], 19, Verdict::Dead { since: 20 });
        check("bars", "AAPL", &[], 19, Verdict::Alive);
        check("bars", "AAPL:90", &["AAPL"], 5, Verdict::Dead { since: 30 });
        check("other", "AAPL:90", &[], 5, Verdict::Alive);
        check("macro", "CPI", &[], 39, Verdict::Dead { since: 40 });
        check("macro", "CPI", &[], 40, Verdict::Alive);
    }

    #[test]
    fn every_banned_prefix_of_a_key_is_found() {
        let list = ["", "a", "ab", "abz", "abcdef", "b", "abc", "abcd!", "ü"];
        for text in ["abcde", "a", "", "zz", "abz-1", "über", "abcd"] {
            for chosen in 0..1_u32 << list.len() {
                let picked: Vec<_> = (0..list.len()).filter(|i| chosen & (1 << i) != 0).collect();
                let scoped = bans(
                    &picked
                        .iter()
                        .map(|&i| (i as u64 + 1, prefix("n", list[i])))
                        .collect::<Vec<_>>(),
                );
                let expected = picked.iter().filter(|&&i| text.starts_with(list[i])).max();
                let expected =
                    expected.map_or(Verdict::Alive, |&i| Verdict::Dead { since: i as u64 + 1 });
                assert_eq!(scoped.verdict("n", || text.into(), [].into_iter(), 0), expected);
            }
        }
    }

    #[test]
    fn an_expiry_is_weaker_than_an_invalidation() {
        let bans = Bans::default();
        let tag = || What::Tag("t".into());
        bans.add(Ban { position: 5, effect: Effect::Expire { at_ms: 70 }, what: tag() });
        let verdict = |as_of| bans.verdict("n", || "k".into(), ["t"].into_iter(), as_of);
        assert_eq!(verdict(4), Verdict::Expired { at_ms: 70 });
        assert_eq!(verdict(5), Verdict::Alive);
        bans.add(Ban { position: 6, effect: Effect::Invalidate, what: tag() });
        assert_eq!(verdict(4), Verdict::Dead { since: 6 });
    }

    #[test]
    fn a_ban_is_in_force_until_a_later_one_of_the_same_thing() {
        let first = Ban { position: 1, effect: Effect::Invalidate, what: glob("n", "a*") };
        let bans = Bans::default();
        bans.add(first.clone());
        assert!(bans.in_force(&first));
        bans.add(Ban { position: 2, ..first.clone() });
        assert!(!bans.in_force(&first));
        assert_eq!(bans.len(), 2, "the namespace and its glob");
    }

    #[test]
    fn too_many_bans_forget_more_never_less_and_leave_room_again() {
        let bans = Bans::default();
        let ban = |position: u64| {
            let what = What::Tag(position.to_string().into());
            bans.add(Ban { position, effect: Effect::Invalidate, what }).what
        };
        let last = MAX_BANS as u64;
        assert!((1..last).all(|position| ban(position) != What::Everything));
        assert_eq!(bans.len(), MAX_BANS - 1);
        assert_eq!(ban(last), What::Everything);
        let verdict = |as_of| bans.verdict("n", || "k".into(), [].into_iter(), as_of);
        assert_eq!(verdict(last - 1), Verdict::Dead { since: last });
        assert_eq!((verdict(last), bans.len()), (Verdict::Alive, 0));
        assert_ne!(ban(last + 1), What::Everything);
    }

    #[test]
    fn a_whole_namespace_makes_its_narrower_bans_needless_but_not_later_ones() {
        let bans = Bans::default();
        let ban = |position, what| bans.add(Ban { position, effect: Effect::Invalidate, what });
        ban(1, prefix("n", "a"));
        ban(2, glob("n", "*b"));
        ban(3, What::Namespace("n".into()));
        ban(4, prefix("n", "c"));
        assert_eq!(bans.len(), 2);
        let verdict = |key| bans.verdict("n", || Cow::Borrowed(key), [].into_iter(), 0);
        assert_eq!(verdict("a"), Verdict::Dead { since: 3 });
        assert_eq!(verdict("c"), Verdict::Dead { since: 4 });
        ban(5, What::Everything);
        assert_eq!(bans.len(), 0);
        assert_eq!(verdict("c"), Verdict::Dead { since: 5 });
    }
}
