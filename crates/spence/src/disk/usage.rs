//! How many bytes of live records each namespace has on disk.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Bytes by namespace, and by segment so that a dropped segment can be taken off.
#[derive(Debug, Default)]
pub(super) struct Usage {
    totals: BTreeMap<Arc<str>, u64>,
    segments: HashMap<u64, HashMap<Arc<str>, u64>>,
}

impl Usage {
    pub(super) fn add(&mut self, segment: u64, namespace: &Arc<str>, bytes: usize) {
        let bytes = bytes as u64;
        *self.totals.entry(Arc::clone(namespace)).or_default() += bytes;
        let of_segment = self.segments.entry(segment).or_default();
        *of_segment.entry(Arc::clone(namespace)).or_default() += bytes;
    }

    /// A record of `namespace` in `segment` is live no more.
    pub(super) fn subtract(&mut self, segment: u64, namespace: &str, bytes: usize) {
        let of_segment = self.segments.get_mut(&segment).and_then(|s| s.get_mut(namespace));
        let Some(of_segment) = of_segment else { return };
        let bytes = (bytes as u64).min(*of_segment);
        *of_segment -= bytes;
        if let Some(total) = self.totals.get_mut(namespace) {
            *total -= bytes;
        }
    }

    pub(super) fn drop_segment(&mut self, segment: u64) {
        for (namespace, bytes) in self.segments.remove(&segment).unwrap_or_default() {
            if let Some(total) = self.totals.get_mut(&namespace) {
                *total -= bytes;
            }
        }
    }

    /// Those of which there are records.
    pub(super) fn namespaces(&self) -> Vec<Arc<str>> {
        self.totals
            .iter()
            .filter(|(_, bytes)| **bytes > 0)
            .map(|(name, _)| Arc::clone(name))
            .collect()
    }

    pub(super) fn of(&self, namespace: &str) -> u64 {
        self.totals.get(namespace).copied().unwrap_or(0)
    }
}
