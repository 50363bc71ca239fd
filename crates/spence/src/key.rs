//! Keys: their parts, their canonical text, their hashes.
//!
//! A key is one or more text parts. Memory finds an entry by a seeded 64-bit hash of the parts,
//! made without allocating, and then compares the whole key: a collision is a miss. The canonical
//! text names the same key to people, globs and the network; disk and the shared tier hash that.
//!
//! Canonical text: a key of one part is that part, unescaped, so that the glob `features:*` means
//! what it says. A key of several parts joins them with `:` and writes `:` and `%` inside a part
//! as `%3A` and `%25`, so that no two keys share a text.

use std::borrow::Cow;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use foldhash::quality::SeedableRandomState;

use crate::error::Error;
pub use crate::kept::{Inline, Kept, Whole};

/// The longest canonical text of a key, in bytes.
pub const MAX_KEY_BYTES: usize = 4096;

/// What entries are found by.
///
/// Implemented for strings, integers and tuples of up to four of them. A type of your own feeds
/// its parts in a fixed order:
///
/// ```
/// use spence::Key;
///
/// #[derive(Clone, PartialEq, Eq)]
/// struct BarKey { symbol: String, bars: u32 }
///
/// impl Key for BarKey {
///     type Kept = spence::key::Whole<Self>;
///     const ARITY: usize = 2;
///     fn parts(&self, feed: &mut impl FnMut(&str)) {
///         feed(&self.symbol);
///         spence::key::feed_integer(self.bars, feed);
///     }
/// }
///
/// assert_eq!(BarKey { symbol: "BRK:A".into(), bars: 90 }.canonical(), "BRK%3AA:90");
/// ```
pub trait Key: Eq + Clone + Send + Sync + 'static {
    /// How entries keep it; [`Whole<Self>`](Whole) will do. Comparing must not call the cache.
    type Kept: Kept<Self>;

    /// How many parts every key of this type has; at least 1.
    const ARITY: usize;

    /// Feeds the parts, in order, exactly [`Key::ARITY`] of them. Equal keys feed equal parts and
    /// different keys different ones.
    fn parts(&self, feed: &mut impl FnMut(&str));

    /// Bytes that the key holds outside of itself, for the memory budget.
    fn heap_bytes(&self) -> usize {
        let mut bytes = 0;
        self.parts(&mut |part| bytes += part.len());
        bytes
    }

    /// The canonical text.
    fn canonical(&self) -> String {
        let mut text = Canonical::new(Self::ARITY);
        self.parts(&mut |part| text.push(part));
        text.text
    }
}

/// One part of a key; a type that is one is also a [`Key`] by itself.
pub trait KeyPart: Eq + Clone + Send + Sync + 'static {
    /// How entries keep it; [`Whole<Self>`](Whole) will do.
    type Kept: Kept<Self>;

    /// Feeds the part's text.
    fn part(&self, feed: &mut impl FnMut(&str));

    /// Bytes that the part holds outside of itself.
    fn part_heap_bytes(&self) -> usize;
}

impl<P: KeyPart> Key for P {
    type Kept = P::Kept;
    const ARITY: usize = 1;

    #[inline]
    fn parts(&self, feed: &mut impl FnMut(&str)) {
        self.part(feed);
    }

    fn heap_bytes(&self) -> usize {
        self.part_heap_bytes()
    }
}

/// Feeds an integer as its decimal digits, without allocating.
#[inline]
pub fn feed_integer(value: impl itoa::Integer, feed: &mut impl FnMut(&str)) {
    feed(itoa::Buffer::new().format(value));
}

macro_rules! text_parts {
    ($($type:ty),*) => {$(
        impl KeyPart for $type {
            type Kept = Inline;

            #[inline]
            fn part(&self, feed: &mut impl FnMut(&str)) {
                feed(self);
            }

            fn part_heap_bytes(&self) -> usize {
                self.len()
            }
        }
    )*};
}

macro_rules! integer_parts {
    ($($type:ty),*) => {$(
        impl KeyPart for $type {
            type Kept = Whole<Self>;

            #[inline]
            fn part(&self, feed: &mut impl FnMut(&str)) {
                feed_integer(*self, feed);
            }

            fn part_heap_bytes(&self) -> usize {
                0
            }
        }
    )*};
}

macro_rules! tuple_keys {
    ($($arity:literal: $($part:ident $index:tt),*;)*) => {$(
        impl<$($part: KeyPart),*> Key for ($($part,)*) {
            type Kept = ($($part::Kept,)*);
            const ARITY: usize = $arity;

            #[inline]
            fn parts(&self, feed: &mut impl FnMut(&str)) {
                $(self.$index.part(feed);)*
            }

            fn heap_bytes(&self) -> usize {
                0 $(+ self.$index.part_heap_bytes())*
            }
        }
    )*};
}

text_parts!(String, Box<str>, Arc<str>, &'static str);
integer_parts!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize);
tuple_keys! {
    2: A 0, B 1;
    3: A 0, B 1, C 2;
    4: A 0, B 1, C 2, D 3;
}

/// A canonical text in the making.
pub(crate) struct Canonical {
    text: String,
    arity: usize,
    parts: usize,
}

impl Canonical {
    fn new(arity: usize) -> Self {
        Self { text: String::new(), arity, parts: 0 }
    }

    fn push(&mut self, part: &str) {
        if self.parts > 0 {
            self.text.push(':');
        }
        self.parts += 1;
        match self.arity {
            1 => self.text.push_str(part),
            _ => escape_into(part, &mut self.text),
        }
    }

    /// Of a key as an entry keeps it.
    pub(crate) fn of<K: Key>(kept: &K::Kept) -> String {
        let mut text = Self::new(K::ARITY);
        kept.parts(&mut |part| text.push(part));
        text.text
    }
}

/// The canonical text of a key, to be shared.
pub(crate) fn shared_text<K: Key>(key: &K) -> Arc<str> {
    let mut only = None;
    if K::ARITY == 1 {
        // As it is, so it need not be put together first.
        key.parts(&mut |part| only = Some(Arc::from(part)));
    }
    only.unwrap_or_else(|| key.canonical().into())
}

pub(crate) fn escape_into(part: &str, text: &mut String) {
    for piece in part.split_inclusive([':', '%']) {
        if let Some(before) = piece.strip_suffix(':') {
            text.push_str(before);
            text.push_str("%3A");
        } else if let Some(before) = piece.strip_suffix('%') {
            text.push_str(before);
            text.push_str("%25");
        } else {
            text.push_str(piece);
        }
    }
}

fn unescape(part: &str) -> Option<Cow<'_, str>> {
    if !part.contains('%') {
        return Some(Cow::Borrowed(part));
    }
    let mut text = String::with_capacity(part.len());
    let mut rest = part;
    while let Some((before, after)) = rest.split_once('%') {
        text.push_str(before);
        text.push(match after.get(..2)? {
            "3A" => ':',
            "25" => '%',
            _ => return None,
        });
        rest = after.get(2..)?;
    }
    text.push_str(rest);
    Some(Cow::Owned(text))
}

/// The parts of what the network or an operator gave as the canonical text of a key of `arity`
/// parts.
///
/// # Errors
/// `InvalidArgument`: which limit it breaks, or that it has not so many parts.
pub fn parse_text(text: &str, arity: usize) -> Result<Vec<Cow<'_, str>>, Error> {
    check_text(text)?;
    if arity == 1 {
        return Ok(vec![Cow::Borrowed(text)]);
    }
    let parts: Option<Vec<_>> = text.split(':').map(unescape).collect();
    match parts {
        Some(parts) if parts.len() == arity => Ok(parts),
        Some(parts) => Err(Error::invalid(format!(
            "key {text:?}: {} parts, expected {arity} joined by `:`",
            parts.len()
        ))),
        None => Err(Error::invalid(format!("key {text:?}: `%` must be followed by 3A or 25"))),
    }
}

/// Checks the limits of every canonical text: not empty, at most [`MAX_KEY_BYTES`], no control
/// characters.
///
/// # Errors
/// `InvalidArgument` with the limit that is broken.
pub fn check_text(text: &str) -> Result<(), Error> {
    if text.is_empty() {
        return Err(Error::invalid("key: is empty"));
    }
    if text.len() > MAX_KEY_BYTES {
        let length = text.len();
        return Err(Error::invalid(format!("key: {length} bytes, at most {MAX_KEY_BYTES}")));
    }
    // All of them, whatever comes: so it is done many at a time.
    if text.bytes().fold(true, |plain, byte| plain & matches!(byte, b' '..=b'~')) {
        return Ok(());
    }
    match text.chars().find(|c| c.is_control()) {
        Some(control) => Err(Error::invalid(format!("key: contains {control:?}"))),
        None => Ok(()),
    }
}

/// Not to be foreseen from outside of the process.
pub(crate) fn random_seed() -> u64 {
    std::hash::RandomState::new().build_hasher().finish()
}

/// Hashes the keys of one namespace for the memory tier and the flight table. Seeded anew in each
/// process, since keys may come from strangers.
#[derive(Debug, Clone)]
pub(crate) struct MemoryHasher(SeedableRandomState);

impl MemoryHasher {
    /// `seed` is the engine's; the namespace is mixed in, so that equal keys of two caches differ.
    pub(crate) fn new(seed: u64, namespace: &str) -> Self {
        let mixed = seed ^ twox_hash::XxHash3_64::oneshot(namespace.as_bytes());
        Self(SeedableRandomState::with_seed(mixed, foldhash::SharedSeed::global_random()))
    }

    #[inline]
    pub(crate) fn hash<K: Key>(&self, key: &K) -> u64 {
        let mut hasher = self.0.build_hasher();
        key.parts(&mut |part| feed_hasher(&mut hasher, part, K::ARITY));
        hasher.finish()
    }

    /// The same, of the parts themselves.
    pub(crate) fn hash_parts<'a>(&self, parts: impl ExactSizeIterator<Item = &'a str>) -> u64 {
        let mut hasher = self.0.build_hasher();
        let arity = parts.len();
        parts.for_each(|part| feed_hasher(&mut hasher, part, arity));
        hasher.finish()
    }
}

#[inline]
fn feed_hasher(hasher: &mut impl Hasher, part: &str, arity: usize) {
    if arity > 1 {
        // Where one part ends and the next begins.
        hasher.write_u32(part.len() as u32);
    }
    hasher.write(part.as_bytes());
}

/// For maps whose keys are already hashes.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        debug_assert!(false, "only u64 keys are hashed, not {} bytes", bytes.len());
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

impl BuildHasher for Identity {
    type Hasher = Identity;

    fn build_hasher(&self) -> Identity {
        Identity(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_text_is_unique_and_reads_back() {
        let check = |key: (String, String), text: &str| {
            assert_eq!(key.canonical(), text);
            assert_eq!(parse_text(text, 2).unwrap(), [key.0.as_str(), key.1.as_str()]);
        };
        check(("AAPL".into(), "90".into()), "AAPL:90");
        check(("a:b".into(), "c".into()), "a%3Ab:c");
        check(("a".into(), "b:c".into()), "a:b%3Ac");
        check(("100%".into(), "%3A".into()), "100%25:%253A");
        check(("ü".into(), "é:".into()), "ü:é%3A");
    }

    #[test]
    fn a_key_of_one_part_is_not_escaped() {
        assert_eq!(String::from("features:AAPL:100%").canonical(), "features:AAPL:100%");
        assert_eq!(parse_text("a:b", 1).unwrap(), ["a:b"]);
        assert_eq!(42_u32.canonical(), "42");
    }

    #[test]
    fn texts_outside_the_limits_are_refused_with_the_reason() {
        let check = |text: &str, arity, expected: &str| {
            let error = parse_text(text, arity).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check("", 1, "is empty");
        check("a\0b", 1, "'\\0'");
        check(&"k".repeat(MAX_KEY_BYTES + 1), 1, "4097 bytes, at most 4096");
        check("a:b:c", 2, "3 parts, expected 2");
        check("a:%zz", 2, "`%` must be followed by");
        check("a:%", 2, "`%` must be followed by");
        check("a:%3", 2, "`%` must be followed by");
        check("a:%é", 2, "`%` must be followed by");
    }

    #[test]
    fn typed_and_textual_keys_hash_alike() {
        let hasher = MemoryHasher::new(7, "bars");
        let key = ("BRK:A".to_owned(), 90_u32);
        let text = key.canonical();
        let parts = parse_text(&text, 2).unwrap();
        assert_eq!(hasher.hash(&key), hasher.hash_parts(parts.iter().map(AsRef::as_ref)));
        assert_ne!(hasher.hash(&key), MemoryHasher::new(7, "other").hash(&key));
        assert_ne!(hasher.hash(&("ab", "c")), hasher.hash(&("a", "bc")));
    }
}
