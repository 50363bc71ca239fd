//! The pools of an engine: the one that caches share, and those of caches with budgets of their
//! own. Together they keep to one budget.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{
    Eviction, LruPool, MIN_BUDGET, MemoryStore, NoMemory, Settings, ShardedPool, check_budget,
};
use crate::entry::Slot;
use crate::error::Error;
use crate::sync::Mutex;

/// The process may be larger than its budget by this part of it.
const SLACK_PART: u64 = 10;

pub(crate) struct Pools {
    settings: Settings,
    shared: Arc<dyn MemoryStore>,
    own: Mutex<Own>,
    /// Held while sizes change, which may take long.
    sizing: Mutex<()>,
}

struct Own {
    /// All bytes; 0 when memory is off.
    total: u64,
    pools: BTreeMap<String, Arc<dyn MemoryStore>>,
}

impl Pools {
    /// Pools of `total` bytes in all; `None` for no memory tier.
    pub(crate) fn new(settings: Settings, total: Option<u64>) -> Result<Self, Error> {
        if settings.max_entries == Some(0) {
            return Err(Error::invalid("memory: max_entries: 0, at least 1"));
        }
        let shared = match total {
            None => Arc::new(NoMemory) as Arc<dyn MemoryStore>,
            Some(total) => {
                check_budget("memory budget", total)?;
                pool(&settings, total)
            }
        };
        let own = Own { total: total.unwrap_or(0), pools: BTreeMap::new() };
        Ok(Self { settings, shared, own: Mutex::new(own), sizing: Mutex::new(()) })
    }

    /// The pool of a cache: the shared one, or one of `budget` bytes that are taken from it.
    pub(crate) fn open(
        &self,
        name: &str,
        budget: Option<u64>,
    ) -> Result<Arc<dyn MemoryStore>, Error> {
        let Some(budget) = budget.filter(|_| self.shared.budget() > 0) else {
            return Ok(Arc::clone(&self.shared));
        };
        let _sizing = self.sizing.lock();
        if let Some(pool) = self.own.lock().pools.get(name) {
            return Ok(Arc::clone(pool));
        }
        let total = self.own.lock().total;
        check_budget(&format!("cache {name:?}: memory budget"), budget)?;
        let left = self.own.lock().left(total, name, budget)?;
        self.resize_shared(left);
        let pool = pool(&self.settings, budget);
        self.own.lock().pools.insert(name.to_owned(), Arc::clone(&pool));
        Ok(pool)
    }

    /// Changes what all pools have together; the shared one takes the difference, and begins anew
    /// if the process would else stay larger than that. Blocks while entries are dropped.
    pub(crate) fn resize(&self, total: u64) -> Result<(), Error> {
        check_budget("memory budget", total)?;
        let _sizing = self.sizing.lock();
        let left = {
            let mut own = self.own.lock();
            if own.total == 0 {
                return Err(Error::invalid(
                    "memory: is off; it cannot be switched on while running",
                ));
            }
            let left = own.left(total, "", 0)?;
            own.total = total;
            left
        };
        self.resize_shared(left);
        Ok(())
    }

    fn resize_shared(&self, budget: u64) {
        if self.shared.most_held() <= budget + budget / SLACK_PART {
            return self.shared.resize(budget);
        }
        // What is dropped here and there leaves nearly every page in use.
        self.shared.renew(budget);
        spence_heap::give_back();
    }

    /// The budget of all pools.
    pub(crate) fn budget(&self) -> u64 {
        let own = self.own.lock();
        // While the shared pool shrinks it has more than it shall have.
        self.shared.budget() + own.taken()
    }

    /// Shows every entry once, as [`MemoryStore::visit`] does.
    pub(crate) fn visit(&self, visitor: &mut dyn FnMut(&dyn MemoryStore, u64, &Slot)) {
        for pool in self.all() {
            pool.visit(&mut |hash, slot| visitor(&*pool, hash, slot));
        }
    }

    /// All pools, the shared one first.
    pub(crate) fn all(&self) -> Vec<Arc<dyn MemoryStore>> {
        let mut all = vec![Arc::clone(&self.shared)];
        all.extend(self.own.lock().pools.values().cloned());
        all
    }
}

/// Entries know their namespace, and that its pool: they would keep each other for ever.
impl Drop for Pools {
    fn drop(&mut self) {
        self.all().iter().for_each(|pool| pool.renew(pool.budget()));
    }
}

impl Own {
    fn taken(&self) -> u64 {
        self.pools.values().map(|pool| pool.budget()).sum()
    }

    /// What is left to share of `total`, if there is room for a pool of `more` bytes.
    fn left(&self, total: u64, name: &str, more: u64) -> Result<u64, Error> {
        let taken = self.taken() + more;
        if total < taken + MIN_BUDGET {
            return Err(Error::invalid(format!(
                "memory budget: {total} bytes; {taken} are for caches with budgets of their own{}, \
                 and {MIN_BUDGET} must be left for the others",
                if name.is_empty() { String::new() } else { format!(" ({name:?} among them)") }
            )));
        }
        Ok(total - taken)
    }
}

fn pool(settings: &Settings, budget: u64) -> Arc<dyn MemoryStore> {
    match settings.eviction {
        Eviction::S3Fifo => Arc::new(ShardedPool::new(settings, budget)),
        Eviction::Lru => Arc::new(LruPool::new(settings, budget)),
    }
}
