//! A cache as the contract describes it, with nothing clever in it.

use std::collections::BTreeMap;

use crate::op::{Answer, Many};

/// A read's answer as the model expects it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// This value, fresh.
    Fresh(u64),
    /// This value, labelled stale.
    Stale(u64),
    /// That there is nothing, which was known before or is news.
    NotFound,
    /// No value: nothing is held, or the origin failed.
    Nothing,
}

/// What is held under a key. Times are in thousandths of a second since the model was made.
#[derive(Debug, Clone)]
struct Entry {
    /// `None` says that the origin has nothing.
    value: Option<u64>,
    born: u64,
    own_ttl: Option<u64>,
    expired: Option<u64>,
    tags: Vec<&'static str>,
}

/// What an entry's times say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Fresh,
    /// Stale for so long, within the grace.
    Stale(u64),
    Gone,
}

/// A cache without tiers: a map, a clock and a policy.
#[derive(Debug, Clone)]
pub struct Model {
    now: u64,
    short: bool,
    entries: BTreeMap<String, Entry>,
}

impl Model {
    /// Half seconds, so that no operation happens at the very end of a time.
    pub(crate) const LONG_TTL: u64 = 30_500;
    pub(crate) const SHORT_TTL: u64 = 8_500;
    pub(crate) const NEGATIVE_TTL: u64 = 5_500;
    pub(crate) const STALE_WHILE_REVALIDATE: u64 = 4_500;
    pub(crate) const STALE_IF_ERROR: u64 = 15_500;

    /// An empty cache under the policy with the long time to live.
    #[must_use]
    pub fn new() -> Self {
        Self { now: 0, short: false, entries: BTreeMap::new() }
    }

    fn standing(&self, entry: &Entry) -> Standing {
        let ttl = match (entry.own_ttl, entry.value) {
            (Some(own), _) => own,
            (None, None) => Self::NEGATIVE_TTL,
            (None, Some(_)) if self.short => Self::SHORT_TTL,
            (None, Some(_)) => Self::LONG_TTL,
        };
        let fresh_until = (entry.born + ttl).min(entry.expired.unwrap_or(u64::MAX));
        if self.now < fresh_until {
            return Standing::Fresh;
        }
        let stale_for = self.now - fresh_until;
        let grace = Self::STALE_IF_ERROR.max(Self::STALE_WHILE_REVALIDATE);
        match entry.value {
            Some(_) if stale_for < grace => Standing::Stale(stale_for),
            _ => Standing::Gone,
        }
    }

    /// What a read without the origin answers.
    #[must_use]
    pub fn get(&self, key: &str) -> Expected {
        let Some(entry) = self.entries.get(key) else { return Expected::Nothing };
        match (self.standing(entry), entry.value) {
            (Standing::Fresh, Some(value)) => Expected::Fresh(value),
            (Standing::Fresh, None) => Expected::NotFound,
            (Standing::Stale(_), Some(value)) => Expected::Stale(value),
            (Standing::Stale(_), None) | (Standing::Gone, _) => Expected::Nothing,
        }
    }

    /// Whether a read with the origin asks it.
    #[must_use]
    pub fn asks(&self, key: &str) -> bool {
        !matches!(self.get(key), Expected::Fresh(_) | Expected::NotFound)
    }

    /// What a read with the origin answers, if that answers `answer` with the value `number`.
    pub fn fetch(&mut self, key: &str, answer: &Answer, number: u64) -> Expected {
        let held = self.get(key);
        if !self.asks(key) {
            return held;
        }
        let stale = self.entries.get(key).map(|entry| self.standing(entry));
        let revalidates = matches!(stale, Some(Standing::Stale(stale_for))
            if stale_for < Self::STALE_WHILE_REVALIDATE);
        let brought = self.bring(key, answer, number, held);
        match (held, brought) {
            (Expected::Stale(_), _) if revalidates => held,
            (Expected::Stale(_), None) => held,
            (_, Some(expected)) => expected,
            (_, None) => Expected::Nothing,
        }
    }

    /// Takes the origin's answer in; `None` if it is an error.
    fn bring(
        &mut self,
        key: &str,
        answer: &Answer,
        number: u64,
        held: Expected,
    ) -> Option<Expected> {
        match (answer, held) {
            (Answer::Value { tags, ttl_seconds }, _) => {
                let own_ttl = ttl_seconds.map(|seconds| seconds * 1000 + 500);
                self.put(key, Some(number), own_ttl, tags.clone());
                Some(Expected::Fresh(number))
            }
            (Answer::NotFound, _) => {
                self.put(key, None, None, Vec::new());
                Some(Expected::NotFound)
            }
            (Answer::NotModified, Expected::Stale(value)) => {
                let older = self.entries.get(key).cloned();
                let (own_ttl, tags) =
                    older.map(|older| (older.own_ttl, older.tags)).unwrap_or_default();
                self.put(key, Some(value), own_ttl, tags);
                Some(Expected::Fresh(value))
            }
            (Answer::NoStore, _) => {
                self.entries.remove(key);
                Some(Expected::Fresh(number))
            }
            (Answer::NotModified | Answer::Failure | Answer::Panic, _) => None,
        }
    }

    fn put(
        &mut self,
        key: &str,
        value: Option<u64>,
        own_ttl: Option<u64>,
        tags: Vec<&'static str>,
    ) {
        let entry = Entry { value, born: self.now, own_ttl, expired: None, tags };
        self.entries.insert(key.to_owned(), entry);
    }

    /// A value is put in by hand.
    pub fn insert(&mut self, key: &str, number: u64, tags: &[&'static str]) {
        self.put(key, Some(number), None, tags.to_vec());
    }

    /// A key is invalidated, or has been lost.
    pub fn invalidate(&mut self, key: &str) {
        self.entries.remove(key);
    }

    /// A key's freshness ends now.
    pub fn expire(&mut self, key: &str) {
        let now = self.now;
        if let Some(entry) = self.entries.get_mut(key) {
            entry.expired = Some(entry.expired.unwrap_or(now).min(now));
        }
    }

    /// The keys that a target covers.
    #[must_use]
    pub fn covered(&self, target: &Many) -> Vec<String> {
        let covers = |key: &str, entry: &Entry| match target {
            Many::Tag(tag) => entry.tags.contains(tag),
            Many::Prefix(prefix) => key.starts_with(prefix.as_str()),
            // Patterns are `?:N`.
            Many::Glob(pattern) => key.get(1..) == pattern.get(1..),
            Many::Namespace | Many::Everything => true,
        };
        let covered = self.entries.iter().filter(|(key, entry)| covers(key, entry));
        covered.map(|(key, _)| key.clone()).collect()
    }

    /// Time goes on.
    pub fn advance(&mut self, seconds: u64) {
        self.now += seconds * 1000;
    }

    /// Another policy comes into force.
    pub fn swap_policy(&mut self, short: bool) {
        self.short = short;
    }

    /// Everything is lost.
    pub fn lose_everything(&mut self) {
        self.entries.clear();
    }
}

impl Default for Model {
    fn default() -> Self {
        Self::new()
    }
}
