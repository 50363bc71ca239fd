//! Taking values out of service: by key, tag, prefix, glob or namespace; for good, or as stale.
//!
//! A single key is handled by the fence (`flight.rs`), many keys by a ban (`ban/`); both are
//! positions in one log (`log.rs`).

use std::future::Future;
use std::sync::Arc;

use crate::ban::{Effect, Glob, What};
use crate::clock::Ticks;
use crate::disk::{Ack, Op};
use crate::engine::Engine;
use crate::entry::Slot;
use crate::error::{Error, ErrorKind};
use crate::events::Happening;
use crate::fill::check_tag;
use crate::flight::Shard;
use crate::key::{check_text, parse_text};
use crate::namespace::{Namespace, check_name};
use crate::outcome::Scope;
use crate::redis::{About, Notice, Told};
use crate::stats::Count;
use crate::sync::Ordering;

/// What an invalidation or expiry is about. Keys are canonical texts, as `Key::canonical` gives
/// them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// One key of a namespace.
    Key {
        /// The cache's name.
        namespace: String,
        /// The canonical text of the key.
        key: String,
    },
    /// Everything that was filled with this tag, in all namespaces.
    Tag(String),
    /// All keys of a namespace that begin with this text; the empty text is refused.
    Prefix {
        /// The cache's name.
        namespace: String,
        /// How the keys begin.
        prefix: String,
    },
    /// All keys of a namespace that match a Redis glob: `*`, `?`, `[a-z]`, `[^a]`, `\*`.
    Glob {
        /// The cache's name.
        namespace: String,
        /// The pattern; `*` also matches `:`.
        pattern: String,
    },
    /// Everything in a namespace.
    Namespace(String),
    /// Everything in all namespaces.
    Everything,
}

impl Target {
    /// Whether this is a glob that every key matches, such as `*`, `?*` or `*[^]`.
    #[must_use]
    pub fn is_glob_of_everything(&self) -> bool {
        let Self::Glob { pattern, .. } = self else { return false };
        Glob::new(pattern).is_ok_and(|glob| glob.takes_all())
    }
}

impl Engine {
    /// Never serves again what `target` covers now, not even as a fallback; or ends its freshness,
    /// so that it may still be served as stale.
    pub(crate) async fn outdate(
        self: &Arc<Self>,
        target: &Target,
        effect: Effect,
    ) -> Result<Scope, Error> {
        match self.locate(target)? {
            Place::Key { held, name, text } => self.outdate_key(held, name, text, effect).await,
            Place::Many(what) => self.ban(what, effect).await,
        }
    }

    /// `held` is where memory holds the key; `None` if no cache of that name exists in this
    /// process, so that only the disk can hold it.
    pub(crate) async fn outdate_key(
        self: &Arc<Self>,
        held: Option<Held>,
        name: Arc<str>,
        key: Arc<str>,
        effect: Effect,
    ) -> Result<Scope, Error> {
        let ack = self.outdate_here(held.as_ref(), &name, &key, effect);
        if let Some(held) = &held {
            held.namespace.counters.count(Count::Invalidation);
        }
        let Some(shared) = self.shared.clone() else {
            ack.kept(&self.clock).await?;
            return Ok(Scope::Node);
        };
        let engine = Arc::clone(self);
        let telling = async move {
            let about = About::Key { namespace: Arc::clone(&name), key: Arc::clone(&key) };
            let told = shared.tell(Notice { about, effect }).await;
            // What was found in the shared tier before it was told goes too.
            (told, engine.outdate_here(held.as_ref(), &name, &key, effect))
        };
        self.told(ack, telling).await
    }

    /// Tells the other nodes, whether or not the caller waits for it; `first` is the disk's promise
    /// for what was done on this node before.
    async fn told(
        &self,
        first: Ack,
        telling: impl Future<Output = (Told, Ack)> + Send + 'static,
    ) -> Result<Scope, Error> {
        let (told, again) = self.to_the_end(telling).await;
        first.kept(&self.clock).await?;
        again.kept(&self.clock).await?;
        Ok(told.scope())
    }

    /// [`Engine::outdate_key`] on this node alone.
    pub(crate) fn outdate_here(
        &self,
        held: Option<&Held>,
        name: &Arc<str>,
        key: &Arc<str>,
        effect: Effect,
    ) -> Ack {
        let (namespace, text) = (Arc::clone(name), Arc::clone(key));
        let touched;
        let ack = {
            let mut shard = self.flights.lock(held.map_or(0, |held| held.hash));
            let (seq, now) = (self.log.next(), self.clock.ticks());
            touched = held.and_then(|held| held.outdate(&mut shard, seq, now, effect));
            self.disk.accept(match effect {
                Effect::Invalidate => Op::Remove { namespace, key: text, seq },
                Effect::Expire { at_ms } => Op::Expire { namespace, key: text, seq, at_ms },
            })
        };
        drop(touched);
        if let Some(late) = self.late(held, name, key) {
            // A reader may have found it on disk before that was told.
            let mut shard = self.flights.lock(late.hash);
            let touched = late.outdate(&mut shard, self.log.next(), self.clock.ticks(), effect);
            drop(shard);
            drop(touched);
        }
        let what = match effect {
            Effect::Invalidate => Happening::Invalidated,
            Effect::Expire { .. } => Happening::Expired,
        };
        self.events.tell(Some((name, Some(key))), what);
        ack
    }

    /// Where memory holds a key, given by its canonical text.
    pub(crate) fn held(&self, name: &str, key: &str) -> Option<Held> {
        Held::of(self.registry.get(name)?, key).ok()
    }

    /// The effect of an expiry now.
    pub(crate) fn expiry(&self) -> Effect {
        Effect::Expire { at_ms: self.clock.unix_ms() }
    }

    /// Where memory holds a key whose cache came to be since it was looked for.
    fn late(&self, held: Option<&Held>, name: &str, key: &str) -> Option<Held> {
        match held {
            Some(_) => None,
            None => self.held(name, key),
        }
    }

    async fn ban(self: &Arc<Self>, what: What, effect: Effect) -> Result<Scope, Error> {
        let ack = self.ban_here(what.clone(), effect);
        self.bans_made.fetch_add(1, Ordering::Relaxed);
        let Some(shared) = self.shared.clone() else {
            ack.kept(&self.clock).await?;
            return Ok(Scope::Node);
        };
        let engine = Arc::clone(self);
        let telling = async move {
            let told = shared.tell(Notice { about: About::Many(what.clone()), effect }).await;
            // What was found in the shared tier before it was told goes too.
            (told, engine.ban_here(what, effect))
        };
        self.told(ack, telling).await
    }

    /// [`Engine::ban`] on this node alone.
    pub(crate) fn ban_here(self: &Arc<Self>, what: What, effect: Effect) -> Ack {
        let ban = self.bans.make(&self.log, what, effect);
        let ack = self.disk.accept(Op::Ban(ban.clone()));
        // Only now: whoever sees the new world finds the ban.
        let mut reaches = false;
        for namespace in self.reached_by(&ban.what) {
            namespace.next_world();
            reaches = true;
        }
        self.events.tell(None, Happening::Banned { target: ban.what.to_string() });
        if reaches && effect == Effect::Invalidate {
            self.sweep();
        }
        ack
    }

    /// The namespaces of which entries in memory may be covered by a ban that is in force.
    fn reached_by(&self, what: &What) -> Vec<Arc<Namespace>> {
        match what {
            What::Prefix { namespace, .. }
            | What::Glob { namespace, .. }
            | What::Namespace(namespace) => self.registry.get(namespace).into_iter().collect(),
            What::Tag(tag) => {
                let mut all = self.registry.all();
                all.retain(|namespace| namespace.tags_seen.may_have(tag));
                all
            }
            What::Everything => self.registry.all(),
        }
    }

    pub(crate) fn locate(&self, target: &Target) -> Result<Place, Error> {
        match target {
            Target::Key { namespace, key } => {
                let (registered, name) = self.named(namespace)?;
                check_text(key)?;
                let held = registered.map(|namespace| Held::of(namespace, key)).transpose()?;
                Ok(Place::Key { held, name, text: key.as_str().into() })
            }
            Target::Tag(tag) => {
                check_tag(tag)?;
                Ok(Place::Many(What::Tag(tag.as_str().into())))
            }
            Target::Prefix { namespace, prefix } => {
                let (registered, namespace) = self.named(namespace)?;
                refuse_private(registered.as_deref(), "prefix")?;
                check_text(prefix).map_err(|error| {
                    Error::new(ErrorKind::InvalidArgument, format!("prefix: {error}"))
                })?;
                Ok(Place::Many(What::Prefix { namespace, prefix: prefix.as_str().into() }))
            }
            Target::Glob { namespace, pattern } => {
                let (registered, namespace) = self.named(namespace)?;
                // Prefixes are found without trying each, so they are preferred.
                let glob = Glob::new(pattern)?;
                if !glob.takes_all() {
                    refuse_private(registered.as_deref(), "glob")?;
                }
                Ok(Place::Many(match glob.as_prefix() {
                    _ if glob.takes_all() => What::Namespace(namespace),
                    Some(prefix) => What::Prefix { namespace, prefix: prefix.into() },
                    None => What::Glob { namespace, pattern: pattern.as_str().into() },
                }))
            }
            Target::Everything => Ok(Place::Many(What::Everything)),
            Target::Namespace(namespace) => {
                Ok(Place::Many(What::Namespace(self.named(namespace)?.1)))
            }
        }
    }

    fn named(&self, name: &str) -> Result<(Option<Arc<Namespace>>, Arc<str>), Error> {
        check_name(name)?;
        let registered = self.registry.get(name);
        let name = registered.as_ref().map_or_else(|| name.into(), |n| Arc::clone(&n.name));
        Ok((registered, name))
    }
}

/// Hashes have no beginnings that mean anything.
fn refuse_private(namespace: Option<&Namespace>, what: &str) -> Result<(), Error> {
    match namespace {
        Some(namespace) if namespace.private => Err(Error::invalid(format!(
            "{what}: the keys of {} are private; invalidate by key, tag or namespace",
            namespace.name
        ))),
        _ => Ok(()),
    }
}

/// Where a target's values are.
pub(crate) enum Place {
    Key { held: Option<Held>, name: Arc<str>, text: Arc<str> },
    Many(What),
}

/// Where memory holds a key.
pub(crate) struct Held {
    pub(crate) hash: u64,
    pub(crate) namespace: Arc<Namespace>,
}

impl Held {
    fn of(namespace: Arc<Namespace>, key: &str) -> Result<Self, Error> {
        let parts = parse_text(key, namespace.arity)?;
        let hash = namespace.hasher.hash_parts(parts.iter().map(AsRef::as_ref));
        Ok(Self { hash, namespace })
    }

    /// The entry is for the caller to drop, after the lock.
    fn outdate(
        &self,
        shard: &mut Shard,
        position: u64,
        now: Ticks,
        effect: Effect,
    ) -> Option<Slot> {
        match effect {
            Effect::Invalidate => {
                shard.doom(self.hash, position);
                self.namespace.memory.remove(self.hash)
            }
            Effect::Expire { .. } => {
                shard.expire(self.hash, position);
                let slot = self.namespace.memory.peek(self.hash)?;
                slot.head().expire(now);
                Some(slot)
            }
        }
    }
}
