//! For tests of what is built on spence, and of spence itself.
//!
//! - [`Script`] is an origin that answers as it is told and counts its calls.
//! - [`Op`] and [`ops`] make arbitrary lists of what a program can do with a cache.
//! - [`Model`] is a cache as the contract describes it, with nothing clever in it; it says what an
//!   operation may answer.
//! - [`Setup`] and [`run`] do a list's operations on an engine and on the model, one after the
//!   other, and compare.
//! - [`RedisServer`] is a Redis server of a test's own; [`RedisCluster`] and [`RedisSentinels`] are
//!   several, [`RedisTls`] one that speaks TLS.
//! - [`Chaos`] is a device whose reads and writes fail now and then.
//!
//! ```
//! use spence_testkit::{Op, Setup, run};
//!
//! let list = [Op::fetch("a:1"), Op::get("a:1"), Op::Advance { seconds: 40 }, Op::get("a:1")];
//! let reached = run(Setup::Memory, &list).unwrap();
//! assert_eq!((reached.operations, reached.hits, reached.stale_hits), (4, 1, 1));
//! ```
//!
//! The manual clock is the engine's own: `spence::Clock::manual`.

mod chaos;
mod fleet;
mod model;
mod op;
mod origin;
mod run;
mod server;
mod setup;
mod tls;

pub use chaos::Chaos;
pub use fleet::{RedisCluster, RedisSentinels};
pub use model::{Expected, Model};
pub use op::{Answer, Many, Op, ops};
pub use origin::{Answering, Script};
pub use run::run;
pub use server::RedisServer;
pub use setup::{Reached, Setup};
pub use tls::RedisTls;
