//! How far terrestrial time is ahead of the turning Earth.
//!
//! Values at the beginning of each year: Stephenson, Morrison and Hohenkerk (Proc. R. Soc. A 472,
//! 2016) until 1950, the Astronomical Almanac until 1973, IERS until 2026, and from there IERS'
//! prediction, which runs into the long-term parabola of the first. After 2026 nobody knows: two
//! good models differ by 3 s in the middle of the century.

/// The year of the first value.
const FIRST: f64 = 1_899.0;

#[rustfmt::skip]
const SECONDS: [f64; 204] = [
    -3.02, -1.98, -0.75, 0.62, 2.06, 3.51, 4.92, 6.24, 7.49, 8.70,
    9.90, 11.14, 12.43, 13.75, 15.06, 16.32, 17.48, 18.52, 19.44, 20.25,
    20.98, 21.62, 22.19, 22.69, 23.12, 23.49, 23.79, 24.02, 24.20, 24.32,
    24.39, 24.42, 24.41, 24.38, 24.32, 24.24, 24.16, 24.09, 24.04, 24.06,
    24.17, 24.42, 24.83, 25.35, 25.92, 26.51, 27.05, 27.51, 27.89, 28.24,
    28.58, 28.93, 29.57, 29.97, 30.36, 30.72, 31.07, 31.35, 31.68, 32.18,
    32.68, 33.15, 33.59, 34.00, 34.47, 35.03, 35.73, 36.54, 37.43, 38.29,
    39.20, 40.18, 41.17, 42.23, 43.37, 44.48, 45.48, 46.46, 47.52, 48.53,
    49.59, 50.54, 51.38, 52.17, 52.96, 53.79, 54.34, 54.87, 55.32, 55.82,
    56.30, 56.86, 57.57, 58.31, 59.12, 59.98, 60.79, 61.63, 62.30, 62.97,
    63.47, 63.83, 64.09, 64.30, 64.47, 64.57, 64.69, 64.85, 65.15, 65.46,
    65.78, 66.07, 66.32, 66.60, 66.91, 67.28, 67.64, 68.10, 68.59, 68.97,
    69.22, 69.36, 69.36, 69.29, 69.20, 69.18, 69.14, 69.11, 69.10, 69.08,
    69.07, 69.08, 69.09, 69.12, 69.16, 69.20, 69.26, 69.33, 69.41, 69.51,
    69.61, 69.72, 69.85, 69.98, 70.13, 70.28, 70.45, 70.63, 70.81, 71.01,
    71.22, 71.44, 71.67, 71.92, 72.17, 72.43, 72.70, 72.99, 73.28, 73.59,
    73.90, 74.23, 74.57, 74.92, 75.28, 75.64, 76.02, 76.41, 76.82, 77.23,
    77.65, 78.08, 78.52, 78.98, 79.44, 79.92, 80.40, 80.90, 81.40, 81.92,
    82.45, 82.98, 83.53, 84.09, 84.66, 85.24, 85.83, 86.43, 87.04, 87.66,
    88.29, 88.94, 89.59, 90.25, 90.93, 91.61, 92.30, 93.01, 93.72, 94.45,
    95.18, 95.93, 96.68, 97.45,
];

/// TT - UT1 in seconds at `year` (2000.0 is noon of its first day), by a cubic through the four
/// values about it (Catmull and Rom 1974). At the instants of the reference set within 0.5 s of
/// Swiss Ephemeris until 2025 and within 5 s until 2100. Years beyond the table take its ends.
#[must_use]
pub fn delta_t_seconds(year: f64) -> f64 {
    let at = (year - FIRST).clamp(1.0, (SECONDS.len() as f64 - 2.0).next_down());
    let part = at - at.floor();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
    let four = SECONDS.get(at as usize - 1..).and_then(|rest| rest.first_chunk());
    let [before, from, to, after] = *four.unwrap_or(&[0.0; 4]);
    let linear = to - before;
    let square = 2.0 * before - 5.0 * from + 4.0 * to - after;
    let cube = 3.0 * (from - to) + after - before;
    from + 0.5 * part * (linear + part * (square + part * cube))
}
