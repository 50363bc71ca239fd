//! Charts against the reference set, and what must hold of any chart.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod charts;
mod houses;
mod map;
mod reference;
mod requests;
