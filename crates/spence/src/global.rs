//! The process's engine, for functions under `#[spence::cached(cache = "name")]`.

use std::sync::OnceLock;

use crate::error::{Error, ErrorKind};
use crate::spence::Spence;

static GLOBAL: OnceLock<Spence> = OnceLock::new();

impl Spence {
    /// Makes this the process's engine, on which functions under
    /// [`#[spence::cached(cache = "name")]`](macro@crate::cached) keep their results. Once, early.
    ///
    /// # Errors
    /// `Conflict` when the process has one already.
    pub fn set_global(&self) -> Result<(), Error> {
        GLOBAL.set(self.clone()).map_err(|_| {
            Error::new(ErrorKind::Conflict, "set_global: the process has an engine already")
        })
    }

    /// The process's engine.
    ///
    /// # Errors
    /// `InvalidArgument` when [`Spence::set_global`] has not been called.
    pub fn global() -> Result<&'static Spence, Error> {
        GLOBAL.get().ok_or_else(|| {
            let message = "there is no process-wide engine: call `spence.set_global()` first";
            Error::invalid(message)
        })
    }
}
