//! Figures of the last bars of a series.

/// The mean of the last `count` values; NaN if there are fewer, or one of them is not finite. If
/// all are equal it is that value exactly, which a sum divided need not be.
pub(crate) fn mean(values: &[f64], count: usize) -> f64 {
    let Some(window) = last(values, count) else { return f64::NAN };
    mean_of(window)
}

/// The deviation of the last `count` values: root of the squares' sum divided by `divisor`, which
/// is `count` for a population and one less for a sample. NaN as for [`mean`]; 0 exactly if all are
/// equal.
pub(crate) fn deviation(values: &[f64], count: usize, divisor: usize) -> f64 {
    let Some(window) = last(values, count) else { return f64::NAN };
    let mean = mean_of(window);
    let squares: f64 = window.iter().map(|value| (value - mean) * (value - mean)).sum();
    (squares / divisor as f64).sqrt()
}

/// The highest of the last `count` values; NaN if there are fewer.
pub(crate) fn highest(values: &[f64], count: usize) -> f64 {
    last(values, count)
        .map_or(f64::NAN, |window| window.iter().copied().fold(f64::NEG_INFINITY, f64::max))
}

/// The lowest of the last `count` values; NaN if there are fewer.
pub(crate) fn lowest(values: &[f64], count: usize) -> f64 {
    last(values, count)
        .map_or(f64::NAN, |window| window.iter().copied().fold(f64::INFINITY, f64::min))
}

/// What `value` says of the last `N` of `count` positions; `None` if one of them is not there.
pub(crate) fn tail<const N: usize>(
    count: usize,
    value: impl Fn(usize) -> Option<f64>,
) -> Option<[f64; N]> {
    let first = count.checked_sub(N)?;
    let mut values = [f64::NAN; N];
    for (slot, position) in values.iter_mut().zip(first..) {
        *slot = value(position)?;
    }
    Some(values)
}

fn last(values: &[f64], count: usize) -> Option<&[f64]> {
    values.get(values.len().checked_sub(count)?..)
}

fn mean_of(window: &[f64]) -> f64 {
    let first = window.first().copied().unwrap_or(f64::NAN);
    let is_flat = window.iter().all(|value| *value == first);
    let sum = sum(window);
    match (is_flat, sum.is_finite()) {
        (true, true) => first,
        (false, true) => sum / window.len() as f64,
        (_, false) => f64::NAN,
    }
}

/// The sum, in four parts that a processor adds up at the same time.
fn sum(values: &[f64]) -> f64 {
    let mut parts = [0.0; 4];
    let chunks = values.chunks_exact(4);
    let rest: f64 = chunks.remainder().iter().sum();
    for chunk in chunks {
        for (part, value) in parts.iter_mut().zip(chunk) {
            *part += value;
        }
    }
    let [a, b, c, d] = parts;
    (a + b) + (c + d) + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_window_has_its_value_and_no_deviation() {
        let flat = [0.1; 20];
        assert_eq!((mean(&flat, 20), deviation(&flat, 20, 19)), (0.1, 0.0));
        assert!(mean(&flat, 21).is_nan() && deviation(&flat, 21, 20).is_nan());
        assert_eq!(deviation(&[1.0, 2.0, 3.0, 4.0], 4, 3), (5.0_f64 / 3.0).sqrt());
        assert!(mean(&[1.0, f64::INFINITY], 2).is_nan());
        assert_eq!(highest(&[9.0, 1.0, 3.0, 2.0], 3), 3.0);
        assert_eq!(lowest(&[0.5, 1.0, 3.0, 2.0], 3), 1.0);
    }
}
