//! What nodes tell each other: a key or many are forgotten, or are fresh no more.
//!
//! A notice is a record of the log (a stream in Redis): the body of a tombstone or a ban, as
//! docs/formats.md describes them, and the moment of an expiry. A ban is noted in the state as
//! well, for nodes that come later than its record.

use std::sync::Arc;

use bytes::Bytes;

use crate::ban::{Ban, Effect, What};
use crate::envelope::{self, Body};

/// What a field of the state begins with that is a ban.
const BAN_FIELD: u8 = b'b';

/// Something that every node must know.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Notice {
    pub(crate) about: About,
    pub(crate) effect: Effect,
}

/// What a notice is about.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum About {
    Key { namespace: Arc<str>, key: Arc<str> },
    Many(What),
}

impl Notice {
    /// The record's body.
    pub(super) fn body(&self) -> Vec<u8> {
        let mut body = Vec::new();
        match &self.about {
            About::Key { namespace, key } => {
                envelope::put_tombstone(namespace, key, 0, &mut body);
            }
            About::Many(what) => {
                // Position and moment stand beside it: the same thing is the same field.
                let effect = match self.effect {
                    Effect::Invalidate => Effect::Invalidate,
                    Effect::Expire { .. } => Effect::Expire { at_ms: 0 },
                };
                envelope::put_ban(&Ban { position: 0, effect, what: what.clone() }, &mut body);
            }
        }
        body
    }

    /// The moment of an expiry in milliseconds of Unix time; 0 for good.
    pub(super) fn at_ms(&self) -> u64 {
        match self.effect {
            Effect::Invalidate => 0,
            Effect::Expire { at_ms } => at_ms.max(1),
        }
    }

    /// The field of the state that a ban of this body has; empty for a key.
    pub(super) fn field(&self, body: &[u8]) -> Vec<u8> {
        match self.about {
            About::Key { .. } => Vec::new(),
            About::Many(_) => [&[BAN_FIELD], body].concat(),
        }
    }

    /// That everything is to be forgotten.
    pub(super) fn of_everything() -> Self {
        Self { about: About::Many(What::Everything), effect: Effect::Invalidate }
    }

    /// Whether no ban before it matters any more.
    pub(super) fn is_of_everything(&self) -> bool {
        self.about == About::Many(What::Everything) && self.effect == Effect::Invalidate
    }

    /// Reads a record; `None` if it is none.
    pub(super) fn read(body: &[u8], at_ms: u64) -> Option<Self> {
        let effect = match at_ms {
            0 => Effect::Invalidate,
            at_ms => Effect::Expire { at_ms },
        };
        let about = match envelope::read(&Bytes::copy_from_slice(body))? {
            Body::Tombstone { namespace, key, .. } => About::Key { namespace, key },
            Body::Ban(ban) => About::Many(ban.what),
            Body::Entry(_) => return None,
        };
        Some(Self { about, effect })
    }

    /// Whether a field of the state is a ban.
    pub(super) fn is_field(field: &[u8]) -> bool {
        field.first() == Some(&BAN_FIELD)
    }

    /// Reads a field of the state, if it is a ban that can be read.
    pub(super) fn ban_of_field(field: &[u8], value: &str) -> Option<Ban> {
        let (_, body) = field.split_first().filter(|_| Self::is_field(field))?;
        let (position, at_ms) = value.split_once(' ')?;
        let notice = Self::read(body, at_ms.parse().ok()?)?;
        let About::Many(what) = notice.about else { return None };
        Some(Ban { position: position.parse().ok()?, effect: notice.effect, what })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_read_back_and_the_same_thing_has_the_same_field() {
        let key = About::Key { namespace: "n".into(), key: "k".into() };
        let tag = || About::Many(What::Tag("AAPL".into()));
        for (about, effect) in [
            (key, Effect::Invalidate),
            (tag(), Effect::Invalidate),
            (tag(), Effect::Expire { at_ms: 77 }),
        ] {
            let notice = Notice { about, effect };
            let read = Notice::read(&notice.body(), notice.at_ms());
            assert_eq!(read.as_ref(), Some(&notice));
        }
        let field = |at_ms| {
            let notice = Notice { about: tag(), effect: Effect::Expire { at_ms } };
            notice.field(&notice.body())
        };
        assert_eq!(field(5), field(6));
        let ban = Notice::ban_of_field(&field(5), "9 6").unwrap();
        assert_eq!((ban.position, ban.effect), (9, Effect::Expire { at_ms: 6 }));
        for (field, value) in [(b"epoch".as_slice(), "9 6"), (&field(5), "x"), (&field(5), "9")] {
            assert_eq!(Notice::ban_of_field(field, value), None);
        }
        assert_eq!(Notice::read(b"not a body", 0), None);
    }
}
