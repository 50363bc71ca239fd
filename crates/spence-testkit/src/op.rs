//! What a program can do with a cache, as data.

use proptest::collection::vec;
use proptest::prelude::*;

/// Keys are `a:0` to `d:3`.
const GROUPS: [&str; 4] = ["a", "b", "c", "d"];
/// Tags that values carry.
const TAGS: [&str; 3] = ["red", "green", "blue"];

/// What the origin answers when it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A new value with these tags, fresh for its own time if one is given.
    Value {
        /// Its tags.
        tags: Vec<&'static str>,
        /// Seconds of its own time to live.
        ttl_seconds: Option<u64>,
    },
    /// That there is nothing.
    NotFound,
    /// That the stale value is the value still.
    NotModified,
    /// A new value that must not be kept.
    NoStore,
    /// An error.
    Failure,
    /// A panic.
    Panic,
}

/// An operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// `get`
    Get {
        /// The key.
        key: String,
    },
    /// `peek`
    Peek {
        /// The key.
        key: String,
    },
    /// `get_or_fetch`
    Fetch {
        /// The key.
        key: String,
        /// What the origin answers if it is asked.
        answer: Answer,
    },
    /// `get_many_or_fetch` of all keys of a group
    FetchMany {
        /// The first part of the keys.
        group: String,
        /// What the origin answers for each key that it is asked for.
        answer: Answer,
    },
    /// `insert_fill`
    Insert {
        /// The key.
        key: String,
        /// Its tags.
        tags: Vec<&'static str>,
    },
    /// `invalidate`
    Invalidate {
        /// The key.
        key: String,
    },
    /// `expire`
    Expire {
        /// The key.
        key: String,
    },
    /// `invalidate` of many
    Ban {
        /// Which.
        target: Many,
    },
    /// `expire` of many
    ExpireMany {
        /// Which.
        target: Many,
    },
    /// Time goes on.
    Advance {
        /// Whole seconds.
        seconds: u64,
    },
    /// Another policy comes into force: the time to live is short, or long again.
    SwapPolicy {
        /// Which.
        short: bool,
    },
    /// The engine is closed and opened again.
    Reopen,
}

/// Many keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Many {
    /// Those with this tag.
    Tag(&'static str),
    /// Those that begin so.
    Prefix(String),
    /// Those that match.
    Glob(String),
    /// All of the namespace.
    Namespace,
    /// All.
    Everything,
}

impl Op {
    /// A read that asks the origin for a value if need be.
    #[must_use]
    pub fn fetch(key: &str) -> Self {
        let answer = Answer::Value { tags: Vec::new(), ttl_seconds: None };
        Op::Fetch { key: key.to_owned(), answer }
    }

    /// A read that does not ask the origin.
    #[must_use]
    pub fn get(key: &str) -> Self {
        Op::Get { key: key.to_owned() }
    }
}

/// Lists of `count` operations.
pub fn ops(count: usize) -> impl Strategy<Value = Vec<Op>> {
    vec(op(), count)
}

fn group() -> impl Strategy<Value = String> {
    proptest::sample::select(&GROUPS[..]).prop_map(str::to_owned)
}

fn key() -> impl Strategy<Value = String> {
    (group(), 0..4).prop_map(|(group, number)| format!("{group}:{number}"))
}

fn tags() -> impl Strategy<Value = Vec<&'static str>> {
    proptest::sample::subsequence(&TAGS[..], 0..=2)
}

fn answer() -> impl Strategy<Value = Answer> {
    let ttl = proptest::option::weighted(0.2, 1_u64..20);
    prop_oneof![
        8 => (tags(), ttl).prop_map(|(tags, ttl_seconds)| Answer::Value { tags, ttl_seconds }),
        2 => Just(Answer::NotFound),
        2 => Just(Answer::NotModified),
        1 => Just(Answer::NoStore),
        4 => Just(Answer::Failure),
        1 => Just(Answer::Panic),
    ]
}

fn many() -> impl Strategy<Value = Many> {
    prop_oneof![
        4 => proptest::sample::select(&TAGS[..]).prop_map(Many::Tag),
        2 => group().prop_map(|group| Many::Prefix(format!("{group}:"))),
        2 => (0..4).prop_map(|number| Many::Glob(format!("?:{number}"))),
        1 => Just(Many::Namespace),
        1 => Just(Many::Everything),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        12 => key().prop_map(|key| Op::Get { key }),
        6 => key().prop_map(|key| Op::Peek { key }),
        30 => (key(), answer()).prop_map(|(key, answer)| Op::Fetch { key, answer }),
        4 => (group(), answer()).prop_map(|(group, answer)| Op::FetchMany { group, answer }),
        8 => (key(), tags()).prop_map(|(key, tags)| Op::Insert { key, tags }),
        6 => key().prop_map(|key| Op::Invalidate { key }),
        4 => key().prop_map(|key| Op::Expire { key }),
        4 => many().prop_map(|target| Op::Ban { target }),
        2 => many().prop_map(|target| Op::ExpireMany { target }),
        16 => (1_u64..25).prop_map(|seconds| Op::Advance { seconds }),
        2 => any::<bool>().prop_map(|short| Op::SwapPolicy { short }),
        1 => Just(Op::Reopen),
    ]
}
