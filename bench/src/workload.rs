//! Keys and the order in which they are asked for.

use rand::SeedableRng;
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use rand_distr::{Distribution, Zipf};

/// `count` different keys of 40 bytes.
pub fn keys(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("bars:{number:035}")).collect()
}

/// `length` indices below `count`, by Zipf's law; which are the popular ones is up to the seed.
pub fn zipf(count: usize, exponent: f64, length: usize, seed: u64) -> Vec<u32> {
    let mut places: Vec<u32> = (0..count as u32).collect();
    // Every thread asks for the same popular keys.
    places.shuffle(&mut SmallRng::seed_from_u64(0));
    let mut random = SmallRng::seed_from_u64(seed);
    let law = Zipf::new(count as f64, exponent).expect("a positive count and exponent");
    (0..length).map(|_| places[law.sample(&mut random) as usize - 1]).collect()
}
