//! Bans: invalidations (and expiries) of many keys at once, by tag, prefix, glob or namespace.
//!
//! A ban is a position in the log and a description of what it covers. Making one touches no
//! entry; an entry is dead if a ban that covers it stands at a higher position than its `as_of`.

mod glob;
mod index;
mod scoped;

use std::sync::Arc;

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

/// The latest bans of one thing; position 0 is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Cover {
    invalidated: u64,
    expired: u64,
    expired_at_ms: u64,
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

impl Cover {
    fn add(&mut self, position: u64, effect: Effect) {
        match effect {
            Effect::Invalidate => self.invalidated = self.invalidated.max(position),
            Effect::Expire { at_ms } if position > self.expired => {
                self.expired = position;
                self.expired_at_ms = at_ms;
            }
            Effect::Expire { .. } => {}
        }
    }

    fn and(self, other: Self) -> Self {
        let mut both = self;
        both.add(other.invalidated, Effect::Invalidate);
        both.add(other.expired, Effect::Expire { at_ms: other.expired_at_ms });
        both
    }

    /// Whether one of them stands after `position`.
    fn is_after(self, position: u64) -> bool {
        self.invalidated.max(self.expired) > position
    }

    fn has(self, position: u64, effect: Effect) -> bool {
        match effect {
            Effect::Invalidate => self.invalidated == position,
            Effect::Expire { .. } => self.expired == position,
        }
    }

    fn on(self, as_of: u64) -> Verdict {
        if self.invalidated > as_of {
            Verdict::Dead { since: self.invalidated }
        } else if self.expired > as_of {
            Verdict::Expired { at_ms: self.expired_at_ms }
        } else {
            Verdict::Alive
        }
    }
}
