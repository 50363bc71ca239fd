//! A chart: positions at an instant, and the lines they draw.

use serde::{Deserialize, Serialize};

use crate::body::Body;
use crate::ephemeris::{Frame, Instant, NoBirthplace, Position, Sky};
use crate::lines::{
    Aspect, Event, GreatCircle, Horizon, Line, Meridian, Method, Parallel, Paran, Side, displaced,
    parans,
};
use crate::options::{Natal, Options};
use crate::place::Place;

/// Where bodies are at an instant: all that lines need.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Positions {
    /// When.
    pub instant: Instant,
    /// How the Earth stands.
    pub frame: Frame,
    /// Each body and where it is seen.
    pub bodies: Vec<(Body, Position)>,
}

impl Positions {
    /// Those of `bodies` at `instant`.
    ///
    /// # Errors
    ///
    /// [`NoBirthplace`] if a lot is among them and no birthplace is known.
    pub fn at(
        instant: Instant,
        bodies: &[Body],
        birthplace: Option<Place>,
    ) -> Result<Positions, NoBirthplace> {
        let sky = Sky::at(instant);
        let sky = birthplace.map_or(sky, |place| sky.seen_from(place));
        let bodies = bodies.iter().map(|body| Ok((*body, sky.position(*body)?)));
        Ok(Positions { instant, frame: *sky.frame(), bodies: bodies.collect::<Result<_, _>>()? })
    }
}

/// What a line means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Meaning {
    /// A body on an angle.
    Angle(Event),
    /// In aspect to the angle; so many degrees ahead of the body.
    Aspect(Event, Aspect, u16),
    /// Two bodies on an angle at once.
    Paran(Paran),
    /// Towards a body from the birthplace.
    LocalSpace(GreatCircle),
}

/// A line, whose it is and what it means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Feature {
    /// The body, by its place in the positions; of a paran the first.
    pub of: usize,
    /// What it means.
    pub meaning: Meaning,
    /// Where it runs.
    pub line: Line,
}

/// Positions, choices and lines.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// What was computed first.
    pub positions: Positions,
    /// What was asked for.
    pub options: Options,
    /// Whose chart it is.
    pub natal: Option<Natal>,
    /// Body by body: angles, aspects, local space; then the parans.
    pub features: Vec<Feature>,
}

impl Chart {
    /// Draws the lines of `positions`. Local space is left out without a birthplace: who asks for
    /// it has checked.
    #[must_use]
    pub fn draw(positions: Positions, options: Options, natal: Option<Natal>) -> Chart {
        let mut features = Vec::new();
        for (of, (_, position)) in positions.bodies.iter().enumerate() {
            let frame = &positions.frame;
            features.extend(angles(of, position, frame, &options));
            features.extend(aspects(of, position, frame, &options));
            if let (true, Some(natal)) = (options.local_space, natal) {
                let circle = GreatCircle::towards(position, frame, natal.place);
                let meaning = Meaning::LocalSpace(circle);
                features.push(Feature { of, meaning, line: Line::GreatCircle(circle) });
            }
        }
        if options.parans {
            let alone: Vec<Position> = positions.bodies.iter().map(|(_, at)| *at).collect();
            features.extend(parans(&alone).into_iter().map(|paran| Feature {
                of: paran.first.0,
                meaning: Meaning::Paran(paran),
                line: Line::Parallel(Parallel { latitude: paran.latitude.to_degrees() }),
            }));
        }
        Chart { positions, options, natal, features }
    }
}

fn angles<'a>(
    of: usize,
    position: &'a Position,
    frame: &'a Frame,
    options: &'a Options,
) -> impl Iterator<Item = Feature> + 'a {
    options.line_types.iter().map(move |event| Feature {
        of,
        meaning: Meaning::Angle(*event),
        line: line(*event, position, frame),
    })
}

fn aspects<'a>(
    of: usize,
    position: &'a Position,
    frame: &'a Frame,
    options: &'a Options,
) -> impl Iterator<Item = Feature> + 'a {
    let chosen = options.aspects.iter();
    let all = chosen.flat_map(|aspect| aspect.angles().iter().map(move |angle| (*aspect, *angle)));
    all.flat_map(move |(aspect, degrees)| {
        let point = displaced(frame, position, f64::from(degrees), options.method);
        [Event::AC, Event::MC].map(|event| Feature {
            of,
            meaning: Meaning::Aspect(event, aspect, degrees),
            line: line(event, &point, frame),
        })
    })
}

fn line(event: Event, position: &Position, frame: &Frame) -> Line {
    match event {
        Event::AC => Line::Horizon(Horizon::of(position, frame.gast, Side::Rising)),
        Event::DC => Line::Horizon(Horizon::of(position, frame.gast, Side::Setting)),
        Event::MC => Line::Meridian(Meridian::of(position, frame.gast)),
        Event::IC => Line::Meridian(Meridian::of(position, frame.gast).opposite()),
    }
}

impl Feature {
    /// How the line is measured: angles in mundo, by the body itself; aspects as chosen.
    #[must_use]
    pub fn method(&self, options: &Options) -> Method {
        match self.meaning {
            Meaning::Aspect(..) => options.method,
            _ => Method::Mundo,
        }
    }
}
