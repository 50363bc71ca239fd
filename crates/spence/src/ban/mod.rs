//! Bans: invalidations (and expiries) of many keys at once, by tag, prefix, glob or namespace.
//!
//! A ban is a position in the log and a description of what it covers. Making one touches no
//! entry; an entry is dead if a ban that covers it stands at a higher position than its `as_of`.

mod cover;
mod glob;
mod index;
mod scoped;

use std::sync::Arc;

use cover::Cover;
pub(crate) use glob::Glob;
pub(crate) use index::Bans;

/// What a ban does to what it covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Never to be served again.
    Invalidate,
    /// Fresh until this Unix time in milliseconds at the latest.
    Expire { at_ms: u64 },
}

/// What a ban covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    Tag(Arc<str>),
    Prefix { namespace: Arc<str>, prefix: Arc<str> },
    Glob { namespace: Arc<str>, pattern: Arc<str> },
    Namespace(Arc<str>),
    Everything,
}

impl std::fmt::Display for What {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            What::Tag(tag) => write!(f, "tag {tag}"),
            What::Prefix { namespace, prefix } => write!(f, "prefix {prefix} in {namespace}"),
            What::Glob { namespace, pattern } => write!(f, "glob {pattern} in {namespace}"),
            What::Namespace(namespace) => write!(f, "namespace {namespace}"),
            What::Everything => f.write_str("everything"),
        }
    }
}

/// A ban at its position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ban {
    pub(crate) position: u64,
    pub(crate) effect: Effect,
    pub(crate) what: What,
}

/// What the bans say about an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Alive,
    /// Expired at this Unix time in milliseconds.
    Expired {
        at_ms: u64,
    },
    /// Dead since this position.
    Dead {
        since: u64,
    },
}

impl Verdict {
    /// What two bans say together.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Verdict::Dead { since: a }, Verdict::Dead { since: b }) => {
                Verdict::Dead { since: a.max(b) }
            }
            (dead @ Verdict::Dead { .. }, _) | (_, dead @ Verdict::Dead { .. }) => dead,
            (Verdict::Expired { at_ms: a }, Verdict::Expired { at_ms: b }) => {
                Verdict::Expired { at_ms: a.min(b) }
            }
            (expired @ Verdict::Expired { .. }, _) | (_, expired) => expired,
        }
    }
}
