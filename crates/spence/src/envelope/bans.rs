//! The body of a stored ban.

use serde::{Deserialize, Serialize};

use super::{RecordKind, put};
use crate::ban::{Ban, Effect, What};

#[derive(Serialize, Deserialize)]
struct BanFields<'a> {
    seq: u64,
    effect: EffectField,
    #[serde(borrow)]
    what: WhatField<'a>,
}

#[derive(Serialize, Deserialize)]
enum EffectField {
    Invalidate,
    Expire { at_ms: u64 },
}

#[derive(Serialize, Deserialize)]
enum WhatField<'a> {
    Tag(&'a str),
    Prefix(&'a str, &'a str),
    Glob(&'a str, &'a str),
    Namespace(&'a str),
    Everything,
}

/// Appends the body of a ban.
pub(crate) fn put_ban(ban: &Ban, out: &mut Vec<u8>) {
    let effect = match ban.effect {
        Effect::Invalidate => EffectField::Invalidate,
        Effect::Expire { at_ms } => EffectField::Expire { at_ms },
    };
    let what = match &ban.what {
        What::Tag(tag) => WhatField::Tag(tag),
        What::Prefix { namespace, prefix } => WhatField::Prefix(namespace, prefix),
        What::Glob { namespace, pattern } => WhatField::Glob(namespace, pattern),
        What::Namespace(namespace) => WhatField::Namespace(namespace),
        What::Everything => WhatField::Everything,
    };
    put(RecordKind::Ban, &BanFields { seq: ban.position, effect, what }, &[], out);
}

/// Reads the fields of a ban.
pub(super) fn read_ban(fields: &[u8]) -> Option<Ban> {
    let fields: BanFields<'_> = postcard::from_bytes(fields).ok()?;
    let effect = match fields.effect {
        EffectField::Invalidate => Effect::Invalidate,
        EffectField::Expire { at_ms } => Effect::Expire { at_ms },
    };
    let what = match fields.what {
        WhatField::Tag(tag) => What::Tag(tag.into()),
        WhatField::Prefix(namespace, prefix) => {
            What::Prefix { namespace: namespace.into(), prefix: prefix.into() }
        }
        WhatField::Glob(namespace, pattern) => {
            What::Glob { namespace: namespace.into(), pattern: pattern.into() }
        }
        WhatField::Namespace(namespace) => What::Namespace(namespace.into()),
        WhatField::Everything => What::Everything,
    };
    Some(Ban { position: fields.seq, effect, what })
}
