//! The hash by which the index finds a key: keyed, since keys may come from strangers, and the same
//! in each process that opens the directory.

use std::hash::Hasher as _;

use siphasher::sip::SipHasher13;

/// The key hash of the disk tier, keyed per directory and stable across processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StoredHasher(pub(super) [u8; 16]);

impl StoredHasher {
    pub(super) fn hash(&self, namespace: &str, key: &str) -> u64 {
        let hasher = SipHasher13::new_with_key(&self.0);
        let (length, names) = ((namespace.len() as u32).to_le_bytes(), namespace.len() + 4);
        // Whole texts are hashed twice as fast as pieces.
        let mut whole = [0; 192];
        if let Some(whole) = whole.get_mut(..names + key.len())
            && let Some((before, place)) = whole.split_at_mut_checked(names)
        {
            let (count, name) = before.split_at_mut(4);
            count.copy_from_slice(&length);
            name.copy_from_slice(namespace.as_bytes());
            place.copy_from_slice(key.as_bytes());
            return hasher.hash(whole);
        }
        let mut hasher = hasher;
        [&length, namespace.as_bytes(), key.as_bytes()].iter().for_each(|part| hasher.write(part));
        hasher.finish()
    }
}
