//! Namespaces: one per cache, with everything about a cache that does not depend on its types.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Place;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

use crate::calendar::Calendar;
use crate::clock::{Clock, Ticks};
use crate::error::{Error, ErrorKind};
use crate::key::MemoryHasher;
use crate::lifetime::Rules;
use crate::memory::{MemoryStore, Pools};
use crate::policy::{Policy, PolicyLayer, Setting, settings};
use crate::stats::{Counters, Holdings};
use crate::sync::{AtomicU32, AtomicU64, Ordering, RwLock};
use crate::tags_seen::TagsSeen;

/// The most namespaces that an engine holds.
pub const MAX_NAMESPACES: usize = 1024;
/// The longest name of a namespace, in bytes.
pub const MAX_NAMESPACE_BYTES: usize = 64;

/// What a cache is, without its types.
pub(crate) struct Namespace {
    pub(crate) name: Arc<str>,
    /// Parts of every key.
    pub(crate) arity: usize,
    /// Whether keys are hashes: [`crate::PrivateKey`].
    pub(crate) private: bool,
    /// What a stored entry must carry to be readable here: name, schema, codec (contract C13).
    pub(crate) fingerprint: u64,
    pub(crate) hasher: MemoryHasher,
    pub(crate) counters: Counters,
    pub(crate) holdings: Holdings,
    /// Where its entries are held in memory.
    pub(crate) memory: Arc<dyn MemoryStore>,
    pub(crate) tags_seen: TagsSeen,
    rules: ArcSwap<Rules>,
    /// Changes whenever an entry that looked fine may be so no longer: a ban that can touch this
    /// cache, a change of policy. An entry carries the world in which it was last examined; a hit
    /// in another world takes the cold path and is examined again.
    world: AtomicU64,
    /// Until this tick it is certain that no other node's invalidation is missing here for longer
    /// than permitted.
    verified_until: AtomicU32,
    /// A hit whose count has none of these bits is compared with the shared tier.
    pub(crate) shadow_mask: u64,
}

impl Namespace {
    /// The policy in force; not to be held for long. Reading it counts no references, so that
    /// readers on different cores do not wait for one another.
    #[inline]
    pub(crate) fn rules(&self) -> Guard<Arc<Rules>> {
        self.rules.load()
    }

    #[inline]
    pub(crate) fn world(&self) -> u64 {
        self.world.load(Ordering::Acquire)
    }

    /// Whether it is certain at `now` that no other node's invalidation has been missing here for
    /// longer than permitted.
    #[inline]
    pub(crate) fn is_verified(&self, now: Ticks) -> bool {
        now < self.verified_until.load(Ordering::Relaxed)
    }

    /// Sends every entry's next hit through the cold path.
    pub(crate) fn next_world(&self) {
        self.world.fetch_add(1, Ordering::AcqRel);
    }
}

impl std::fmt::Debug for Namespace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Namespace").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A name's namespace together with the typed rest of its cache.
#[derive(Clone)]
struct Registered {
    blueprint: Blueprint,
    namespace: Arc<Namespace>,
    kind: TypeId,
    core: Arc<dyn Any + Send + Sync>,
}

/// All namespaces of an engine.
pub(crate) struct Registry {
    seed: u64,
    policies: RwLock<Policies>,
    calendars: Calendars,
    clock: Clock,
    /// When the policies came into force, in milliseconds of Unix time.
    swapped_at_ms: AtomicU64,
    by_name: RwLock<BTreeMap<Arc<str>, Registered>>,
    /// As of each namespace.
    verified_until: AtomicU32,
    shadow_mask: AtomicU64,
}

/// The policies as configured.
#[derive(Debug, Clone, Default)]
pub(crate) struct Policies {
    pub(crate) defaults: PolicyLayer,
    pub(crate) named: BTreeMap<String, PolicyLayer>,
}

/// Calendars by the name that policies call them.
pub(crate) type Calendars = BTreeMap<String, Arc<dyn Calendar>>;

/// What a cache asks for when it is built.
#[derive(Debug, Clone)]
pub(crate) struct Blueprint {
    pub(crate) name: String,
    pub(crate) policy_name: Option<String>,
    pub(crate) layer: PolicyLayer,
    pub(crate) arity: usize,
    pub(crate) private: bool,
    pub(crate) fingerprint: u64,
}

impl Registry {
    pub(crate) fn new(seed: u64, policies: Policies, calendars: Calendars, clock: Clock) -> Self {
        let swapped_at_ms = AtomicU64::new(clock.unix_ms());
        let policies = RwLock::new(policies);
        let verified_until = AtomicU32::new(Ticks::MAX);
        let by_name = RwLock::default();
        Self {
            seed,
            policies,
            calendars,
            clock,
            swapped_at_ms,
            by_name,
            verified_until,
            shadow_mask: AtomicU64::new(u64::MAX),
        }
    }

    /// Which hits of namespaces that are yet to be made are compared with the shared tier.
    pub(crate) fn shadow(&self, mask: u64) {
        self.shadow_mask.store(mask, Ordering::Relaxed);
    }

    /// As [`Namespace::is_verified`], for all of them.
    pub(crate) fn is_verified(&self, now: Ticks) -> bool {
        now < self.verified_until.load(Ordering::Relaxed)
    }

    /// From this tick on it is not certain that no other node's invalidation is missing.
    pub(crate) fn verified_until(&self, tick: Ticks) {
        let by_name = self.by_name.read();
        // While no namespace is being made.
        self.verified_until.store(tick, Ordering::Relaxed);
        for Registered { namespace, .. } in by_name.values() {
            namespace.verified_until.store(tick, Ordering::Relaxed);
        }
    }

    /// When the policies in force came to be so, in milliseconds of Unix time.
    pub(crate) fn swapped_at_ms(&self) -> u64 {
        self.swapped_at_ms.load(Ordering::Relaxed)
    }

    /// The cache of this name: the existing one if it has the same types and schema, or the one
    /// that `make` builds around a new namespace.
    pub(crate) fn register<C: Send + Sync + 'static>(
        &self,
        blueprint: &Blueprint,
        pools: &Pools,
        make: impl FnOnce(Arc<Namespace>) -> C,
    ) -> Result<Arc<C>, Error> {
        check_name(&blueprint.name)?;
        let memory = match self.get(&blueprint.name) {
            Some(namespace) => Arc::clone(&namespace.memory),
            // The shared pool may have to make room and drop values: not under our lock.
            None => {
                let budget = self.policies.read().resolve(blueprint)?.memory_budget;
                pools.open(&blueprint.name, budget)?
            }
        };
        let mut by_name = self.by_name.write();
        let rules = self.rules_of(self.policies.read().resolve(blueprint)?);
        let count = by_name.len();
        match by_name.entry(blueprint.name.as_str().into()) {
            Place::Occupied(place) => reuse(place.get(), blueprint),
            Place::Vacant(_) if count >= MAX_NAMESPACES => Err(Error::invalid(format!(
                "namespace {:?}: there are {MAX_NAMESPACES} already",
                blueprint.name
            ))),
            Place::Vacant(place) => {
                let namespace = Arc::new(Namespace {
                    name: Arc::clone(place.key()),
                    arity: blueprint.arity,
                    private: blueprint.private,
                    fingerprint: blueprint.fingerprint,
                    hasher: MemoryHasher::new(self.seed, &blueprint.name),
                    counters: Counters::new(),
                    holdings: Holdings::default(),
                    memory,
                    tags_seen: TagsSeen::default(),
                    rules: ArcSwap::from_pointee(rules),
                    world: AtomicU64::new(1),
                    shadow_mask: self.shadow_mask.load(Ordering::Relaxed),
                    verified_until: AtomicU32::new(self.verified_until.load(Ordering::Relaxed)),
                });
                let core = Arc::new(make(Arc::clone(&namespace)));
                let erased = Arc::clone(&core) as Arc<dyn Any + Send + Sync>;
                let (blueprint, kind) = (blueprint.clone(), TypeId::of::<C>());
                place.insert(Registered { blueprint, namespace, kind, core: erased });
                Ok(core)
            }
        }
    }

    /// Puts other policies in force, for all caches or, if one of them cannot be, for none.
    pub(crate) fn swap(&self, policies: Policies) -> Result<(), Error> {
        // The lock keeps caches from being built meanwhile.
        let by_name = self.by_name.write();
        let mut swapped = Vec::new();
        // Not only of caches that exist: one that is built under the new ones could not go back.
        self.policies.read().check_same_memory_budgets(&policies)?;
        for Registered { blueprint, namespace, .. } in by_name.values() {
            let policy = policies.resolve(blueprint)?;
            swapped.push((namespace, self.rules_of(policy)));
        }
        *self.policies.write() = policies;
        self.swapped_at_ms.store(self.clock.unix_ms(), Ordering::Relaxed);
        for (namespace, rules) in swapped {
            namespace.rules.store(Arc::new(rules));
            // Only now: whoever sees the new world finds the new policy.
            namespace.next_world();
        }
        drop(by_name);
        Ok(())
    }

    /// The settings of a namespace, built in this process or not, and where each comes from.
    pub(crate) fn settings(&self, name: &str) -> Vec<Setting> {
        let policies = self.policies.read().clone();
        let by_name = self.by_name.read();
        let blueprint = by_name.get(name).map(|registered| &registered.blueprint);
        let chosen = blueprint.and_then(|blueprint| blueprint.policy_name.as_deref());
        let named = policies.named.get(chosen.unwrap_or(name)).cloned().unwrap_or_default();
        let own = blueprint.map(|blueprint| blueprint.layer.clone()).unwrap_or_default();
        settings(&[("cache", &own), ("policy", &named), ("defaults", &policies.defaults)])
    }

    /// The rules of a namespace, built in this process or not.
    pub(crate) fn rules_for(&self, name: &str) -> Arc<Rules> {
        if let Some(namespace) = self.get(name) {
            return namespace.rules.load_full();
        }
        let policies = self.policies.read();
        let named = policies.named.get(name).cloned().unwrap_or_default();
        Arc::new(self.rules_of(named.over(&policies.defaults).resolve()))
    }

    fn rules_of(&self, policy: Policy) -> Rules {
        let named = policy.calendar.as_deref().and_then(|name| self.calendars.get(name));
        Rules { calendar: named.cloned(), policy }
    }

    pub(crate) fn get(&self, name: &str) -> Option<Arc<Namespace>> {
        self.by_name.read().get(name).map(|registered| Arc::clone(&registered.namespace))
    }

    /// The cache of this name, if it is a `C`.
    pub(crate) fn core<C: Send + Sync + 'static>(&self, name: &str) -> Option<Arc<C>> {
        let core = Arc::clone(&self.by_name.read().get(name)?.core);
        core.downcast::<C>().ok()
    }

    pub(crate) fn all(&self) -> Vec<Arc<Namespace>> {
        self.by_name.read().values().map(|registered| Arc::clone(&registered.namespace)).collect()
    }
}

impl Policies {
    fn check_same_memory_budgets(&self, other: &Self) -> Result<(), Error> {
        let own = |policies: &Self, name: &String| {
            policies.named.get(name).and_then(|layer| layer.memory_budget)
        };
        let mut names = self.named.keys().chain(other.named.keys());
        let differs = |name: &&String| own(self, name) != own(other, name);
        let changed = match self.defaults.memory_budget == other.defaults.memory_budget {
            true => names.find(differs).map(String::as_str),
            false => Some("defaults"),
        };
        match changed {
            None => Ok(()),
            Some(name) => Err(Error::invalid(format!(
                "policy {name:?}: memory_budget cannot change while the engine runs"
            ))),
        }
    }

    fn resolve(&self, blueprint: &Blueprint) -> Result<Policy, Error> {
        let named = match &blueprint.policy_name {
            None => self.named.get(&blueprint.name),
            Some(name) => Some(self.named.get(name).ok_or_else(|| {
                Error::invalid(format!("cache {:?}: no policy {name:?}", blueprint.name))
            })?),
        };
        let named = named.cloned().unwrap_or_default();
        Ok(blueprint.layer.over(&named).over(&self.defaults).resolve())
    }
}

fn reuse<C: Send + Sync + 'static>(
    existing: &Registered,
    blueprint: &Blueprint,
) -> Result<Arc<C>, Error> {
    let conflict = |what: &str| {
        let name = &blueprint.name;
        Error::new(ErrorKind::Conflict, format!("cache {name:?} exists with another {what}"))
    };
    if existing.kind != TypeId::of::<C>() {
        return Err(conflict("key or value type"));
    }
    if existing.namespace.fingerprint != blueprint.fingerprint {
        return Err(conflict("schema or codec"));
    }
    Arc::clone(&existing.core).downcast::<C>().map_err(|_| conflict("key or value type"))
}

/// Whether a cache can have this name.
///
/// # Errors
/// `InvalidArgument`: what is wrong with it.
pub fn check_namespace(name: &str) -> Result<(), Error> {
    check_name(name)
}

/// Names are file-name and URL safe: letters, digits, `_`, `-` and `.`, not beginning with a dot.
pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let reason = if name.is_empty() {
        "is empty".to_owned()
    } else if name.len() > MAX_NAMESPACE_BYTES {
        format!("has {} bytes, at most {MAX_NAMESPACE_BYTES}", name.len())
    } else if let Some(odd) = name.chars().find(|&c| !fine(c)) {
        format!("contains {odd:?}; expected letters, digits, `_`, `-` and `.`")
    } else if name.starts_with('.') || name.contains("..") {
        "must not begin with a dot or contain two in a row".to_owned()
    } else {
        return Ok(());
    };
    Err(Error::invalid(format!("namespace {name:?}: {reason}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_outside_the_limits_are_refused() {
        let check = |name: &str, expected: &str| {
            let error = check_name(name).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check("", "is empty");
        check("a/b", "contains '/'");
        check("../etc", "contains '/'");
        check("..", "dot");
        check(".hidden", "dot");
        check("a..b", "dot");
        check("naïve", "contains 'ï'");
        check(&"n".repeat(65), "65 bytes");
        for fine in ["OHLCV", "features.v2", "a-b_c", "7"] {
            check_name(fine).unwrap();
        }
    }
}
