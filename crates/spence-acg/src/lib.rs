//! Astrocartography: where on the Earth a body rises, sets, culminates.
//!
//! Instant -> [`ephemeris`] -> positions -> [`lines`] -> GeoJSON. The crate does no I/O and reads
//! no clock; what it computes is a function of what it is given and of its tables.
//!
//! ```
//! use spence_acg::ephemeris::Instant;
//! use spence_acg::{Body, Chart, Options, Positions};
//!
//! // 2000-01-01T12:00:00Z.
//! let noon = Instant::from_unix(946_728_000)?;
//! let positions = Positions::at(noon, Body::standard(), None)?;
//! let chart = Chart::draw(positions, Options::default(), None);
//! assert_eq!(chart.features.len(), 11 * 4 + 3 * 11 * 10);
//! let (geojson, map) = (chart.to_geojson(0.0), chart.to_svg());
//! # assert!(geojson.starts_with('{') && map.starts_with("<svg"));
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

pub mod asked;
mod body;
mod chart;
mod described;
pub mod ephemeris;
mod epoch;
mod geojson;
mod houses;
mod json;
pub mod lines;
mod look;
mod map;
mod natal;
mod options;
mod place;
mod request;

pub use asked::{BodyRequest, LinesRequest, NatalRequest, OptionsRequest};
pub use body::{Body, Kind};
pub use chart::{Chart, Feature, Meaning, Positions};
pub use described::{Epoch, LatitudeLongitude};
pub use epoch::epoch_seconds;
pub use houses::{HouseSystem, Houses};
pub use lines::Aspect;
pub use look::{Look, color, look};
pub use natal::{Dignity, Sign, aspect_between};
pub use options::{Natal, Options};
pub use place::{NoPlace, Place};
pub use request::{Fault, Problem, Request};
