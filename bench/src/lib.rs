//! What the benches share: their options, their report, their rounds and their workloads.
//!
//! Every bench measures Spence and its peers in the same run, turn by turn, so that whatever else
//! the machine does falls on all of them; what counts is the ratio.

pub mod child;
pub mod machine;
pub mod options;
pub mod peers;
pub mod python;
pub mod report;
pub mod rounds;
pub mod traces;
pub mod workload;

pub use options::Options;
pub use report::{Report, Target};
