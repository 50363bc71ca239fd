//! Bars that follow from (seed, symbol, session) alone.
//!
//! The logarithm of a price is a sum of value noise in octaves: hashed values at every 1st, 2nd,
//! 4th ... 2,048th session, interpolated between, the amplitude of each octave the square root of
//! two times that of the one below. That looks like a random walk and can be evaluated anywhere
//! without a walk from the beginning. Sessions are weekdays; there is no holiday calendar yet.

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};
use twox_hash::XxHash3_64;

use crate::bar::Bar;

const FIRST: Date = jiff::civil::date(1995, 1, 2);
const OCTAVES: u32 = 12;
// Streams of hashed numbers, each independent of the others.
const LEVEL: u64 = 0;
const SIZE: u64 = 1;
const GAP: u64 = 2;
const HIGH: u64 = 3;
const LOW: u64 = 4;
const VOLUME: u64 = 5;
const OCTAVE: u64 = 16;

/// Of the lowest octave: about two percent a day.
const AMPLITUDE: f64 = 0.012;

/// The bars of the weekdays from `from` to `to`, both included, oldest first.
pub(crate) fn bars(seed: u64, symbol: &str, from: Date, to: Date) -> Vec<Bar> {
    let noise = Noise { seed: XxHash3_64::oneshot_with_seed(seed, symbol.as_bytes()) };
    let mut bars = Vec::new();
    let mut date = from.max(FIRST);
    while date <= to {
        if !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday) {
            bars.push(noise.bar(date));
        }
        let Ok(next) = date.checked_add(1.day()) else { break };
        date = next;
    }
    bars
}

/// The hashed numbers of one symbol.
struct Noise {
    seed: u64,
}

impl Noise {
    fn bar(&self, date: Date) -> Bar {
        let days = i64::from(FIRST.until(date).map_or(0, |span| span.get_days()));
        // Weeks of five sessions; the first date is a Monday.
        let session = days / 7 * 5 + (days % 7).min(4);
        let close = self.price(session);
        let before = self.price(session - 1);
        let open = before * (1.0 + 0.004 * self.signed(session, GAP));
        let reach = |stream| 0.01 * self.unit(session, stream);
        let high = open.max(close) * (1.0 + reach(HIGH));
        let low = open.min(close) * (1.0 - reach(LOW));
        let volume =
            10_f64.powf(4.5 + 2.5 * self.unit(0, SIZE) + 0.4 * self.signed(session, VOLUME));
        let cents = |price: f64| ((price * 100.0).round() / 100.0).max(0.01);
        Bar {
            date,
            open: cents(open),
            high: cents(high),
            low: cents(low),
            close: cents(close),
            volume: volume.round(),
        }
    }

    fn price(&self, session: i64) -> f64 {
        let mut log = 5_f64.ln() + 4.0 * self.unit(0, LEVEL);
        let mut amplitude = AMPLITUDE;
        for octave in 0..OCTAVES {
            let length = 1_i64 << octave;
            let (knot, within) = (session.div_euclid(length), session.rem_euclid(length));
            let along = within as f64 / length as f64;
            let stream = OCTAVE + u64::from(octave);
            let (left, right) = (self.signed(knot, stream), self.signed(knot + 1, stream));
            log += amplitude * (left + (right - left) * along);
            amplitude *= std::f64::consts::SQRT_2;
        }
        log.exp()
    }

    /// Between 0 and 1.
    fn unit(&self, index: i64, stream: u64) -> f64 {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&index.to_le_bytes());
        bytes[8..].copy_from_slice(&stream.to_le_bytes());
        (XxHash3_64::oneshot_with_seed(self.seed, &bytes) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Between -1 and 1.
    fn signed(&self, index: i64, stream: u64) -> f64 {
        2.0 * self.unit(index, stream) - 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(year: i16, month: i8, day: i8) -> Date {
        jiff::civil::date(year, month, day)
    }

    #[test]
    fn any_part_of_a_history_is_the_same_at_every_call() {
        let whole = bars(1, "MSFT", date(2020, 1, 1), date(2020, 12, 31));
        let part = bars(1, "MSFT", date(2020, 6, 1), date(2020, 6, 30));
        assert_eq!(whole.len(), 262);
        assert!(part.iter().all(|bar| whole.contains(bar)));
        assert_ne!(part, bars(2, "MSFT", date(2020, 6, 1), date(2020, 6, 30)));
        assert_ne!(part[0].close, bars(1, "TSLA", date(2020, 6, 1), date(2020, 6, 1))[0].close);
    }

    #[test]
    fn bars_make_sense() {
        for symbol in ["A", "MSFT", "GOOGL", "BRK.B"] {
            let bars = bars(7, symbol, FIRST, date(2026, 1, 1));
            for bar in &bars {
                let inside = |price| (bar.low..=bar.high).contains(&price);
                assert!(inside(bar.open) && inside(bar.close), "{symbol} {bar:?}");
                assert!(bar.low > 0.0 && bar.volume >= 1.0 && bar.volume.fract() == 0.0);
            }
            let moves = bars.windows(2).map(|w| (w[1].close / w[0].close).ln().abs());
            let typical = moves.sum::<f64>() / bars.len() as f64;
            assert!((0.003..0.05).contains(&typical), "{symbol} moves {typical} a day");
        }
    }
}
