//! A model of the protocol by which nodes share a tier, explored exhaustively.
//!
//! Two nodes, a shared tier and an origin whose value is a version. A writer raises the version
//! and then invalidates; fills read the shared tier or the origin and install what they got. Every
//! order of steps is tried, breadth first, so that a variant which breaks a clause of the contract
//! breaks it on the shortest way, which is printed.
//!
//! [`variants`] are the protocols that were considered: some must hold, and most of the others show
//! what a part of the protocol is there for. [`system`] is what there is, [`possible`] what may
//! happen, [`happen`] what it does, [`holds`] what must hold then, [`search`] the exploration. The
//! engine's own half, inside of one node, is tested on the real code (`flight_model.rs`,
//! `tests/schedules`).
//!
//! The model is bounded (one key, two nodes, one write and two fills a node unless more are asked
//! for): what it refutes is wrong; what it does not refute is likely to be right.

pub mod events;
pub mod happen;
pub mod holds;
pub mod pair;
pub mod possible;
pub mod search;
mod shared_view;
pub mod system;
pub mod variants;
