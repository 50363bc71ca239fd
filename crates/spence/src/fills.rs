//! What the fill of many keys gives back.

use std::error::Error as StdError;

use crate::error::Error;
use crate::fill::Fill;

/// What the fill of a chunk gives back: for each key a value, "nothing there" or an error. A key
/// that it says nothing about has failed; its absence is never taken for "nothing there".
///
/// ```
/// use spence::{Fill, Fills};
///
/// let mut fills: Fills<u32, String> = [(1, Fill::new("one".to_owned()))].into_iter().collect();
/// fills.put(2, Fill::not_found());
/// fills.fail(3, std::io::Error::other("row 3 is garbled"));
/// ```
#[derive(Debug)]
pub struct Fills<K, V>(pub(crate) Vec<(K, Result<Fill<V>, Error>)>);

impl<K, V> Fills<K, V> {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self(Vec::new())
    }

    /// The answer for a key.
    pub fn put(&mut self, key: K, fill: Fill<V>) {
        self.0.push((key, Ok(fill)));
    }

    /// The origin failed for this key alone.
    pub fn fail(&mut self, key: K, error: impl Into<Box<dyn StdError + Send + Sync>>) {
        self.0.push((key, Err(Error::origin(error))));
    }
}

impl<K, V> Default for Fills<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, V> FromIterator<(K, Fill<V>)> for Fills<K, V> {
    fn from_iter<T: IntoIterator<Item = (K, Fill<V>)>>(items: T) -> Self {
        Self(items.into_iter().map(|(key, fill)| (key, Ok(fill))).collect())
    }
}
