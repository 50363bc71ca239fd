//! Whether what is asked can be answered.

use crate::asked::{BodyRequest, LinesRequest, NatalRequest, OptionsRequest};
use crate::body::{Body, Kind};
use crate::ephemeris::{Instant, Star};
use crate::epoch::epoch_seconds;
use crate::houses::HouseSystem;
use crate::lines::{Aspect, Event, Method};
use crate::options::{Natal, Options};
use crate::place::Place;

/// The JD of 1970-01-01T00:00:00.
const UNIX: f64 = 2_440_587.5;
/// What `jd` and `epoch` may be apart, in seconds.
const APART: i64 = 60;

/// Why a request cannot be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A value that cannot be: 400.
    Invalid,
    /// A body that is not offered: 404.
    UnknownBody,
    /// Values that could each be, but do not go together: 409.
    Conflict,
}

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Of which kind it is.
    pub fault: Fault,
    /// The path of the field, as `bodies[2].id`.
    pub field: String,
    /// What was found and what was expected.
    pub message: String,
}

impl Problem {
    /// All of them in a sentence.
    #[must_use]
    pub fn in_words(problems: &[Problem]) -> String {
        let each = problems.iter().map(|problem| format!("{}: {}", problem.field, problem.message));
        each.collect::<Vec<_>>().join("; ")
    }
}

/// A request that can be answered: the instant to the second, bodies sorted, defaults filled in.
///
/// ```
/// use spence_acg::{LinesRequest, Request};
///
/// let asked = LinesRequest {
///     epoch: Some("1990-06-15T12:00:00+02:00".to_owned()),
///     ..LinesRequest::default()
/// };
/// let request = Request::new(&asked).unwrap();
/// assert_eq!(request.instant.to_string(), "1990-06-15T10:00:00Z");
/// assert_eq!(request.bodies.len(), 11);
///
/// let problems = Request::new(&LinesRequest::default()).unwrap_err();
/// assert_eq!(problems[0].field, "epoch");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// When.
    pub instant: Instant,
    /// What is drawn; each once, sorted.
    pub bodies: Vec<Body>,
    /// How.
    pub options: Options,
    /// For whom.
    pub natal: Option<Natal>,
}

type Problems = Vec<Problem>;

/// What was sent, between quotes, as far as it is worth sending back.
pub(crate) fn quoted(text: &str) -> String {
    match text.char_indices().nth(60) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}...", text.split_at(end).0),
    }
}

fn conflict(field: impl Into<String>, message: impl Into<String>) -> Problem {
    Problem { fault: Fault::Conflict, ..wrong(field, message) }
}

fn wrong(field: impl Into<String>, message: impl Into<String>) -> Problem {
    Problem { fault: Fault::Invalid, field: field.into(), message: message.into() }
}

impl Request {
    /// Checks `asked`.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it.
    pub fn new(asked: &LinesRequest) -> Result<Request, Problems> {
        let mut problems = Problems::new();
        let instant = instant(asked, &mut problems);
        let mut bodies = bodies(asked.bodies.as_deref(), &mut problems);
        let mut options = options(&asked.options, &mut problems);
        options.near = asked.near.as_deref().and_then(|near| place(near, &mut problems));
        if options.fixed_stars {
            bodies.extend(Star::ALL.map(Body::Star));
        }
        bodies.sort_unstable();
        bodies.dedup();
        let natal = asked.natal.as_ref().and_then(|natal| natal_of(natal, &mut problems));
        let is_placed = asked
            .natal
            .as_ref()
            .is_some_and(|natal| natal.birthplace_lat.is_some() || natal.birthplace_lon.is_some());
        if !is_placed {
            needs_birthplace(&bodies, &options, &mut problems);
        }
        match instant {
            Some(instant) if problems.is_empty() => Ok(Request { instant, bodies, options, natal }),
            _ => Err(problems),
        }
    }

    /// The request in one form, whatever way it was asked: what answers are kept under. Holds
    /// personal data: a key is made of it by hashing.
    #[must_use]
    pub fn canonical(&self) -> String {
        let Options { orb, flags, precision, near, .. } = &self.options;
        let options = &self.options;
        let join = |names: Vec<&str>| names.join(",");
        let place = |place: Place| format!("{},{}", place.latitude(), place.longitude());
        let natal = self.natal.map_or_else(String::new, |natal| {
            format!("{},{}", place(natal.place), natal.houses.name())
        });
        format!(
            "{};{};{};{};{};{orb};{flags};{};{precision};{};{};{natal}",
            self.instant.unix(),
            join(self.bodies.iter().map(|body| body.name()).collect()),
            join(options.line_types.iter().map(|event| event.name()).collect()),
            join(options.aspects.iter().map(|aspect| aspect.name()).collect()),
            options.parans,
            options.method.name(),
            options.local_space,
            near.map_or_else(String::new, place),
        )
    }
}

fn instant(asked: &LinesRequest, problems: &mut Problems) -> Option<Instant> {
    let epoch = match asked.epoch.as_deref() {
        Some(epoch) => match epoch_seconds(epoch) {
            Ok(seconds) => seconds,
            Err(message) => {
                problems.push(wrong("epoch", message));
                return None;
            }
        },
        None => {
            problems.push(wrong("epoch", "missing: expected an ISO 8601 instant"));
            return None;
        }
    };
    let seconds = match asked.jd {
        None => epoch,
        Some(jd) if jd.is_finite() && jd > 0.0 => {
            #[expect(clippy::cast_possible_truncation, reason = "saturates, and is then refused")]
            let seconds = ((jd - UNIX) * 86_400.0).round() as i64;
            if seconds.abs_diff(epoch) > APART.unsigned_abs() {
                let message = format!("{jd} is more than a minute from epoch");
                problems.push(conflict("jd", message));
                return None;
            }
            seconds
        }
        Some(jd) => {
            problems.push(wrong("jd", format!("{jd}: expected a positive Julian day")));
            return None;
        }
    };
    let instant = Instant::from_unix(seconds);
    instant.map_err(|error| problems.push(wrong("epoch", error.to_string()))).ok()
}

fn bodies(asked: Option<&[BodyRequest]>, problems: &mut Problems) -> Vec<Body> {
    let Some(asked) = asked else { return Body::standard().to_vec() };
    if asked.is_empty() {
        problems.push(wrong("bodies", "empty: name one at least, or leave it out"));
    }
    let one = |(index, asked): (usize, &BodyRequest)| {
        let Some(body) = Body::named(&asked.id) else {
            let message =
                format!("unknown body {}; /api/v1/acg/features lists all", quoted(&asked.id));
            let field = format!("bodies[{index}].id");
            problems.push(Problem { fault: Fault::UnknownBody, ..wrong(field, message) });
            return None;
        };
        if let Some(kind) = asked.kind.as_deref() {
            let field = format!("bodies[{index}].type");
            match Kind::named(kind) {
                None => {
                    let names = Kind::ALL.map(Kind::name).join(", ");
                    problems
                        .push(wrong(field, format!("{}: expected one of {names}", quoted(kind))));
                }
                Some(kind) if !fits(kind, body) => {
                    let message = format!("{:?}: {body} is a {}", kind.name(), body.kind().name());
                    problems.push(conflict(field, message));
                }
                Some(_) => {}
            }
        }
        if let Some(asked) = asked.number
            && body.number().map(i64::from) != Some(asked)
        {
            let number = body.number().map_or("none".to_owned(), |number| number.to_string());
            let message = format!("{asked}: the number of {body} is {number}");
            problems.push(conflict(format!("bodies[{index}].number"), message));
        }
        Some(body)
    };
    asked.iter().enumerate().filter_map(one).collect()
}

/// Pluto may be called what he is.
fn fits(kind: Kind, body: Body) -> bool {
    kind == body.kind() || (kind == Kind::Dwarf && body == Body::Pluto)
}

fn options(asked: &OptionsRequest, problems: &mut Problems) -> Options {
    let default = Options::default();
    let line_types = asked.line_types.as_deref();
    let aspects = asked.aspects.as_deref();
    let angle = "AC, DC, MC or IC";
    let aspect = "conjunction, sextile, square, trine or opposition";
    // Without the sign of a zero.
    let orb = asked.orb_deg.unwrap_or(default.orb) + 0.0;
    if !(0.0..=5.0).contains(&orb) {
        problems.push(wrong("options.orb_deg", format!("{orb}: expected 0 to 5 degrees")));
    }
    let precision = asked.precision.unwrap_or(default.precision.into());
    if !(3..=8).contains(&precision) {
        let message = format!("{precision}: expected 3 to 8 decimals");
        problems.push(wrong("options.precision", message));
    }
    let method = asked.method.as_deref().map(|name| {
        Method::named(name).unwrap_or_else(|| {
            let message = format!("{}: expected zodiaco or mundo", quoted(name));
            problems.push(wrong("options.method", message));
            Method::default()
        })
    });
    Options {
        line_types: named(line_types, "options.line_types", Event::named, angle, problems)
            .unwrap_or(default.line_types),
        aspects: named(aspects, "options.aspects", Aspect::named, aspect, problems)
            .unwrap_or(default.aspects),
        parans: asked.include_parans.unwrap_or(default.parans),
        fixed_stars: asked.include_fixed_stars.unwrap_or(default.fixed_stars),
        orb,
        flags: asked.flags.unwrap_or(default.flags),
        method: method.unwrap_or(default.method),
        precision: u8::try_from(precision).unwrap_or(default.precision),
        local_space: asked.local_space.unwrap_or(default.local_space),
        near: None,
    }
}

/// Each once, in order.
fn named<T: Ord>(
    asked: Option<&[String]>,
    field: &str,
    of: impl Fn(&str) -> Option<T>,
    expected: &str,
    problems: &mut Problems,
) -> Option<Vec<T>> {
    let mut found = Vec::new();
    for (index, name) in asked?.iter().enumerate() {
        match of(name) {
            Some(one) => found.push(one),
            None => {
                let message = format!("{}: expected {expected}", quoted(name));
                problems.push(wrong(format!("{field}[{index}]"), message));
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    Some(found)
}

fn place(text: &str, problems: &mut Problems) -> Option<Place> {
    let degrees = |text: &str| text.trim().parse::<f64>().ok();
    let pair = text
        .split_once(',')
        .and_then(|(latitude, longitude)| Some((degrees(latitude)?, degrees(longitude)?)));
    let place = match pair {
        Some((latitude, longitude)) => {
            Place::new(latitude, longitude).map_err(|error| error.to_string())
        }
        None => Err(format!("{}: expected latitude,longitude like 52.52,13.41", quoted(text))),
    };
    place.map_err(|message| problems.push(wrong("near", message))).ok()
}

fn natal_of(asked: &NatalRequest, problems: &mut Problems) -> Option<Natal> {
    let houses = asked.houses_system.as_deref().map(|name| {
        HouseSystem::named(name).unwrap_or_else(|| {
            let names = HouseSystem::ALL.map(HouseSystem::name).join(", ");
            let message = format!("{}: expected one of {names}", quoted(name));
            problems.push(wrong("natal.houses_system", message));
            HouseSystem::default()
        })
    });
    let altitude_m = asked.birthplace_alt_m.unwrap_or(0.0);
    if !altitude_m.is_finite() {
        problems.push(wrong("natal.birthplace_alt_m", "expected metres"));
    }
    match (asked.birthplace_lat, asked.birthplace_lon) {
        (Some(latitude), Some(longitude)) => match Place::new(latitude, longitude) {
            Ok(place) => Some(Natal { place, altitude_m, houses: houses.unwrap_or_default() }),
            Err(error) => {
                let field = if (-90.0..=90.0).contains(&latitude) { "lon" } else { "lat" };
                problems.push(wrong(format!("natal.birthplace_{field}"), error.to_string()));
                None
            }
        },
        // Houses that are asked for without one concern nothing.
        (None, None) => None,
        (latitude, _) => {
            let field = if latitude.is_none() { "lat" } else { "lon" };
            let message = "missing: latitude and longitude go together";
            problems.push(conflict(format!("natal.birthplace_{field}"), message));
            None
        }
    }
}

fn needs_birthplace(bodies: &[Body], options: &Options, problems: &mut Problems) {
    if let Some(lot) = bodies.iter().find(|body| body.kind() == Kind::Lot) {
        let message = format!("{lot} is laid off from the ascendant: a birthplace is needed");
        problems.push(conflict("natal", message));
    }
    if options.local_space {
        problems.push(conflict("natal", "local space begins at a birthplace: one is needed"));
    }
}
