//! Where bodies are seen from the Earth's centre, 1900 to 2100.

mod delta_t;
mod frame;
mod instant;
mod lots;
mod lunar_points;
mod moment;
mod position;
mod sky;
mod stars;
mod tables;
mod vector;

pub use delta_t::delta_t_seconds;
pub use frame::Frame;
pub use instant::{Instant, OutOfRange};
pub use position::Position;
pub use sky::{NoBirthplace, Sky};
pub use stars::Star;
pub use tables::{FIRST_DAY, LAST_DAY, Orbit, State, Tables, VERSION};
pub use vector::{Matrix, Vector};
