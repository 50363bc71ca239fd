//! Which tags a namespace's entries have had, so that a ban of a tag that none of them carries
//! sends none of them through an examination.
//!
//! A set of bits, one for each hash of a tag: it may take a tag for seen that was not, and never
//! the other way round. Nothing is forgotten.

use std::sync::OnceLock;

use twox_hash::XxHash3_64;

use crate::sync::{AtomicU64, Ordering, fence};

/// Bits; with as many tags as an eighth of them, one ban in nine examines for nothing.
const BITS: usize = 1 << 16;

/// The tags, as bits; 8 KiB once there is one.
#[derive(Debug, Default)]
pub(crate) struct TagsSeen(OnceLock<Box<[AtomicU64]>>);

impl TagsSeen {
    /// Notes the tags of an entry that is about to be installed: before the bans are asked. So
    /// either the ban finds the tag here, or the entry finds the ban.
    pub(crate) fn note<'a>(&self, tags: impl Iterator<Item = &'a str>) {
        let mut any = false;
        for tag in tags {
            any = true;
            let (word, bit) = Self::place(tag);
            let bits = self.0.get_or_init(|| (0..BITS / 64).map(|_| AtomicU64::new(0)).collect());
            if let Some(bits) = bits.get(word).filter(|b| b.load(Ordering::Relaxed) & bit == 0) {
                bits.fetch_or(bit, Ordering::Relaxed);
            }
        }
        if any {
            fence(Ordering::SeqCst);
        }
    }

    /// Whether an entry may carry the tag; to be asked after its ban is in force.
    pub(crate) fn may_have(&self, tag: &str) -> bool {
        fence(Ordering::SeqCst);
        let (word, bit) = Self::place(tag);
        let bits = self.0.get().and_then(|bits| bits.get(word));
        bits.is_some_and(|bits| bits.load(Ordering::Relaxed) & bit != 0)
    }

    fn place(tag: &str) -> (usize, u64) {
        let hash = XxHash3_64::oneshot(tag.as_bytes());
        (hash as usize % (BITS / 64), 1 << (hash >> 58))
    }
}

#[cfg(all(test, not(any(feature = "shuttle", feature = "loom"))))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_ban_of_a_tag_that_no_entry_has_had_leaves_the_world_as_it_is() {
        let spence = crate::Spence::builder().build().await.unwrap();
        let cache: crate::Cache<u32, u32> = spence.cache("numbers").build().unwrap();
        cache.insert_fill(1, crate::Fill::new(1).tags(["seen"])).await.unwrap();
        let world = cache.core.namespace.world();
        spence.invalidate_tag("other").await.unwrap();
        assert_eq!(cache.core.namespace.world(), world);
        assert!(cache.peek(&1).is_some());
        spence.invalidate_tag("seen").await.unwrap();
        assert_ne!(cache.core.namespace.world(), world);
        assert!(cache.peek(&1).is_none());
    }

    #[test]
    fn what_was_noted_is_found_and_little_else() {
        let seen = TagsSeen::default();
        assert!(!seen.may_have("AAPL"));
        let names: Vec<String> = (0..5_000).map(|n| format!("S{n}")).collect();
        seen.note(names.iter().map(String::as_str));
        assert!(names.iter().all(|name| seen.may_have(name)));
        let others = (0..5_000).filter(|n| seen.may_have(&format!("T{n}"))).count();
        assert!(others < 600, "{others} of 5,000 others are taken for seen");
    }
}
