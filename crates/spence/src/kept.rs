//! How an entry keeps its key: whole, or a short text inside of the entry, so that a hit compares
//! it without another look into memory.

use crate::key::{Key, KeyPart};
use crate::memory::weigh::allocation;

/// How entries keep keys of type `K`. [`Whole`] will do for any; the texts of this crate's own
/// keys are kept as [`Inline`].
pub trait Kept<K>: Send + Sync + 'static {
    /// Whether its text is that of a hash: then no prefix and no glob is taken over such keys.
    const PRIVATE: bool = false;

    /// Keeps a key.
    fn keep(key: &K) -> Self;

    /// Whether it is this key.
    fn is(&self, key: &K) -> bool;

    /// Feeds the key's parts, as `Key::parts` does.
    fn parts(&self, feed: &mut impl FnMut(&str));

    /// Bytes held outside of itself, for the memory budget.
    fn heap_bytes(&self) -> usize;
}

/// The key itself.
#[derive(Debug)]
pub struct Whole<K>(K);

impl<K: Key> Kept<K> for Whole<K> {
    fn keep(key: &K) -> Self {
        Self(key.clone())
    }

    #[inline]
    fn is(&self, key: &K) -> bool {
        self.0 == *key
    }

    fn parts(&self, feed: &mut impl FnMut(&str)) {
        self.0.parts(feed);
    }

    fn heap_bytes(&self) -> usize {
        allocation(self.0.heap_bytes())
    }
}

/// Texts up to this length are kept inside of the entry.
const SHORT: usize = 46;

/// A text, inside of the entry if it has at most 46 bytes.
#[derive(Debug)]
pub struct Inline(Place);

#[derive(Debug)]
enum Place {
    Here { length: u8, bytes: [u8; SHORT] },
    There(Box<str>),
}

impl Inline {
    fn new(text: &str) -> Self {
        let mut bytes = [0; SHORT];
        Self(match (bytes.get_mut(..text.len()), u8::try_from(text.len())) {
            (Some(place), Ok(length)) => {
                place.copy_from_slice(text.as_bytes());
                Place::Here { length, bytes }
            }
            _ => Place::There(text.into()),
        })
    }

    #[inline]
    fn bytes(&self) -> &[u8] {
        match &self.0 {
            Place::Here { length, bytes } => bytes.get(..usize::from(*length)).unwrap_or_default(),
            Place::There(text) => text.as_bytes(),
        }
    }
}

impl<K: KeyPart + AsRef<str>> Kept<K> for Inline {
    fn keep(key: &K) -> Self {
        Self::new(key.as_ref())
    }

    #[inline]
    fn is(&self, key: &K) -> bool {
        self.bytes() == key.as_ref().as_bytes()
    }

    fn parts(&self, feed: &mut impl FnMut(&str)) {
        feed(std::str::from_utf8(self.bytes()).expect("only a whole text is kept"));
    }

    fn heap_bytes(&self) -> usize {
        match &self.0 {
            Place::Here { .. } => 0,
            Place::There(text) => allocation(text.len()),
        }
    }
}

macro_rules! tuples {
    ($($($part:ident $index:tt),*;)*) => {$(
        impl<$($part: KeyPart),*> Kept<($($part,)*)> for ($($part::Kept,)*) {
            fn keep(key: &($($part,)*)) -> Self {
                ($(Kept::keep(&key.$index),)*)
            }

            #[inline]
            fn is(&self, key: &($($part,)*)) -> bool {
                $(self.$index.is(&key.$index))&&*
            }

            fn parts(&self, feed: &mut impl FnMut(&str)) {
                $(self.$index.parts(feed);)*
            }

            fn heap_bytes(&self) -> usize {
                0 $(+ self.$index.heap_bytes())*
            }
        }
    )*};
}

tuples! {
    A 0, B 1;
    A 0, B 1, C 2;
    A 0, B 1, C 2, D 3;
}

#[cfg(all(test, not(feature = "shuttle")))]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_itself_again_whatever_its_length() {
        for length in [0, 1, SHORT - 1, SHORT, SHORT + 1, 4096] {
            let key = "é".repeat(length / 2) + &"x".repeat(length % 2);
            let kept = Inline::new(&key);
            assert!(kept.is(&key));
            assert!(!kept.is(&(key.clone() + "y")) && (key.is_empty() || !kept.is(&String::new())));
            let mut parts = Vec::new();
            Kept::<String>::parts(&kept, &mut |part| parts.push(part.to_owned()));
            assert_eq!(parts, [key]);
            assert_eq!(Kept::<String>::heap_bytes(&kept) > 0, length > SHORT);
        }
        assert_eq!(size_of::<Inline>(), 48);
    }

    #[test]
    fn several_parts_are_kept_each_in_its_way() {
        let key = ("AAPL".to_owned(), 90_u32);
        let kept = <(String, u32) as Key>::Kept::keep(&key);
        assert!(kept.is(&key));
        let others = [("AAPL", 91_u32), ("IBM", 90)];
        assert!(others.iter().all(|(symbol, bars)| !kept.is(&((*symbol).to_owned(), *bars))));
    }
}
