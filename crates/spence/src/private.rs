//! Keys that say nothing of what they are of, for personal data.

use std::hash::Hasher;

use siphasher::sip128::{Hasher128, SipHasher24};

use crate::kept::Kept;
use crate::key::KeyPart;

/// What hashes are begun with, the same in every process: nodes share entries, and a disk outlives
/// a process.
const SEED: (u64, u64) = (0x7370_656e_6365_2f70, 0x7269_7661_7465_2f31);

/// A key made of personal data: 32 hexadecimal digits of their hash (SipHash-2-4, 128 bits) stand
/// for them in memory, on disk, in Redis, in logs, in events and in what `explain` says. Two texts
/// of one hash are one key; with 2^40 keys the chance of that is 10^-15.
///
/// There are no prefixes and globs over private keys: invalidation refuses them. By key, tag or
/// namespace it works as ever.
///
/// It is a pseudonym, no secret: whoever guesses all the data can see whether they are held, and
/// values are stored as they are.
///
/// ```
/// use spence::{Key, PrivateKey};
///
/// let key = PrivateKey::of("1990-06-15T10:00:00Z 52.52,13.41");
/// assert_eq!(key.canonical().len(), 32);
/// assert!(!key.canonical().contains("1990"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrivateKey([u8; 32]);

impl PrivateKey {
    /// The key of these data, in whatever canonical form they have.
    #[must_use]
    pub fn of(data: &str) -> Self {
        let mut hasher = SipHasher24::new_with_keys(SEED.0, SEED.1);
        hasher.write(data.as_bytes());
        let mut digits = [b'0'; 32];
        let mut rest = hasher.finish128().as_u128();
        for digit in digits.iter_mut().rev() {
            *digit = match (rest & 15) as u8 {
                low @ 0..=9 => b'0' + low,
                high => b'a' + high - 10,
            };
            rest >>= 4;
        }
        Self(digits)
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl KeyPart for PrivateKey {
    type Kept = Self;

    fn part(&self, feed: &mut impl FnMut(&str)) {
        feed(self.as_str());
    }

    fn part_heap_bytes(&self) -> usize {
        0
    }
}

impl Kept<Self> for PrivateKey {
    const PRIVATE: bool = true;

    fn keep(key: &Self) -> Self {
        *key
    }

    #[inline]
    fn is(&self, key: &Self) -> bool {
        self == key
    }

    fn parts(&self, feed: &mut impl FnMut(&str)) {
        feed(self.as_str());
    }

    fn heap_bytes(&self) -> usize {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_data_have_equal_keys_in_every_process() {
        // Stored entries are found by it: it must never change.
        assert_eq!(PrivateKey::of("someone").as_str(), "04ba94d7815870568f93178618f7ce88");
        assert_ne!(PrivateKey::of("someone"), PrivateKey::of("someone else"));
    }
}
