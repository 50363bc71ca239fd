//! What must hold of any chart.

use std::collections::BTreeSet;
use std::f64::consts::TAU;

use proptest::prelude::*;
use serde_json::Value;
use spence_acg::ephemeris::{Instant, Position};
use spence_acg::lines::{Event, GreatCircle, Horizon, Line, Side, parans};
use spence_acg::{Aspect, Body, Chart, HouseSystem, Natal, Options, Place, Positions};

const ARC_SECOND: f64 = 1.0 / 3_600.0;

fn position(ra: f64, dec: f64) -> Position {
    Position { ra, dec, longitude: 0.0, latitude: 0.0, distance: None, speed: None }
}

/// Declinations of all sizes, the smallest and those of the poles among them.
fn declination() -> impl Strategy<Value = f64> {
    prop_oneof![
        -1.0_f64..1.0,
        (-12.0_f64..-1.0).prop_map(|digits| 10_f64.powf(digits)),
        (-12.0_f64..-1.0).prop_map(|digits| -(10_f64.powf(digits))),
        Just(0.0),
        1.0_f64..1.57,
        -1.57_f64..-1.0,
    ]
}

fn hour_angle(gast: f64, position: &Position, longitude: f64) -> f64 {
    gast + longitude.to_radians() - position.ra
}

fn altitude(position: &Position, latitude: f64, hour_angle: f64) -> f64 {
    let (sin, cos) = latitude.to_radians().sin_cos();
    (sin * position.dec.sin() + cos * position.dec.cos() * hour_angle.cos()).asin().to_degrees()
}

proptest! {
    #[test]
    fn every_point_of_a_horizon_sees_the_body_rise_or_set(
        ra in 0.0..TAU, dec in declination(), gast in 0.0..TAU,
    ) {
        let position = position(ra, dec);
        for side in [Side::Rising, Side::Setting] {
            let path = Line::Horizon(Horizon::of(&position, gast, side)).path();
            for pair in path.parts().iter().flat_map(|part| part.windows(2)) {
                let [longitude, latitude] = [0, 1].map(|axis| (pair[0][axis] + pair[1][axis]) / 2.0);
                let middle = Place::new(latitude, longitude).unwrap();
                let off = Line::Horizon(Horizon::of(&position, gast, side)).distance_km(middle);
                prop_assert!(off < 1.0, "{off} km between {pair:?}");
            }
            let mut count = 0;
            for [longitude, latitude] in path.parts().iter().flatten() {
                let hour_angle = hour_angle(gast, &position, *longitude);
                let off = altitude(&position, *latitude, hour_angle).abs();
                prop_assert!(off <= 0.01 * ARC_SECOND, "{off} at {longitude}, {latitude}");
                let sine = if side == Side::Rising { -hour_angle.sin() } else { hour_angle.sin() };
                prop_assert!(sine > -1e-9, "the other side at {longitude}, {latitude}");
                count += 1;
            }
            prop_assert!(count >= 181);
            let latitudes = path.parts().iter().flatten().map(|point| point[1]);
            let most = latitudes.fold(0.0, f64::max);
            prop_assert!((most - (90.0 - dec.abs().to_degrees())).abs() < 1e-6, "ends at {most}");
        }
    }

    #[test]
    fn parans_are_all_there_and_meet_their_own_condition(
        directions in prop::collection::vec((0.0..TAU, -0.5_f64..0.5), 2..8),
    ) {
        let positions: Vec<_> = directions.iter().map(|(ra, dec)| position(*ra, *dec)).collect();
        let found = parans(&positions);
        prop_assert_eq!(found.len(), 3 * positions.len() * (positions.len() - 1));
        for paran in found {
            for (index, event) in [paran.first, paran.second] {
                let body = &positions[index];
                let hour_angle = paran.sidereal_time - body.ra;
                let off = match event {
                    Event::MC => (hour_angle / 2.0).sin().asin().to_degrees() * 2.0,
                    Event::IC => (hour_angle / 2.0).cos().asin().to_degrees() * 2.0,
                    _ => altitude(body, paran.latitude.to_degrees(), hour_angle),
                };
                prop_assert!(off.abs() < ARC_SECOND, "{event:?}: {off}");
            }
        }
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn geojson_stays_in_the_world(
        seconds in -2_208_988_800_i64..4_133_980_799,
        count in 1_usize..18,
        precision in 3_u8..=8,
        latitude in -90.0_f64..90.0,
        longitude in -180.0_f64..180.0,
    ) {
        let others = Body::ALL.into_iter().filter(|body| *body != Body::SouthNode);
        let bodies: Vec<Body> = others.take(count).collect();
        let place = Place::new(latitude, longitude).unwrap();
        let positions =
            Positions::at(Instant::from_unix(seconds).unwrap(), &bodies, Some(place)).unwrap();
        let options = Options {
            aspects: Aspect::ALL.to_vec(),
            near: Some(place),
            precision,
            ..Options::default()
        };
        let text = Chart::draw(positions, options, None).to_geojson(0.25);
        let chart: Value = serde_json::from_str(&text).unwrap();
        let features = chart["features"].as_array().unwrap();
        prop_assert_eq!(features.len(), count * (4 + 16) + 3 * count * (count - 1));
        for feature in features {
            let geometry = &feature["geometry"];
            let coordinates = geometry["coordinates"].as_array().unwrap();
            let parts = match geometry["type"].as_str().unwrap() {
                "LineString" => vec![coordinates],
                _ => coordinates.iter().map(|part| part.as_array().unwrap()).collect(),
            };
            for part in parts {
                in_the_world(part)?;
            }
            prop_assert!(feature["properties"]["near_km"].as_f64().unwrap() <= 20_016.0);
        }
    }
}

fn in_the_world(part: &[Value]) -> Result<(), TestCaseError> {
    let points: Vec<_> =
        part.iter().map(|point| [point[0].as_f64().unwrap(), point[1].as_f64().unwrap()]).collect();
    prop_assert!(points.len() > 1);
    for [longitude, latitude] in &points {
        prop_assert!(longitude.abs() <= 180.0 && latitude.abs() <= 90.0);
    }
    for pair in points.windows(2) {
        prop_assert!(pair[0] != pair[1], "a point twice");
        prop_assert!((pair[0][0] - pair[1][0]).abs() <= 180.0, "round the world: {pair:?}");
    }
    Ok(())
}

#[test]
fn what_holds_at_every_latitude_is_no_paran() {
    let noon = Instant::from_unix(946_728_000).unwrap();
    let nodes = [Body::MeanNode, Body::SouthNode];
    let positions = Positions::at(noon, &nodes, None).unwrap();
    let alone: Vec<Position> = positions.bodies.iter().map(|(_, at)| *at).collect();
    assert_eq!(parans(&alone).len(), 4, "one rises as the other sets everywhere");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn local_space_goes_round_the_earth_in_small_steps(
        ra in 0.0..TAU,
        dec in declination(),
        latitude in prop_oneof![-90.0..90.0, Just(90.0), Just(-90.0), Just(0.0)],
        longitude in prop_oneof![-180.0..180.0, Just(180.0), Just(-180.0)],
        over_the_pole in any::<bool>(),
    ) {
        let noon = Instant::from_unix(946_728_000).unwrap();
        let frame = Positions::at(noon, &[], None).unwrap().frame;
        let place = Place::new(latitude, longitude).unwrap();
        // What culminates stands in the north or in the south.
        let ra = if over_the_pole { place.sidereal_time(&frame) } else { ra };
        let line = Line::GreatCircle(GreatCircle::towards(&position(ra, dec), &frame, place));
        let path = line.path();
        let mut round = 0.0;
        let mut last: Option<Place> = None;
        for part in path.parts() {
            for pair in part.windows(2) {
                prop_assert!((pair[0][0] - pair[1][0]).abs() <= 6.0 + 1e-9, "{pair:?}");
            }
            for point in part {
                let place = Place::new(point[1], point[0]).unwrap();
                prop_assert!(line.distance_km(place) < 0.2, "{point:?}");
                let step = last.map_or(0.0, |last| km_between(last, place));
                prop_assert!(step < 223.0, "{step} km to {point:?}");
                round += step;
                last = Some(place);
            }
        }
        prop_assert!((round - 40_030.2).abs() < 2.0, "{round} km");
    }
}

#[test]
fn a_place_on_a_line_is_no_way_from_it_and_others_are_as_far_as_they_are() {
    let noon = Instant::from_unix(946_728_000).unwrap();
    let positions = Positions::at(noon, Body::standard(), None).unwrap();
    let options = Options { aspects: Aspect::ALL.to_vec(), ..Options::default() };
    let chart = Chart::draw(positions, options, None);
    let somewhere = Place::new(52.52, 13.41).unwrap();
    for feature in &chart.features {
        let path = feature.line.path();
        for [longitude, latitude] in path.parts().iter().flatten() {
            let place = Place::new(*latitude, *longitude).unwrap();
            assert!(feature.line.distance_km(place) < 0.3, "{feature:?} at {latitude}");
        }
        let nearest = path.parts().iter().flatten().map(|point| {
            let place = Place::new(point[1], point[0]).unwrap();
            km_between(place, somewhere)
        });
        let nearest = nearest.fold(f64::MAX, f64::min);
        let told = feature.line.distance_km(somewhere);
        assert!(told <= nearest + 0.3, "{told} km, but a point is {nearest} km away");
        // Points of meridians and parallels are far apart.
        if let Line::Horizon(_) = feature.line {
            assert!(nearest - told < 60.0, "{told} km, the nearest point {nearest} km");
        }
    }
}

fn km_between(one: Place, other: Place) -> f64 {
    let [a, b] = [one, other].map(|place| place.latitude().to_radians());
    let apart = (one.longitude() - other.longitude()).to_radians();
    let haversine = ((a - b) / 2.0).sin().powi(2) + a.cos() * b.cos() * (apart / 2.0).sin().powi(2);
    2.0 * 6_371.008_8 * haversine.sqrt().min(1.0).asin()
}

#[test]
fn the_houses_that_are_used_are_told() {
    let noon = Instant::from_unix(946_728_000).unwrap();
    let of = |latitude: f64| {
        let place = Place::new(latitude, 19.0).unwrap();
        let natal = Natal { place, altitude_m: 0.0, houses: HouseSystem::Placidus };
        let positions = Positions::at(noon, &[Body::Sun, Body::Moon], None).unwrap();
        let options = Options { aspects: vec![Aspect::Trine], ..Options::default() };
        let text = Chart::draw(positions, options, Some(natal)).to_geojson(0.25);
        let chart: Value = serde_json::from_str(&text).unwrap();
        let features = chart["features"].as_array().unwrap().iter();
        let told: BTreeSet<_> = features
            .map(|feature| feature["properties"]["custom"]["houses_system"].to_string())
            .collect();
        told
    };
    assert_eq!(of(60.0), BTreeSet::from(["\"placidus\"".to_owned()]));
    assert_eq!(of(70.0), BTreeSet::from(["\"porphyry\"".to_owned()]));
}
