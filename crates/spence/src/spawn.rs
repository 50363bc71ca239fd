//! Where the engine's tasks run.
//!
//! A fill is detached from the caller that started it, so it needs a place to run. The trait
//! exists so that a schedule test can run fills under its own scheduler; everybody else uses
//! [`TokioSpawner`].

use std::fmt;
use std::future::Future;
use std::pin::Pin;

/// A detached task.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Starts tasks that nobody waits for.
pub trait Spawner: Send + Sync + 'static {
    /// Runs a task to its end, independent of the caller.
    fn spawn(&self, task: Task);

    /// Runs work that occupies a thread for a while (sweeping the pool), off the async threads.
    fn spawn_blocking(&self, work: Box<dyn FnOnce() + Send>);
}

/// Spawns on a tokio runtime.
#[derive(Clone)]
pub struct TokioSpawner(tokio::runtime::Handle);

impl TokioSpawner {
    /// Spawns on the runtime of the caller; `None` outside of one.
    #[must_use]
    pub fn current() -> Option<Self> {
        tokio::runtime::Handle::try_current().ok().map(Self)
    }

    /// Spawns on the given runtime.
    #[must_use]
    pub fn on(handle: tokio::runtime::Handle) -> Self {
        Self(handle)
    }
}

impl Spawner for TokioSpawner {
    fn spawn(&self, task: Task) {
        drop(self.0.spawn(task));
    }

    fn spawn_blocking(&self, work: Box<dyn FnOnce() + Send>) {
        drop(self.0.spawn_blocking(work));
    }
}

impl fmt::Debug for TokioSpawner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokioSpawner")
    }
}
