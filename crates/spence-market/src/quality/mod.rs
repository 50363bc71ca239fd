//! Whether bars can be believed: rows that cannot be are kept apart, others that are odd are found.

mod inspect;
pub(crate) mod quarantine;
pub(crate) mod refused;
mod report;

pub use inspect::{Finding, Flaw};
pub use quarantine::QUARANTINE_CACHE;
pub use report::Quality;
