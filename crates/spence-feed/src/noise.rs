//! Numbers that follow from a seed, a name and a place alone.

use twox_hash::XxHash3_64;

const OCTAVES: u32 = 12;
/// The first of the streams that a walk is made of; those below are free for others.
const OCTAVE: u64 = 16;

/// The hashed numbers of one name.
pub(crate) struct Noise {
    seed: u64,
}

impl Noise {
    pub(crate) fn of(seed: u64, name: &str) -> Self {
        Self { seed: XxHash3_64::oneshot_with_seed(seed, name.as_bytes()) }
    }

    /// What looks like a random walk and can be evaluated anywhere without one from the beginning:
    /// a sum of value noise in octaves. Hashed values at every 1st, 2nd, 4th ... 2,048th step,
    /// interpolated between, the amplitude of each octave the square root of two times that of the
    /// one below; `amplitude` is that of the lowest.
    pub(crate) fn walk(&self, step: i64, mut amplitude: f64) -> f64 {
        let mut sum = 0.0;
        for octave in 0..OCTAVES {
            let length = 1_i64 << octave;
            let (knot, within) = (step.div_euclid(length), step.rem_euclid(length));
            let along = within as f64 / length as f64;
            let stream = OCTAVE + u64::from(octave);
            let (left, right) = (self.signed(knot, stream), self.signed(knot + 1, stream));
            sum += amplitude * (left + (right - left) * along);
            amplitude *= std::f64::consts::SQRT_2;
        }
        sum
    }

    /// Between 0 and 1; `stream` tells numbers of the same index apart.
    pub(crate) fn unit(&self, index: i64, stream: u64) -> f64 {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&index.to_le_bytes());
        bytes[8..].copy_from_slice(&stream.to_le_bytes());
        (XxHash3_64::oneshot_with_seed(self.seed, &bytes) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Between -1 and 1.
    pub(crate) fn signed(&self, index: i64, stream: u64) -> f64 {
        2.0 * self.unit(index, stream) - 1.0
    }
}
