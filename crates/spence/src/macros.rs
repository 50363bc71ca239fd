//! What `#[spence::cached]` expands to calls these. Not for use by hand.

use std::any::Any;
use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::fmt::{Display, Write as _};
use std::future::Future;
use std::sync::OnceLock;

use parking_lot::Mutex;

use crate::blocking;
use crate::cache::Cache;
use crate::cached::Cached;
use crate::error::{Error, ErrorKind};
use crate::fill::{Fill, FillCx};
use crate::key::{Key, escape_into};
use crate::outcome::Scope;
use crate::spence::Spence;

/// What a cached function returns.
pub trait Fallible {
    /// What is kept.
    type Value;
}

impl<V, E> Fallible for Result<V, E> {
    type Value = V;
}

/// What can stand in a key.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot stand in a key as it is",
    note = "say how: `#[spence::cached(.., key = \"{{argument.field}}\")]`, with what implements `Display`"
)]
pub trait KeyText {
    /// Appends the text.
    fn append(&self, text: &mut String);
}

impl<T: Display + ?Sized> KeyText for T {
    fn append(&self, text: &mut String) {
        // A text takes anything; a `Display` that fails leaves what it wrote.
        write!(text, "{self}").unwrap_or_default();
    }
}

/// Appends a value as it is.
pub fn push<T: KeyText + ?Sized>(text: &mut String, value: &T) {
    value.append(text);
}

/// Appends a value as a part among others, as keys of several parts do.
pub fn push_part<T: KeyText + ?Sized>(text: &mut String, value: &T) {
    let mut part = String::new();
    value.append(&mut part);
    escape_into(&part, text);
}

/// A clone for the fill, which may outlive its caller.
pub fn own<T: ToOwned + ?Sized>(borrowed: &T) -> T::Owned {
    borrowed.to_owned()
}

/// The fill of a function that returns a value.
pub fn fill<V>(value: V) -> Fill<V> {
    Fill::new(value)
}

/// The fill of a function that returns a value or nothing.
pub fn fill_or_nothing<V>(value: Option<V>) -> Fill<V> {
    value.map_or_else(Fill::not_found, Fill::new)
}

/// "Nothing there" is `None` again.
pub fn optional<V>(hit: Result<Cached<V>, Error>) -> Result<Option<Cached<V>>, Error> {
    match hit {
        Err(error) if error.is_not_found() => Ok(None),
        hit => hit.map(Some),
    }
}

/// `get_or_fetch`, whose fill is made only if it is needed.
pub async fn get_or_fetch<K, V, M, F, R, E>(
    cache: &Cache<K, V>,
    key: &K,
    make: M,
) -> Result<Cached<V>, Error>
where
    K: Key,
    V: Send + Sync + 'static,
    M: FnOnce() -> F,
    F: FnOnce(FillCx<K, V>) -> R + Send + 'static,
    R: Future<Output = Result<Fill<V>, E>> + Send + 'static,
    E: Into<Box<dyn StdError + Send + Sync>> + 'static,
{
    cache.get_or_make(key, make).await
}

/// `get_or_fetch` for a function that is not async: waits on this thread.
pub fn get_or_call<K, V, M, F, E>(cache: &Cache<K, V>, key: &K, make: M) -> Result<Cached<V>, Error>
where
    K: Key,
    V: Send + Sync + 'static,
    M: FnOnce() -> F,
    F: FnOnce() -> Result<Fill<V>, E> + Send + 'static,
    E: Into<Box<dyn StdError + Send + Sync>> + 'static,
{
    cache.get_or_call(key, make)
}

/// `invalidate` for a function that is not async: waits on this thread.
pub fn invalidate<K: Key, V: Send + Sync + 'static>(
    cache: &Cache<K, V>,
    key: K,
) -> Result<Scope, Error> {
    let cache = cache.clone();
    blocking::wait(async move { cache.invalidate(&key).await })?
}

/// A cached function's cache on the process's engine, built when it is first called.
pub struct Named {
    name: &'static str,
    /// The function's path.
    function: &'static str,
    built: OnceLock<Built>,
}

/// A cache, and the type that its function is a method of.
struct Built {
    of: &'static str,
    cache: Box<dyn Any + Send + Sync>,
}

/// A function that has a cache for itself.
#[derive(Clone, Copy)]
struct Owner {
    /// Where its [`Named`] is: no two functions have it in one place.
    place: usize,
    function: &'static str,
    of: &'static str,
}

/// Which function each name belongs to: two in one cache would take each other's values for
/// their own.
static OWNERS: Mutex<BTreeMap<&'static str, Owner>> = Mutex::new(BTreeMap::new());

impl Named {
    /// The cache `name` of the function at this path.
    #[must_use]
    pub const fn new(name: &'static str, function: &'static str) -> Self {
        Self { name, function, built: OnceLock::new() }
    }

    /// The cache, which `build` builds the first time. `of` is the type that the function is a
    /// method of, if it is one.
    pub fn get<V: Send + Sync + 'static>(
        &'static self,
        of: &'static str,
        build: impl FnOnce(&Spence) -> Result<Cache<String, V>, Error>,
    ) -> Result<&'static Cache<String, V>, Error> {
        let built = match self.built.get() {
            Some(built) => built,
            None => {
                let cache = Box::new(build(self.engine(of)?)?);
                self.built.get_or_init(|| Built { of, cache })
            }
        };
        let cache = built.cache.downcast_ref().filter(|_| built.of == of);
        cache.ok_or_else(|| self.taken(built.of, self.function, of))
    }

    fn engine(&'static self, of: &'static str) -> Result<&'static Spence, Error> {
        let spence = Spence::global()?;
        let place = std::ptr::from_ref(self).addr();
        let own = Owner { place, function: self.function, of };
        let owner = *OWNERS.lock().entry(self.name).or_insert(own);
        match owner.place == place && owner.of == of {
            true => Ok(spence),
            false => Err(self.taken(owner.of, owner.function, of)),
        }
    }

    fn taken(&self, owners: &str, owner: &str, of: &str) -> Error {
        let on = |of: &str| if of.is_empty() { String::new() } else { format!(" on {of}") };
        let message = format!(
            "cache {:?} is that of {owner}{}; give {}{} another, or both one by `cache = expression`",
            self.name,
            on(owners),
            self.function,
            on(of)
        );
        Error::new(ErrorKind::Conflict, message)
    }
}

impl std::fmt::Debug for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Named").field("name", &self.name).finish_non_exhaustive()
    }
}
