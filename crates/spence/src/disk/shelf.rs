//! A disk tier that is a map, for schedule tests, which the real one's threads cannot run in. It
//! keeps what it is told in the order in which it is told, and a reader may be passed by an
//! operation between looking and getting its answer, as on a device.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Ack, DiskStore, Found, Op, Reading};
use crate::envelope::StoredEntry;
use crate::sync::Mutex;

/// A namespace and a key.
type Name = (Arc<str>, Arc<str>);

/// Keeps everything, in memory.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    entries: Mutex<HashMap<Name, Arc<StoredEntry>>>,
}

impl DiskStore for Shelf {
    fn is_present(&self) -> bool {
        true
    }

    fn get<'a>(&'a self, namespace: &'a Arc<str>, key: &'a Arc<str>) -> Reading<'a> {
        Reading::Waits(Box::pin(async move {
            let place = (Arc::clone(namespace), Arc::clone(key));
            let found = self.entries.lock().get(&place).cloned();
            shuttle::future::yield_now().await;
            found.map_or(Found::Nothing, |entry| Found::Entry(Box::new((*entry).clone())))
        }))
    }

    fn accept(&self, op: Op) -> Ack {
        let mut entries = self.entries.lock();
        match op {
            Op::Put(entry) => {
                let place = (Arc::clone(&entry.namespace), Arc::clone(&entry.key));
                entries.insert(place, entry);
            }
            Op::Remove { namespace, key, .. } => drop(entries.remove(&(namespace, key))),
            Op::Expire { namespace, key, at_ms, .. } => {
                if let Some(entry) = entries.get_mut(&(namespace, key)) {
                    Arc::make_mut(entry).expire(at_ms);
                }
            }
            Op::Ban(_) => {}
        }
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
        (self.entries(), false)
    }

    fn entries(&self) -> u64 {
        self.entries.lock().len() as u64
    }

    fn budget(&self) -> u64 {
        u64::MAX
    }

    fn largest(&self) -> u64 {
        u64::MAX
    }

    fn errors(&self) -> u64 {
        0
    }

    fn breaker_opened(&self) -> u64 {
        0
    }

    fn close(&self) {}
}
