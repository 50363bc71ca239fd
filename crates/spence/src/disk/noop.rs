//! No disk tier: `disk.enabled: false`. Nothing is kept, so nothing needs removing.

use std::sync::Arc;

use crate::envelope::StoredEntry;

use super::{Ack, DiskStore, Found, Op, Reading};

/// Keeps nothing.
#[derive(Debug)]
pub(crate) struct NoDisk;

impl DiskStore for NoDisk {
    fn is_present(&self) -> bool {
        false
    }

    fn get<'a>(&'a self, _namespace: &'a Arc<str>, _key: &'a Arc<str>) -> Reading<'a> {
        Reading::Done(Found::Nothing)
    }

    fn accept(&self, _op: Op) -> Ack {
        Ack::done()
    }

    fn unverified_until(&self) -> u64 {
        0
    }

    fn bytes(&self) -> u64 {
        0
    }

    fn bytes_of(&self, _namespace: &str) -> u64 {
        0
    }

    fn namespaces(&self) -> Vec<Arc<str>> {
        Vec::new()
    }

    fn count(&self, _most: usize, _counts: &dyn Fn(&StoredEntry) -> bool) -> (u64, bool) {
        (0, true)
    }

    fn entries(&self) -> u64 {
        0
    }

    fn budget(&self) -> u64 {
        0
    }

    fn largest(&self) -> u64 {
        0
    }

    fn errors(&self) -> u64 {
        0
    }

    fn breaker_opened(&self) -> u64 {
        0
    }

    fn close(&self) {}
}
