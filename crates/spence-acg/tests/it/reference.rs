//! Every quantity of the reference set, within its stated tolerance.
//!
//! `tests/golden/reference.json.gz`: positions of Swiss Ephemeris (DE431), sidereal time of ERFA,
//! lines by closed forms. TT and UT1 are given, so that the model of Delta T is tested apart.

use std::collections::BTreeMap;
use std::io::Read;

use flate2::read::GzDecoder;
use serde_json::Value;
use spence_acg::ephemeris::{Instant, Position, Sky, delta_t_seconds};
use spence_acg::lines::{Event, Horizon, Meridian, Method, Side, displaced, parans, wrapped};
use spence_acg::{Body, Place};

const ARC_SECOND: f64 = 1.0 / 3_600.0;
const LATITUDES: [i32; 9] = [-60, -45, -30, -15, 0, 15, 30, 45, 60];

fn records() -> Vec<Value> {
    let packed = include_bytes!("../golden/reference.json.gz");
    let mut text = String::new();
    GzDecoder::new(packed.as_slice()).read_to_string(&mut text).unwrap();
    let mut set: Value = serde_json::from_str(&text).unwrap();
    let Value::Array(records) = set["records"].take() else { panic!("no records") };
    assert_eq!(records.len(), 33);
    records
}

fn number(value: &Value, key: &str) -> f64 {
    value[key].as_f64().unwrap_or_else(|| panic!("{key} of {value}"))
}

fn sky(record: &Value) -> Sky {
    let jd = number(record, "jd_ut1");
    Sky::at(Instant::with_delta_t(jd, number(record, "delta_t_s")).unwrap())
}

/// In arc seconds.
fn tolerance(body: Body) -> f64 {
    match body {
        Body::Uranus | Body::Neptune => 3.0,
        Body::Pluto => 4.0,
        Body::TrueNode => 2.0,
        Body::Star(_) => 0.5,
        _ => 1.0,
    }
}

/// In arc seconds, from degrees that may be a turn apart.
fn apart(found: f64, expected: f64) -> f64 {
    wrapped(found - expected).abs() / ARC_SECOND
}

fn bodies(record: &Value) -> Vec<(Body, &Value)> {
    let all = Body::ALL.into_iter();
    all.filter_map(|body| Some((body, record["bodies"].get(body.name())?))).collect()
}

#[test]
fn the_earth_turns_as_erfa_says() {
    for record in records() {
        let frame = *sky(&record).frame();
        let id = &record["id"];
        assert!(apart(frame.gast.to_degrees(), number(&record, "gast_deg")) < 0.05, "{id}");
        assert!(apart(frame.gmst.to_degrees(), number(&record, "gmst_deg")) < 0.02, "{id}");
        let obliquity = number(&record, "true_obliquity_deg");
        assert!(apart(frame.obliquity().to_degrees(), obliquity) < 0.05, "{id}");
        let nutation = number(&record, "nut_lon_deg");
        assert!(apart(frame.nutation_longitude.to_degrees(), nutation) < 0.05, "{id}");
    }
}

#[test]
fn bodies_are_where_swiss_ephemeris_sees_them() {
    let mut offered = 0;
    let mut largest = BTreeMap::new();
    for record in records() {
        let sky = sky(&record);
        for (body, expected) in bodies(&record) {
            let found = sky.position(body).unwrap();
            let allowed = tolerance(body);
            let ra = apart(found.ra.to_degrees(), number(expected, "ra")) * found.dec.cos();
            let dec = apart(found.dec.to_degrees(), number(expected, "dec"));
            let longitude = apart(found.longitude.to_degrees(), number(expected, "lambda"));
            let latitude = apart(found.latitude.to_degrees(), number(expected, "beta"));
            let off = [ra, dec, longitude * found.latitude.cos(), latitude];
            let most = off.iter().copied().fold(0.0, f64::max);
            assert!(most <= allowed, "{body} in {}: {off:?}", record["id"]);
            if let Some(distance) = expected["distance_au"].as_f64() {
                let ratio = found.distance.unwrap() / distance;
                assert!((ratio - 1.0).abs() < 2e-4, "{body} in {}: {ratio}", record["id"]);
            }
            if let Some(speed) = expected["speed_lon_deg_day"].as_f64() {
                let off = (found.speed.unwrap() - speed).abs();
                let allowed = if body == Body::TrueNode { 0.01 } else { 1e-4 };
                assert!(off < allowed, "{body} in {}: {off} degrees a day", record["id"]);
            }
            let so_far: &mut f64 = largest.entry(body).or_default();
            *so_far = so_far.max(most);
            offered += 1;
        }
    }
    for (body, most) in largest {
        println!("{body}: {most:.2}\" at most, {}\" permitted", tolerance(body));
    }
    assert_eq!(offered, 33 * 17, "Sun to Pluto, two nodes, Lilith and four stars");
}

/// In arc seconds: how far from the horizon the reference's body is at `longitude`.
fn altitude(record: &Value, body: &Value, latitude: f64, longitude: f64) -> f64 {
    let hour_angle = (number(record, "gast_deg") + longitude - number(body, "ra")).to_radians();
    let (sin, cos) = latitude.to_radians().sin_cos();
    let (sin_d, cos_d) = number(body, "dec").to_radians().sin_cos();
    (sin * sin_d + cos * cos_d * hour_angle.cos()).asin().to_degrees().abs() / ARC_SECOND
}

#[test]
fn lines_are_where_the_bodies_culminate_rise_and_set() {
    for record in records() {
        let sky = sky(&record);
        for (body, expected) in bodies(&record) {
            let position = sky.position(body).unwrap();
            let gast = sky.frame().gast;
            let allowed = tolerance(body);
            let mc = Meridian::of(&position, gast);
            let of_ra = allowed / position.dec.cos();
            assert!(apart(mc.longitude, number(expected, "mc_lon")) <= of_ra, "{body}");
            let ic = mc.opposite().longitude;
            assert!(apart(ic, number(expected, "ic_lon")) <= of_ra, "{body}");
            for (key, side) in [("ac_lon", Side::Rising), ("dc_lon", Side::Setting)] {
                let line = Horizon::of(&position, gast, side);
                for latitude in LATITUDES {
                    let found = line.longitude_at(f64::from(latitude));
                    let reference = expected[key][latitude.to_string()].as_f64();
                    assert_eq!(found.is_some(), reference.is_some(), "{body} {key} {latitude}");
                    let (Some(found), Some(reference)) = (found, reference) else { continue };
                    let off = altitude(&record, expected, f64::from(latitude), found);
                    assert!(off <= allowed, "{body} {key} {latitude}: {off}");
                    assert!(wrapped(found - reference).abs() < 1.0, "{body}: the other side");
                }
            }
        }
    }
}

#[test]
fn places_have_their_ascendant_and_midheaven() {
    for record in records() {
        let sky = sky(&record);
        for (name, expected) in record["places"].as_object().unwrap() {
            let (latitude, longitude) = (number(expected, "lat"), number(expected, "lon"));
            let place = Place::new(latitude, longitude).unwrap();
            let (ascendant, midheaven) = place.ascendant_and_midheaven(sky.frame());
            let ramc = place.sidereal_time(sky.frame()).to_degrees();
            assert!(apart(ramc, number(expected, "ramc")) < 0.05, "{name}");
            assert!(apart(midheaven.to_degrees(), number(expected, "mc")) < 2.0, "{name}");
            let asc = number(expected, "asc");
            let ascendant = ascendant.to_degrees();
            let direct = apart(ascendant, asc);
            // Inside the polar circle Swiss Ephemeris may give the setting point.
            let opposite = apart(ascendant + 180.0, asc);
            let polar = latitude.abs() > 66.0;
            assert!(direct < 2.0 || (polar && opposite < 2.0), "{name}: {direct}");
        }
    }
}

#[test]
fn parans_are_those_of_the_reference() {
    let five = [Body::Sun, Body::Moon, Body::Venus, Body::Mars, Body::Saturn];
    for record in records() {
        let sky = sky(&record);
        let positions: Vec<Position> =
            five.iter().map(|body| sky.position(*body).unwrap()).collect();
        let found = parans(&positions);
        let expected = record["parans"].as_array().unwrap();
        assert_eq!(found.len(), expected.len());
        for paran in &found {
            let name = |(index, event): (usize, Event)| (five[index].name(), event.name());
            let of = |one: &Value, body: &str, event: &str| {
                (one[body].as_str().unwrap().to_owned(), one[event].as_str().unwrap().to_owned())
            };
            let (first, second) = (name(paran.first), name(paran.second));
            let mut same = expected.iter().filter(|one| {
                let ends = (of(one, "body1", "event1"), of(one, "body2", "event2"));
                ends == (owned(first), owned(second)) || ends == (owned(second), owned(first))
            });
            let one = same.next().unwrap_or_else(|| panic!("{first:?} {second:?}"));
            let first = &record["bodies"][first.0];
            let allowed = 5.0 * tolerance(Body::Moon).max(1.0);
            let latitude = paran.latitude.to_degrees();
            let apart_in_latitude = (latitude - number(one, "lat")).abs() / ARC_SECOND;
            // Near the equator a small error of the declination is a large one of the latitude.
            let sine = number(first, "dec").to_radians().sin().abs();
            assert!(apart_in_latitude <= allowed + 3.0 / sine.max(1e-3), "{one}");
            let sidereal = paran.sidereal_time.to_degrees();
            let longitude = sidereal - number(&record, "gast_deg");
            if let Event::AC | Event::DC = paran.first.1 {
                let off = altitude(&record, first, latitude, longitude);
                assert!(off <= 5.0, "{one}: {off}");
            }
        }
    }
}

fn owned((body, event): (&str, &str)) -> (String, String) {
    (body.to_owned(), event.to_owned())
}

#[test]
fn aspect_lines_are_those_of_the_ecliptic_point() {
    for record in records() {
        let sky = sky(&record);
        for (name, angles) in record["aspect_lines"].as_object().unwrap() {
            let position = sky.position(Body::named(name).unwrap()).unwrap();
            for (degrees, expected) in angles.as_object().unwrap() {
                let point =
                    displaced(sky.frame(), &position, degrees.parse().unwrap(), Method::Zodiaco);
                let gast = sky.frame().gast;
                let mc = Meridian::of(&point, gast).longitude;
                assert!(apart(mc, number(expected, "mc_lon")) < 1.2, "{name} {degrees}");
                let line = Horizon::of(&point, gast, Side::Rising);
                for latitude in LATITUDES {
                    let found = line.longitude_at(f64::from(latitude));
                    let reference = expected["ac_lon"][latitude.to_string()].as_f64();
                    let (Some(found), Some(reference)) = (found, reference) else {
                        assert_eq!(found.is_some(), reference.is_some());
                        continue;
                    };
                    let hour_angle = (found + gast.to_degrees()).to_radians() - point.ra;
                    let slope = hour_angle.sin().abs().max(0.02);
                    let cos = f64::from(latitude).to_radians().cos();
                    let off = apart(found, reference) * slope * cos * point.dec.cos();
                    assert!(off < 1.5, "{name} {degrees} at {latitude}: {off}");
                }
            }
        }
    }
}

#[test]
fn terrestrial_time_is_ahead_by_what_others_say() {
    for record in records() {
        let year = 2_000.0 + (number(&record, "jd_ut1") - 2_451_545.0) / 365.25;
        let off = (delta_t_seconds(year) - number(&record, "delta_t_s")).abs();
        let allowed = if year < 2_026.0 { 0.5 } else { 5.0 };
        assert!(off < allowed, "{year}: {off} s");
    }
}
