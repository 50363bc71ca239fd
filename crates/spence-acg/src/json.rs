//! Numbers and texts of GeoJSON, written as fast as they can be.

const POWERS: [i64; 11] = [
    1,
    10,
    100,
    1_000,
    10_000,
    100_000,
    1_000_000,
    10_000_000,
    100_000_000,
    1_000_000_000,
    10_000_000_000,
];

/// `value` in steps of the last of so many `decimals` (10 at most); a half goes away from zero.
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "degrees")]
pub(crate) fn steps(value: f64, decimals: u8) -> i64 {
    (value * power(decimals) as f64 + 0.5_f64.copysign(value)) as i64
}

/// Writes so many steps as a decimal number, without zeros that say nothing.
pub(crate) fn write_steps(out: &mut String, steps: i64, decimals: u8) {
    if steps < 0 {
        out.push('-');
    }
    let mut buffer = itoa::Buffer::new();
    let text = buffer.format(steps.unsigned_abs());
    let decimals = usize::from(decimals);
    let (whole, digits) = text.split_at(text.len().saturating_sub(decimals));
    out.push_str(if whole.is_empty() { "0" } else { whole });
    let told = digits.trim_end_matches('0');
    if !told.is_empty() {
        out.push('.');
        (digits.len()..decimals).for_each(|_| out.push('0'));
        out.push_str(told);
    }
}

/// Writes `value` with so many decimals at most; what is no number is null.
pub(crate) fn write(out: &mut String, value: f64, decimals: u8) {
    if value.is_finite() {
        write_steps(out, steps(value, decimals), decimals);
    } else {
        out.push_str("null");
    }
}

fn power(decimals: u8) -> i64 {
    POWERS.get(usize::from(decimals)).copied().unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_short_as_they_can_be() {
        for (value, decimals, expected) in [
            (0.0, 5, "0"),
            (-0.000_001, 5, "0"),
            (-90.0, 5, "-90"),
            (12.5, 5, "12.5"),
            (-0.05, 5, "-0.05"),
            (179.999_996, 5, "180"),
            (1.000_01, 5, "1.00001"),
            (f64::NAN, 5, "null"),
        ] {
            let mut out = String::new();
            write(&mut out, value, decimals);
            assert_eq!(out, expected);
        }
    }
}
