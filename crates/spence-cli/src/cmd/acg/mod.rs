//! `spence acg`

mod batch;
mod lines;
mod positions;

use spence_acg::Place;

use crate::args::{Acg, Common};
use crate::exit::{Code, Failure};

pub(crate) fn run(common: &Common, asked: &Acg) -> anyhow::Result<()> {
    match asked {
        Acg::Batch(asked) => batch::run(asked),
        Acg::Lines(asked) => lines::run(common, asked),
        Acg::Positions(asked) => positions::run(common, asked),
    }
}

fn refused(message: impl Into<String>) -> anyhow::Error {
    Failure::error(Code::Refused, message)
}

/// A place by `latitude,longitude`.
fn place(option: &str, text: &str) -> anyhow::Result<Place> {
    let wrong =
        || refused(format!("--{option} {text:?}: expected latitude,longitude like 52.52,13.41"));
    let (latitude, longitude) = text.split_once(',').ok_or_else(wrong)?;
    let degrees = |text: &str| text.trim().parse::<f64>().map_err(|_| wrong());
    let place = Place::new(degrees(latitude)?, degrees(longitude)?);
    place.map_err(|error| refused(format!("--{option}: {error}")))
}
