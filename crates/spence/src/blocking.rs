//! For callers that are not async: waiting on a thread of one's own.
//!
//! What such a caller waits for, its fill too, runs on a runtime of this module, which has a thread
//! of its own: so it goes on even if the caller's thread is the only one of the engine's runtime.

use std::cell::Cell;
use std::error::Error as StdError;
use std::future::Future;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::runtime::Handle;

use crate::builder::SpenceBuilder;
use crate::cache::Cache;
use crate::cached::Cached;
use crate::error::{Error, ErrorKind};
use crate::fill::{self, Fill};
use crate::key::Key;
use crate::spawn::TokioSpawner;
use crate::spence::Spence;

/// Fills of functions that are not async that run at a time, in the process. One that waits for
/// another of them counts too, so nesting deeper than that ends at the hard deadline.
const MAX_THREADS: usize = 4096;

impl SpenceBuilder {
    /// [`SpenceBuilder::build`] for a program that has no runtime: fills run on a thread of
    /// Spence's own, unless a spawner is given.
    ///
    /// ```
    /// let spence = spence::Spence::builder().build_blocking()?;
    /// # Ok::<_, spence::Error>(())
    /// ```
    ///
    /// # Errors
    /// As for [`SpenceBuilder::build`].
    pub fn build_blocking(self) -> Result<Spence, Error> {
        let builder = match self.has_spawner() {
            true => self,
            false => self.spawner(TokioSpawner::on(runtime()?)),
        };
        wait(builder.build())?
    }
}

impl<K: Key, V: Send + Sync + 'static> Cache<K, V> {
    /// [`Cache::get_or_fetch`] for callers that are not async; the fill is made only if it is
    /// needed, and runs on a thread where it may block.
    pub(crate) fn get_or_call<M, F, E>(&self, key: &K, make: M) -> Result<Cached<V>, Error>
    where
        M: FnOnce() -> F,
        F: FnOnce() -> Result<Fill<V>, E> + Send + 'static,
        E: Into<Box<dyn StdError + Send + Sync>> + 'static,
    {
        let hash = self.core.namespace.hasher.hash(key);
        match self.memory_hit(hash, key) {
            Some(Some(hit)) => return Ok(hit),
            Some(None) => return Err(self.nothing_there()),
            None => {}
        }
        let (cache, call, runtime) = (self.clone(), make(), runtime()?);
        let mut caller = self.caller(hash, key.clone(), &Arc::new(self.policy()))?;
        caller.runs_on = Arc::new(TokioSpawner::on(runtime.clone()));
        let fill = move |_| async move {
            let called = runtime.spawn_blocking(move || call().map_err(Error::origin)).await;
            called.unwrap_or_else(|end| Err(fill::ended(end)))
        };
        wait(async move { cache.fetch(caller, fill).await })?
    }
}

thread_local! {
    /// Whether this is the thread that all waiting needs.
    static IS_NEEDED: Cell<bool> = const { Cell::new(false) };
}

/// Waits for `work` on this thread.
pub(crate) fn wait<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, Error> {
    if IS_NEEDED.get() {
        let message = "a function that is not async would wait on the thread that its answer \
                       needs: call it from a fill that is not async either";
        return Err(Error::invalid(message));
    }
    let (done, result) = std::sync::mpsc::sync_channel(1);
    drop(runtime()?.spawn(async move {
        // Whoever waits is there until this is sent.
        drop(done.send(work.await));
    }));
    let ended = |_| Error::new(ErrorKind::OriginPanicked, "what was waited for panicked");
    result.recv().map_err(ended)
}

/// The runtime of those who wait.
fn runtime() -> Result<Handle, Error> {
    static RUNTIME: Mutex<Option<Handle>> = Mutex::new(None);
    let mut place = RUNTIME.lock();
    if let Some(handle) = &*place {
        return Ok(handle.clone());
    }
    let failed = |error: std::io::Error| {
        let message = format!("start a thread to wait on: {error}");
        Error::with_source(ErrorKind::Closed, message, error)
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(MAX_THREADS)
        .build()
        .map_err(failed)?;
    let handle = runtime.handle().clone();
    std::thread::Builder::new()
        .name("spence-blocking".into())
        .spawn(move || {
            IS_NEEDED.set(true);
            runtime.block_on(std::future::pending::<()>());
        })
        .map_err(failed)?;
    Ok(place.insert(handle).clone())
}
