//! Cusps beside those of Swiss Ephemeris 2.10 (`tests/golden/houses.json`), for the same sidereal
//! time, latitude and obliquity.

use std::f64::consts::TAU;

use serde_json::Value;
use spence_acg::ephemeris::{Instant, Sky};
use spence_acg::lines::wrapped;
use spence_acg::{HouseSystem, Houses, Place};

#[test]
fn cusps_are_those_of_swiss_ephemeris() {
    let rows: Vec<Value> = serde_json::from_str(include_str!("../golden/houses.json")).unwrap();
    for row in rows {
        let of = |key: &str| row[key].as_f64().unwrap();
        let sky = Sky::at(Instant::with_delta_t(of("jd"), of("dt")).unwrap());
        let place = Place::new(of("lat"), of("lon")).unwrap();
        for system in HouseSystem::ALL {
            let houses = Houses::of(system, sky.frame(), place);
            assert_eq!(houses.system(), system);
            for (house, cusp) in houses.cusps().iter().enumerate() {
                let expected = row[system.name()][house].as_f64().unwrap();
                let off = wrapped(cusp.to_degrees() - expected).abs() * 3_600.0;
                assert!(off < 2.0, "{}, cusp {}: {off}\"", system.name(), house + 1);
                assert_eq!(houses.house(cusp + 1e-6), house + 1);
            }
        }
    }
}

#[test]
fn beyond_the_polar_circle_placidus_becomes_porphyry_and_says_so() {
    let sky = Sky::at(Instant::from_unix(0).unwrap());
    let place = Place::new(70.0, 19.0).unwrap();
    let houses = Houses::of(HouseSystem::Placidus, sky.frame(), place);
    assert_eq!(houses.system(), HouseSystem::Porphyry);
}

#[test]
fn houses_follow_one_another_once_round_at_every_place_and_hour() {
    for hour in 0..24 {
        let sky = Sky::at(Instant::from_unix(hour * 3_600).unwrap());
        for latitude in [-89.0, -69.0, -40.0, 0.0, 51.0, 67.0, 69.65, 85.0] {
            let place = Place::new(latitude, 19.0).unwrap();
            for system in HouseSystem::ALL {
                let houses = Houses::of(system, sky.frame(), place);
                let cusps = houses.cusps();
                let widths = (0..12).map(|n| (cusps[(n + 1) % 12] - cusps[n]).rem_euclid(TAU));
                let round: f64 = widths.sum();
                assert!((round - TAU).abs() < 1e-9, "{system:?} at {latitude}, {hour}: {cusps:?}");
            }
        }
    }
}
