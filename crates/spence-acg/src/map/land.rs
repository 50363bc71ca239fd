//! Where land is: Natural Earth (public domain), 1:50 million, simplified to 0.08 degrees.
//!
//! `data/land.bin` is made by `xtask/coastlines/pack.py`, which tells its format.

use crate::lines::Point;

static RINGS: &[u8] = include_bytes!("../../data/land.bin");

/// Steps of a degree.
const STEPS: f64 = 180.0;

/// The rings of all land, longitude and latitude in degrees.
pub(super) fn rings() -> impl Iterator<Item = impl Iterator<Item = Point>> {
    let mut rest = RINGS;
    std::iter::from_fn(move || {
        let (count, after) = rest.split_first_chunk()?;
        let length = 4 * usize::from(u16::from_le_bytes(*count));
        let (ring, after) = after.split_at_checked(length)?;
        rest = after;
        Some(ring.as_chunks::<4>().0.iter().map(|[a, b, c, d]| {
            [i16::from_le_bytes([*a, *b]), i16::from_le_bytes([*c, *d])]
                .map(|steps| f64::from(steps) / STEPS)
        }))
    })
}
