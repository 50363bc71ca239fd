//! Taking values out of service: by key, tag, prefix, glob or namespace; for good, or as stale.
//!
//! A single key is handled by the fence (`flight.rs`), many keys by a ban (`ban/`); both are
//! positions in one log (`log.rs`).

use std::sync::Arc;

use crate::ban::{Ban, Effect, Glob, What};
use crate::disk::Op;
use crate::engine::Engine;
use crate::entry::Slot;
use crate::error::{Error, ErrorKind};
use crate::fill::check_tag;
use crate::flight::Shard;
use crate::key::{check_text, parse_text};
use crate::namespace::{Namespace, check_name};
use crate::outcome::Scope;
use crate::stats::Event;
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
}

impl Engine {
    /// Never serves again what `target` covers now, not even as a fallback.
    pub(crate) async fn invalidate(self: &Arc<Self>, target: &Target) -> Result<Scope, Error> {
        match self.locate(target)? {
            Place::Key { hash, namespace, name, text } => {
                self.invalidate_key(hash, namespace.as_deref(), name, text).await
            }
            Place::Many(what) => self.ban(what, Effect::Invalidate).await,
        }
    }

    /// Ends the freshness of what `target` covers now; it may still be served as stale.
    pub(crate) async fn expire(self: &Arc<Self>, target: &Target) -> Result<Scope, Error> {
        match self.locate(target)? {
            Place::Key { hash, namespace, name, text } => {
                self.expire_key(hash, namespace.as_deref(), name, text).await
            }
            Place::Many(what) => {
                self.ban(what, Effect::Expire { at_ms: self.clock.unix_ms() }).await
            }
        }
    }

    /// `hash` is the key's hash in memory; `None` if no cache of that name exists in this process,
    /// so that only the disk can hold the key.
    pub(crate) async fn invalidate_key(
        &self,
        hash: Option<u64>,
        namespace: Option<&Namespace>,
        name: Arc<str>,
        key: Arc<str>,
    ) -> Result<Scope, Error> {
        let (space, text) = (Arc::clone(&name), Arc::clone(&key));
        let removed;
        let ack = {
            let mut shard = self.flights.lock(hash.unwrap_or(0));
            let seq = self.log.next();
            removed = hash.and_then(|hash| {
                shard.doom(hash, seq);
                self.memory.remove(hash)
            });
            self.disk.accept(Op::Remove { namespace: name, key, seq })
        };
        drop(removed);
        if let Some(hash) = self.late(hash, &space, &text) {
            // A reader may have found it on disk before that was removed.
            let mut shard = self.flights.lock(hash);
            shard.doom(hash, self.log.next());
            let removed = self.memory.remove(hash);
            drop(shard);
            drop(removed);
        }
        if let Some(namespace) = namespace {
            namespace.counters.count(Event::Invalidation);
        }
        ack.kept(&self.clock).await?;
        Ok(Scope::Node)
    }

    pub(crate) async fn expire_key(
        &self,
        hash: Option<u64>,
        namespace: Option<&Namespace>,
        name: Arc<str>,
        key: Arc<str>,
    ) -> Result<Scope, Error> {
        let (space, text) = (Arc::clone(&name), Arc::clone(&key));
        let ack = {
            let mut shard = self.flights.lock(hash.unwrap_or(0));
            let seq = self.log.next();
            let at_ms = self.clock.unix_ms();
            let ack = self.disk.accept(Op::Expire { namespace: name, key, seq, at_ms });
            let held = hash.and_then(|hash| self.expire_in_memory(&mut shard, hash, seq));
            drop(shard);
            drop(held);
            ack
        };
        if let Some(hash) = self.late(hash, &space, &text) {
            let mut shard = self.flights.lock(hash);
            let held = self.expire_in_memory(&mut shard, hash, self.log.next());
            drop(shard);
            drop(held);
        }
        if let Some(namespace) = namespace {
            namespace.counters.count(Event::Invalidation);
        }
        ack.kept(&self.clock).await?;
        Ok(Scope::Node)
    }

    /// The entry is for the caller to drop, after the lock.
    fn expire_in_memory(&self, shard: &mut Shard, hash: u64, position: u64) -> Option<Slot> {
        shard.expire(hash, position);
        let slot = self.memory.peek(hash)?;
        slot.head().expire(self.clock.ticks());
        Some(slot)
    }

    /// The hash in memory of a key whose cache came to be since it was looked for.
    fn late(&self, hash: Option<u64>, name: &str, key: &str) -> Option<u64> {
        if hash.is_some() {
            return None;
        }
        let namespace = self.registry.get(name)?;
        let parts = parse_text(key, namespace.arity).ok()?;
        Some(namespace.hasher.hash_parts(parts.iter().map(AsRef::as_ref)))
    }

    async fn ban(self: &Arc<Self>, what: What, effect: Effect) -> Result<Scope, Error> {
        let ban = self.bans.add(Ban { position: self.log.next(), effect, what });
        let ack = self.disk.accept(Op::Ban(ban.clone()));
        // Only now: whoever sees the new world finds the ban.
        match &ban.what {
            What::Prefix { namespace, .. }
            | What::Glob { namespace, .. }
            | What::Namespace(namespace) => {
                if let Some(namespace) = self.registry.get(namespace) {
                    namespace.next_world();
                }
            }
            What::Tag(_) | What::Everything => {
                self.registry.all().iter().for_each(|namespace| namespace.next_world());
            }
        }
        self.bans_made.fetch_add(1, Ordering::Relaxed);
        if effect == Effect::Invalidate {
            self.sweep();
        }
        ack.kept(&self.clock).await?;
        Ok(Scope::Node)
    }

    fn locate(&self, target: &Target) -> Result<Place, Error> {
        match target {
            Target::Key { namespace, key } => {
                let (registered, name) = self.named(namespace)?;
                let hash = match &registered {
                    None => check_text(key).map(|()| None)?,
                    Some(namespace) => {
                        let parts = parse_text(key, namespace.arity)?;
                        Some(namespace.hasher.hash_parts(parts.iter().map(AsRef::as_ref)))
                    }
                };
                Ok(Place::Key { hash, namespace: registered, name, text: key.as_str().into() })
            }
            Target::Tag(tag) => {
                check_tag(tag)?;
                Ok(Place::Many(What::Tag(tag.as_str().into())))
            }
            Target::Prefix { namespace, prefix } => {
                let (_, namespace) = self.named(namespace)?;
                check_text(prefix).map_err(|error| {
                    Error::new(ErrorKind::InvalidArgument, format!("prefix: {error}"))
                })?;
                Ok(Place::Many(What::Prefix { namespace, prefix: prefix.as_str().into() }))
            }
            Target::Glob { namespace, pattern } => {
                let (_, namespace) = self.named(namespace)?;
                // Prefixes are found without trying each, so they are preferred.
                Ok(Place::Many(match Glob::new(pattern)?.as_prefix() {
                    Some("") => What::Namespace(namespace),
                    Some(prefix) => What::Prefix { namespace, prefix: prefix.into() },
                    None => What::Glob { namespace, pattern: pattern.as_str().into() },
                }))
            }
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

/// Where a target's values are.
enum Place {
    Key { hash: Option<u64>, namespace: Option<Arc<Namespace>>, name: Arc<str>, text: Arc<str> },
    Many(What),
}
