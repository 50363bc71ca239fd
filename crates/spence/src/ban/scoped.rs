//! The bans of one namespace.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use super::{Cover, Glob, Verdict};

#[derive(Debug, Default)]
pub(super) struct Scoped {
    pub(super) whole: Cover,
    pub(super) prefixes: BTreeMap<Arc<str>, Cover>,
    pub(super) globs: Vec<(Glob, Cover)>,
}

impl Scoped {
    /// Covers, and the namespace itself.
    pub(super) fn count(&self) -> usize {
        1 + self.prefixes.len() + self.globs.len()
    }

    pub(super) fn retire(&mut self, position: u64) {
        self.prefixes.retain(|_, cover| cover.is_after(position));
        self.globs.retain(|(_, cover)| cover.is_after(position));
    }

    pub(super) fn verdict<'k>(&self, key: impl FnOnce() -> Cow<'k, str>, as_of: u64) -> Verdict {
        let mut verdict = self.whole.on(as_of);
        if self.prefixes.is_empty() && self.globs.is_empty() {
            return verdict;
        }
        let key = &*key();
        for (glob, of_glob) in &self.globs {
            if glob.matches(key) {
                verdict = verdict.and(of_glob.on(as_of));
            }
        }
        // The greatest prefix not after `key` is either a prefix of it, or shows how much of
        // `key` a shorter one can have at most.
        let mut upper = key;
        while let Some((prefix, of_prefix)) = self.at_or_before(upper) {
            if key.starts_with(&**prefix) {
                verdict = verdict.and(of_prefix.on(as_of));
                let Some(shorter) = prefix.char_indices().next_back() else { break };
                upper = prefix.get(..shorter.0).unwrap_or_default();
            } else {
                let common = common_prefix(prefix, upper);
                if common.len() == upper.len() {
                    break;
                }
                upper = common;
            }
        }
        verdict
    }

    fn at_or_before(&self, upper: &str) -> Option<(&Arc<str>, &Cover)> {
        self.prefixes.range::<str, _>((Bound::Unbounded, Bound::Included(upper))).next_back()
    }
}

fn common_prefix<'a>(a: &str, b: &'a str) -> &'a str {
    let length: usize =
        a.chars().zip(b.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum();
    b.get(..length).unwrap_or_default()
}
