//! `spence acg positions`: one record in the structure of the reference set.

use serde_json::{Map, Value, json};
use spence_acg::ephemeris::{Instant, OutOfRange, Position, Sky};
use spence_acg::lines::{Horizon, Meridian, Method, Side, displaced, parans};
use spence_acg::{Body, Kind, epoch_seconds};

use super::{place, refused};
use crate::args::{Common, Positions};
use crate::render;

const LATITUDES: [i32; 9] = [-60, -45, -30, -15, 0, 15, 30, 45, 60];
/// Of whom the record has parans and aspect lines.
const IN_PARANS: [Body; 5] = [Body::Sun, Body::Moon, Body::Venus, Body::Mars, Body::Saturn];
const IN_ASPECTS: [Body; 3] = [Body::Sun, Body::Moon, Body::Mars];
const ASPECTS: [u16; 7] = [60, 90, 120, 180, 240, 270, 300];

pub(super) fn run(common: &Common, asked: &Positions) -> anyhow::Result<()> {
    let sky = Sky::at(instant(asked)?);
    let places = places(&sky, &asked.places)?;
    if common.json {
        return render::json(&record(&sky, places));
    }
    let rows = offered().filter_map(|body| Some((body, sky.position(body).ok()?)));
    let rows = rows.map(|(body, position)| row(&sky, body, &position));
    let columns = ["body", "ra", "dec", "longitude", "latitude", "distance au", "deg/day", "MC"];
    render::table(&columns, rows.collect())?;
    for (name, of) in places {
        let angle = |key: &str| of.get(key).and_then(Value::as_f64).unwrap_or_default();
        let (ascendant, midheaven) = (angle("asc"), angle("mc"));
        render::note(&format!("{name}: ascendant {ascendant:.4}, midheaven {midheaven:.4}"), false);
    }
    let instant = sky.instant();
    let told = format!("{instant} UT1, TT - UT1 {:.3} s; degrees", instant.delta_t());
    render::note(&told, false);
    Ok(())
}

fn instant(asked: &Positions) -> anyhow::Result<Instant> {
    let seconds =
        epoch_seconds(&asked.ut1).map_err(|message| refused(format!("--ut1 {message}")))?;
    let wrong = |error: OutOfRange| refused(format!("--ut1: {error}"));
    let instant = Instant::from_unix(seconds).map_err(wrong)?;
    match asked.delta_t_seconds {
        Some(delta_t) if delta_t.abs() <= 600.0 => {
            Instant::with_delta_t(instant.jd_ut1(), delta_t).map_err(wrong)
        }
        Some(_) => Err(refused("--delta-t-seconds: expected -600 to 600")),
        None => Ok(instant),
    }
}

/// All that needs no birthplace.
fn offered() -> impl Iterator<Item = Body> {
    Body::ALL.into_iter().filter(|body| body.kind() != Kind::Lot)
}

fn row(sky: &Sky, body: Body, position: &Position) -> Vec<String> {
    let degrees = |radians: f64| format!("{:.5}", radians.to_degrees());
    let or_dash = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    vec![
        body.name().to_owned(),
        degrees(position.ra),
        degrees(position.dec),
        degrees(position.longitude),
        degrees(position.latitude),
        or_dash(position.distance.map(|distance| format!("{distance:.6}"))),
        or_dash(position.speed.map(|speed| format!("{speed:.5}"))),
        format!("{:.5}", Meridian::of(position, sky.frame().gast).longitude),
    ]
}

fn record(sky: &Sky, places: Map<String, Value>) -> Value {
    let (instant, frame) = (sky.instant(), sky.frame());
    let all = offered().filter_map(|body| Some((body.name().to_owned(), body_of(sky, body)?)));
    let bodies: Map<String, Value> = all.collect();
    json!({
        "id": instant.to_string(),
        "ut1": instant.to_string(),
        "jd_ut1": instant.jd_ut1(),
        "delta_t_s": instant.delta_t(),
        "jd_tt": instant.jd_tt(),
        "gast_deg": degrees(frame.gast),
        "gmst_deg": degrees(frame.gmst),
        "true_obliquity_deg": degrees(frame.obliquity()),
        "mean_obliquity_deg": degrees(frame.mean_obliquity),
        "nut_lon_deg": degrees(frame.nutation_longitude),
        "nut_obl_deg": degrees(frame.nutation_obliquity),
        "bodies": bodies,
        "places": places,
        "parans": all_parans(sky),
        "aspect_lines": aspect_lines(sky),
    })
}

fn body_of(sky: &Sky, body: Body) -> Option<Value> {
    let position = sky.position(body).ok()?;
    let mc = Meridian::of(&position, sky.frame().gast);
    let mut of = json!({
        "ra": degrees(position.ra),
        "dec": degrees(position.dec),
        "lambda": degrees(position.longitude),
        "beta": degrees(position.latitude),
        "mc_lon": nine(mc.longitude),
        "ic_lon": nine(mc.opposite().longitude),
        "ac_lon": by_latitude(sky, &position, Side::Rising),
        "dc_lon": by_latitude(sky, &position, Side::Setting),
    });
    if let (Some(distance), Some(object)) = (position.distance, of.as_object_mut()) {
        object.insert("distance_au".to_owned(), nine(distance));
        let speed = position.speed.map_or(Value::Null, nine);
        object.insert("speed_lon_deg_day".to_owned(), speed);
    }
    Some(of)
}

fn by_latitude(sky: &Sky, position: &Position, side: Side) -> Value {
    let line = Horizon::of(position, sky.frame().gast, side);
    let longitude = |latitude: i32| {
        let found = line.longitude_at(f64::from(latitude)).map_or(Value::Null, nine);
        (latitude.to_string(), found)
    };
    LATITUDES.into_iter().map(longitude).collect::<Map<_, _>>().into()
}

fn places(sky: &Sky, named: &[String]) -> anyhow::Result<Map<String, Value>> {
    let mut all = Map::new();
    for text in named {
        let parts = text.split_once('=').filter(|(name, _)| !name.is_empty());
        let (name, of) = parts.ok_or_else(|| {
            refused(format!("--place {text:?}: expected NAME=latitude,longitude"))
        })?;
        let place = place("--place", of)?;
        let (ascendant, midheaven) = place.ascendant_and_midheaven(sky.frame());
        let angles = json!({
            "lat": nine(place.latitude()),
            "lon": nine(place.longitude()),
            "ramc": degrees(place.sidereal_time(sky.frame())),
            "asc": degrees(ascendant),
            "mc": degrees(midheaven),
        });
        if all.insert(name.to_owned(), angles).is_some() {
            return Err(refused(format!("--place {text:?}: {name} is there twice")));
        }
    }
    Ok(all)
}

fn all_parans(sky: &Sky) -> Vec<Value> {
    let positions = IN_PARANS.iter().filter_map(|body| sky.position(*body).ok());
    let positions: Vec<Position> = positions.collect();
    let name = |index: usize| IN_PARANS.get(index).map_or("", |body| body.name());
    let one = |paran: spence_acg::lines::Paran| {
        json!({
            "body1": name(paran.first.0),
            "event1": paran.first.1.name(),
            "body2": name(paran.second.0),
            "event2": paran.second.1.name(),
            "lat": degrees(paran.latitude),
            "lst": degrees(paran.sidereal_time),
        })
    };
    parans(&positions).into_iter().map(one).collect()
}

fn aspect_lines(sky: &Sky) -> Map<String, Value> {
    let of_body = |body: Body| {
        let position = sky.position(body).ok()?;
        let lines = ASPECTS.into_iter().map(|angle| {
            let method = Method::Zodiaco;
            let point = displaced(sky.frame(), &position, f64::from(angle), method);
            let mc = Meridian::of(&point, sky.frame().gast).longitude;
            let ac = by_latitude(sky, &point, Side::Rising);
            (angle.to_string(), json!({ "mc_lon": nine(mc), "ac_lon": ac }))
        });
        Some((body.name().to_owned(), lines.collect::<Map<_, _>>().into()))
    };
    IN_ASPECTS.into_iter().filter_map(of_body).collect()
}

fn degrees(radians: f64) -> Value {
    nine(radians.to_degrees())
}

/// With nine decimals: four microarcseconds.
fn nine(value: f64) -> Value {
    json!((value * 1e9).round() / 1e9)
}
