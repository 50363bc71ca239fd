//! The HTTP service around the engine.
//!
//! [`App`] is the engine with its collaborators, [`Edge`] its HTTP face, [`serve`] both on a
//! socket. Answers and errors have the shapes of `docs/http-api.md`, errors a single one.

mod app;
mod charts;
mod edge;
mod error;
mod guard;
mod limit;
mod metrics;
mod openapi;
mod providers;
mod raw;
mod router;
mod routes;
mod serve;
mod wire;

pub use app::{App, ReloadError, StartError};
pub use edge::Edge;
pub use error::NO_SUCH_PATH;
pub use providers::Origin;
pub use serve::serve;
