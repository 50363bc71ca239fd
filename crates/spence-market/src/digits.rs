//! Numbers as text with twelve significant digits.

/// The significant digits of a figure in CSV.
const DIGITS: usize = 12;

/// A number with twelve significant digits and no zeros at its end, as C's `%.12g` writes it; the
/// empty text for NaN.
#[must_use]
pub fn twelve_digits(number: f64) -> String {
    if number.is_nan() {
        return String::new();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = format!("{number:.*e}", DIGITS - 1);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..DIGITS as i32).contains(&exponent) {
        let places = DIGITS as i32 - 1 - exponent;
        return without_zeros(&format!("{number:.*}", places.unsigned_abs() as usize)).to_owned();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", without_zeros(mantissa), exponent.unsigned_abs())
}

fn without_zeros(text: &str) -> &str {
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_written_as_c_writes_them() {
        let written = [
            (0.0, "0"),
            (-0.0, "-0"),
            (100.0, "100"),
            (1.0 / 3.0, "0.333333333333"),
            (-205_725_600.0, "-205725600"),
            (294_510_575.999_37, "294510575.999"),
            (123_456_789_012.5, "123456789012"),
            (1e12, "1e+12"),
            (1.234_567_890_123_4e15, "1.23456789012e+15"),
            (0.000_1, "0.0001"),
            (0.000_012_5, "1.25e-05"),
            (9.999_999_999_999_9, "10"),
            (f64::NAN, ""),
            (f64::INFINITY, "inf"),
        ];
        for (number, text) in written {
            assert_eq!(twelve_digits(number), text);
        }
    }
}
