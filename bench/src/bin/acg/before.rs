//! How the formulas read: what was optimized. Each point of AC and DC by its latitude, each feature
//! a JSON value of its own, and the text made of these.

use serde_json::{Value, json};
use spence_acg::ephemeris::{Instant, Position, Sky};
use spence_acg::lines::{Event, Horizon, Meridian, Method, Side, displaced, parans, wrapped};
use spence_acg::{Aspect, Body};

pub(crate) fn chart(instant: Instant, everything: bool) -> String {
    let sky = Sky::at(instant);
    let mut features = Vec::new();
    let mut positions = Vec::new();
    for body in Body::standard() {
        let position = sky.position(*body).expect("no lot");
        positions.push(position);
        let gast = sky.frame().gast;
        let mc = Meridian::of(&position, gast);
        features.push(feature(&sky, *body, &position, "MC", meridian(mc.longitude)));
        features.push(feature(&sky, *body, &position, "IC", meridian(mc.opposite().longitude)));
        for (name, side) in [("AC", Side::Rising), ("DC", Side::Setting)] {
            let line = horizon(&Horizon::of(&position, gast, side));
            features.push(feature(&sky, *body, &position, name, line));
        }
        let aspects = [Aspect::Sextile, Aspect::Square, Aspect::Trine];
        for angle in aspects.iter().flat_map(|aspect| aspect.angles()).filter(|_| everything) {
            let point = displaced(sky.frame(), &position, f64::from(*angle), Method::Zodiaco);
            let mc = meridian(Meridian::of(&point, gast).longitude);
            features.push(feature(&sky, *body, &position, "MC aspect", mc));
            let ac = horizon(&Horizon::of(&point, gast, Side::Rising));
            features.push(feature(&sky, *body, &position, "AC aspect", ac));
        }
    }
    for paran in parans(&positions).into_iter().filter(|_| everything) {
        let (index, event): (usize, Event) = paran.first;
        let latitude = rounded(paran.latitude.to_degrees());
        let points: Vec<_> = (-18..=18).map(|step| json!([step * 10, latitude])).collect();
        let line = json!({ "type": "LineString", "coordinates": points });
        let body = Body::standard()[index];
        features.push(feature(&sky, body, &positions[index], event.name(), line));
    }
    json!({ "type": "FeatureCollection", "features": features }).to_string()
}

fn feature(sky: &Sky, body: Body, position: &Position, angle: &str, geometry: Value) -> Value {
    json!({
        "type": "Feature",
        "geometry": geometry,
        "properties": {
            "id": body.name(),
            "type": body.kind().name(),
            "number": body.number(),
            "epoch": sky.instant().to_string(),
            "jd": sky.instant().jd_ut1(),
            "gast": sky.frame().gast.to_degrees(),
            "obliquity": sky.frame().obliquity().to_degrees(),
            "coords": {
                "ra": position.ra.to_degrees(),
                "dec": position.dec.to_degrees(),
                "lambda": position.longitude.to_degrees(),
                "beta": position.latitude.to_degrees(),
                "distance": position.distance,
                "speed": position.speed,
            },
            "line": { "angle": angle, "segment_id": format!("{body}_{angle}") },
            "color": "#888888",
        },
    })
}

fn meridian(longitude: f64) -> Value {
    let points: Vec<_> = (-90..=90).map(|latitude| json!([rounded(longitude), latitude])).collect();
    json!({ "type": "LineString", "coordinates": points })
}

fn horizon(line: &Horizon) -> Value {
    let mut parts = vec![Vec::new()];
    let mut before: Option<f64> = None;
    for latitude in -90..=90 {
        let Some(longitude) = line.longitude_at(f64::from(latitude)) else { continue };
        if before.is_some_and(|before| (before - longitude).abs() > 180.0) {
            parts.push(Vec::new());
        }
        before = Some(longitude);
        let part = parts.last_mut().expect("one at least");
        part.push(json!([rounded(wrapped(longitude)), latitude]));
    }
    json!({ "type": "MultiLineString", "coordinates": parts })
}

fn rounded(degrees: f64) -> f64 {
    (degrees * 1e5).round() / 1e5
}
