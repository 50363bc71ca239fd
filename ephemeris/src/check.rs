//! The tables against the theories, at instants that nobody chose.

use anyhow::ensure;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use spence_acg::ephemeris::{FIRST_DAY, LAST_DAY, Orbit, Tables};

use crate::theories::position;

/// What a table may add to its theory, in arc seconds of a circle about the origin of its orbit:
/// for Uranus and Neptune the ripple that it averages away.
fn allowed(orbit: Orbit) -> f64 {
    match orbit {
        Orbit::Uranus | Orbit::Neptune => 0.15,
        _ => 0.02,
    }
}

pub(crate) fn instants(count: u32, seed: u64) -> anyhow::Result<()> {
    let mut random = SmallRng::seed_from_u64(seed);
    let tables = Tables::embedded();
    for orbit in Orbit::ALL {
        let mut largest: f64 = 0.0;
        for _ in 0..count {
            let day = random.random_range(FIRST_DAY..LAST_DAY);
            let expected = position(orbit, day)?;
            let found = tables.state(orbit, day).position;
            let apart = (0..3).map(|axis| (found[axis] - expected[axis]).powi(2)).sum::<f64>();
            let radius = expected.iter().map(|one| one * one).sum::<f64>();
            largest = largest.max((apart / radius).sqrt().to_degrees() * 3_600.0);
        }
        println!("{orbit:?}: {largest:.5}\" at most in {count} instants");
        let allowed = allowed(orbit);
        ensure!(largest <= allowed, "{orbit:?}: {largest}\", expected {allowed}\" at most");
    }
    Ok(())
}
