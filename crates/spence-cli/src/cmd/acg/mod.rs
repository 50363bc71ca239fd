//! `spence acg`

mod batch;
mod lines;
mod positions;

use spence::Clock;
use spence_acg::{Chart, Place, Positions, Request};

use crate::args::{Acg, Common};
use crate::exit::{Code, Failure};

pub(crate) fn run(common: &Common, asked: &Acg) -> anyhow::Result<()> {
    match asked {
        Acg::Batch(asked) => batch::run(asked),
        Acg::Lines(asked) => lines::run(common, asked),
        Acg::Positions(asked) => positions::run(common, asked),
    }
}

/// The chart, and in how many milliseconds it was computed.
fn drawn(request: Request) -> anyhow::Result<(Chart, f64)> {
    let took = Clock::system().stopwatch();
    let birthplace = request.natal.map(|natal| natal.place);
    let positions = Positions::at(request.instant, &request.bodies, birthplace)
        .map_err(|error| refused(error.to_string()))?;
    let chart = Chart::draw(positions, request.options, request.natal);
    Ok((chart, took.elapsed().as_secs_f64() * 1e3))
}

fn refused(message: impl Into<String>) -> anyhow::Error {
    Failure::error(Code::Refused, message)
}

/// A place by `latitude,longitude`; `whose` it is stands before what is wrong.
fn place(whose: &str, text: &str) -> anyhow::Result<Place> {
    let wrong =
        || refused(format!("{whose} {text:?}: expected latitude,longitude like 52.52,13.41"));
    let (latitude, longitude) = text.split_once(',').ok_or_else(wrong)?;
    let degrees = |text: &str| text.trim().parse::<f64>().map_err(|_| wrong());
    let place = Place::new(degrees(latitude)?, degrees(longitude)?);
    place.map_err(|error| refused(format!("{whose}: {error}")))
}
