//! A chart as an RFC 7946 FeatureCollection.
//!
//! What all features of a chart, or of a body, have in common is written once and copied.

use std::fmt::Write;
use std::sync::LazyLock;

use crate::body::{Body, Kind};
use crate::chart::{Chart, Feature, Meaning};
use crate::ephemeris::{Position, VERSION};
use crate::houses::Houses;
use crate::json::{steps, write, write_steps};
use crate::lines::{Event, Line, Parallel, Path, Point, wrapped};
use crate::look::{color, look};
use crate::natal::{Dignity, Sign, aspect_between};

/// Of the points of a parallel, with what separates them from the latitude.
static LONGITUDES: LazyLock<Vec<String>> =
    LazyLock::new(|| Parallel::longitudes().map(|longitude| format!("{longitude},")).collect());
/// Decimals of angles in properties: 0.4 milliarcseconds.
const FINE: u8 = 7;
/// Decimals of distances in au: 15 m.
const FINE_AU: u8 = 10;

impl Chart {
    /// The chart as GeoJSON. `calculation_time_ms` is told in every feature.
    #[must_use]
    pub fn to_geojson(&self, calculation_time_ms: f64) -> String {
        let mut out = String::with_capacity(2_000 * self.features.len() + 64);
        self.write_geojson(&mut out, calculation_time_ms);
        out
    }

    /// As [`Chart::to_geojson`], at the end of `out`.
    pub fn write_geojson(&self, out: &mut String, calculation_time_ms: f64) {
        let of_chart = self.properties_of_chart(calculation_time_ms);
        let houses =
            self.natal.map(|natal| Houses::of(natal.houses, &self.positions.frame, natal.place));
        let of_bodies = self.properties_of_bodies(houses.as_ref());
        out.push_str(r#"{"type":"FeatureCollection","features":["#);
        for (index, feature) in self.features.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            out.push_str(r#"{"type":"Feature","geometry":"#);
            match feature.line {
                Line::Parallel(parallel) => parallel_of(out, parallel, self.options.precision),
                line => geometry(out, &line.path(), self.options.precision),
            }
            out.push_str(r#","properties":{"#);
            out.push_str(of_bodies.get(feature.of).map_or("", String::as_str));
            out.push_str(&of_chart);
            self.properties_of_line(out, feature, houses.as_ref());
            out.push_str("}}");
        }
        out.push_str("]}");
    }

    fn properties_of_chart(&self, calculation_time_ms: f64) -> String {
        let positions = &self.positions;
        let mut out = String::new();
        out.push_str(r#""epoch":""#);
        out.push_str(&positions.instant.to_string());
        out.push_str(r#"","jd":"#);
        write(&mut out, positions.instant.jd_ut1(), 6);
        for (key, angle) in [
            ("gmst", positions.frame.gmst),
            ("gast", positions.frame.gast),
            ("obliquity", positions.frame.obliquity()),
        ] {
            number(&mut out, key, angle.to_degrees());
        }
        out.push_str(r#","flags":"#);
        out.push_str(itoa::Buffer::new().format(self.options.flags));
        out.push_str(r#","se_version":""#);
        out.push_str(VERSION);
        out.push_str(r#"","source":"spence","ut1_source":"utc","calculation_time_ms":"#);
        write(&mut out, calculation_time_ms, 3);
        out
    }

    /// From the brace to what follows of the chart.
    fn properties_of_bodies(&self, houses: Option<&Houses>) -> Vec<String> {
        let bodies = &self.positions.bodies;
        let one = |(index, (body, position)): (usize, &(Body, Position))| {
            let mut out = String::with_capacity(700);
            text(&mut out, "id", body.name(), "");
            text(&mut out, "type", body.kind().name(), ",");
            out.push_str(r#","number":"#);
            match body.number() {
                Some(number) => out.push_str(itoa::Buffer::new().format(number)),
                None => out.push_str("null"),
            }
            self.coordinates(&mut out, position);
            self.zodiac(&mut out, index, *body, position, houses);
            text(&mut out, "color", color(*body), ",");
            out.push(',');
            out
        };
        bodies.iter().enumerate().map(one).collect()
    }

    fn coordinates(&self, out: &mut String, position: &Position) {
        out.push_str(r#","coords":{"ra":"#);
        write(out, position.ra.to_degrees(), FINE);
        number(out, "dec", position.dec.to_degrees());
        number(out, "lambda", position.longitude.to_degrees());
        number(out, "beta", position.latitude.to_degrees());
        out.push_str(r#","distance":"#);
        write(out, position.distance.unwrap_or(f64::NAN), FINE_AU);
        number(out, "speed", position.speed.unwrap_or(f64::NAN));
        let meridian = (position.ra - self.positions.frame.gast).to_degrees();
        out.push_str(r#"},"zenith":["#);
        write(out, wrapped(meridian), self.options.precision);
        out.push(',');
        write(out, position.dec.to_degrees(), self.options.precision);
        out.push(']');
    }

    fn zodiac(
        &self,
        out: &mut String,
        index: usize,
        body: Body,
        position: &Position,
        houses: Option<&Houses>,
    ) {
        let sign = Sign::of(position.longitude);
        out.push_str(r#","natal":{"#);
        text(out, "sign", sign.name(), "");
        text(out, "element", sign.element(), ",");
        text(out, "modality", sign.modality(), ",");
        match Dignity::of(body, sign) {
            Some(dignity) => text(out, "dignity", dignity.name(), ","),
            None => out.push_str(r#","dignity":null"#),
        }
        // What little stars move is the Earth's motion and the Sun's.
        let wanders = body.kind() != Kind::FixedStar;
        let backwards = wanders && position.speed.is_some_and(|speed| speed < 0.0);
        out.push_str(if backwards { r#","retrograde":true"# } else { r#","retrograde":false"# });
        out.push_str(r#","house":"#);
        match houses {
            Some(houses) => {
                out.push_str(itoa::Buffer::new().format(houses.house(position.longitude)));
            }
            None => out.push_str("null"),
        }
        out.push_str(r#","aspects":["#);
        let mut separator = "";
        for (other, (to, at)) in self.positions.bodies.iter().enumerate() {
            let aspect = aspect_between(position.longitude, at.longitude, self.options.orb);
            let Some((aspect, off)) = aspect.filter(|_| other != index) else { continue };
            out.push_str(separator);
            out.push('{');
            text(out, "to", to.name(), "");
            text(out, "aspect", aspect.name(), ",");
            number(out, "orb", off);
            out.push('}');
            separator = ",";
        }
        out.push_str("]}");
    }

    fn properties_of_line(&self, out: &mut String, feature: &Feature, houses: Option<&Houses>) {
        let name =
            |index: usize| self.positions.bodies.get(index).map_or("", |(body, _)| body.name());
        let of = name(feature.of);
        out.push_str(r#","line":{"angle":"#);
        let (line_type, segment) = match feature.meaning {
            Meaning::Angle(event) => {
                quoted(out, event.name());
                out.push_str(r#","aspect":null"#);
                (event.name(), format!("{of}_{}", event.name()))
            }
            Meaning::Aspect(event, aspect, degrees) => {
                quoted(out, event.name());
                text(out, "aspect", aspect.name(), ",");
                ("ASPECT", format!("{of}_{}_{degrees}_{}", aspect.name(), event.name()))
            }
            Meaning::Paran(paran) => {
                let ((_, first), (other, second)) = (paran.first, paran.second);
                quoted(out, first.name());
                out.push_str(r#","aspect":null"#);
                let other = name(other);
                ("PARAN", format!("{of}_{}_{other}_{}", first.name(), second.name()))
            }
            Meaning::LocalSpace(_) => {
                out.push_str(r#"null,"aspect":null"#);
                ("LOCAL_SPACE", format!("{of}_LOCAL_SPACE"))
            }
        };
        text(out, "line_type", line_type, ",");
        text(out, "method", feature.method(&self.options).name(), ",");
        text(out, "segment_id", &segment, ",");
        number(out, "orb", self.options.orb);
        out.push('}');
        let look = look(&feature.meaning);
        text(out, "style", look.style, ",");
        // A String takes everything.
        write!(out, r#","z_index":{},"hit_radius":{}"#, look.z_index, look.hit_radius)
            .unwrap_or_default();
        custom(out, feature, houses, name);
        if let Some(place) = self.options.near {
            out.push_str(r#","near_km":"#);
            write(out, feature.line.distance_km(place), 3);
        }
    }
}

fn custom<'a>(
    out: &mut String,
    feature: &Feature,
    houses: Option<&Houses>,
    name: impl Fn(usize) -> &'a str,
) {
    out.push_str(r#","custom":{"#);
    if let Some(houses) = houses {
        text(out, "houses_system", houses.system().name(), "");
        out.push_str(if matches!(feature.meaning, Meaning::Angle(_)) { "" } else { "," });
    }
    match feature.meaning {
        Meaning::Aspect(_, _, degrees) => {
            out.push_str(r#""degrees":"#);
            out.push_str(itoa::Buffer::new().format(degrees));
        }
        Meaning::Paran(paran) => {
            let ((_, first), (other, second)): ((usize, Event), _) = (paran.first, paran.second);
            text(out, "event1", first.name(), "");
            text(out, "body2", name(other), ",");
            text(out, "event2", second.name(), ",");
            number(out, "latitude", paran.latitude.to_degrees());
            number(out, "lst", paran.sidereal_time.to_degrees());
        }
        Meaning::LocalSpace(circle) => {
            out.push_str(r#""azimuth":"#);
            write(out, circle.azimuth(), FINE);
        }
        Meaning::Angle(_) => {}
    }
    out.push('}');
}

/// The same longitudes for all: only the latitude is written, once.
fn parallel_of(out: &mut String, parallel: Parallel, precision: u8) {
    let mut latitude = String::with_capacity(16);
    write(&mut latitude, parallel.latitude, precision);
    out.push_str(r#"{"type":"LineString","coordinates":["#);
    for (index, longitude) in LONGITUDES.iter().enumerate() {
        out.push_str(if index > 0 { ",[" } else { "[" });
        out.push_str(longitude);
        out.push_str(&latitude);
        out.push(']');
    }
    out.push_str("]}");
}

/// Points that are one at this precision are written once; a part of one point is left out.
fn geometry(out: &mut String, path: &Path, precision: u8) {
    let steps = |point: &Point| point.map(|degrees| steps(degrees, precision));
    let is_long = |part: &&Vec<Point>| {
        let first = part.first().map(steps);
        part.iter().any(|point| Some(steps(point)) != first)
    };
    let parts = || path.parts().iter().filter(is_long);
    let several = parts().count() > 1;
    out.push_str(if several {
        r#"{"type":"MultiLineString","coordinates":["#
    } else {
        r#"{"type":"LineString","coordinates":"#
    });
    for (index, part) in parts().enumerate() {
        out.push_str(if index > 0 { ",[" } else { "[" });
        let mut before = None;
        for point in part.iter().map(steps) {
            if before == Some(point) {
                continue;
            }
            out.push_str(if before.is_some() { ",[" } else { "[" });
            write_steps(out, point[0], precision);
            out.push(',');
            write_steps(out, point[1], precision);
            out.push(']');
            before = Some(point);
        }
        out.push(']');
    }
    out.push_str(if several { "]}" } else { "}" });
}

fn number(out: &mut String, key: &str, value: f64) {
    out.push_str(",\"");
    out.push_str(key);
    out.push_str("\":");
    write(out, value, FINE);
}

/// Names of ours need no escapes.
fn text(out: &mut String, key: &str, value: &str, separator: &str) {
    out.push_str(separator);
    quoted(out, key);
    out.push(':');
    quoted(out, value);
}

fn quoted(out: &mut String, value: &str) {
    out.push('"');
    out.push_str(value);
    out.push('"');
}
