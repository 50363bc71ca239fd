//! Positions as an entry.

use serde::{Deserialize, Serialize};
use spence::{Weigh, allocation};
use spence_acg::ephemeris::Position;
use spence_acg::{Body, Positions};

/// Where bodies are at an instant.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Seen(pub(crate) Positions);

impl Weigh for Seen {
    fn heap_bytes(&self) -> usize {
        allocation(self.0.bodies.capacity() * size_of::<(Body, Position)>())
    }
}
