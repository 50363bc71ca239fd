//! What keeps a tier that fails from slowing anyone down.

mod breaker;

pub(crate) use breaker::Breaker;
