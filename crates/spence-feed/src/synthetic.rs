//! Bars, splits and dividends that follow from (seed, symbol, session) alone.

use jiff::civil::{Date, date};

use crate::actions::{Dividend, Split};
use crate::bar::Bar;
use crate::noise::Noise;
use crate::sessions;

const FIRST: Date = date(1995, 1, 2);
// Streams of hashed numbers, each independent of the others.
const LEVEL: u64 = 0;
const SIZE: u64 = 1;
const GAP: u64 = 2;
const HIGH: u64 = 3;
const LOW: u64 = 4;
const VOLUME: u64 = 5;
const SPLIT: u64 = 6;
const SPLIT_DAY: u64 = 7;
const DIVIDEND: u64 = 8;

/// Of the lowest octave: about two percent a day.
const AMPLITUDE: f64 = 0.012;
/// The part of all symbols that was split 2:1 once, in one of these years.
const SPLIT_ONCE: f64 = 0.05;
const SPLIT_YEARS: std::ops::Range<i16> = 2005..2027;
/// The part of all symbols that pays a dividend each quarter, of half a per cent.
const PAYS: f64 = 0.3;
const PAID: f64 = 0.005;

/// The bars of the sessions from `from` to `to`, both included, oldest first; not adjusted.
pub(crate) fn bars(seed: u64, symbol: &str, from: Date, to: Date) -> Vec<Bar> {
    let noise = Noise::of(seed, symbol);
    let split = noise.split();
    let sessions = sessions::between(from.max(FIRST), to);
    sessions.iter().map(|session| noise.unadjusted(session.date(), split)).collect()
}

/// The split of a symbol, if it had one.
pub(crate) fn split(seed: u64, symbol: &str) -> Option<Split> {
    Noise::of(seed, symbol).split().map(|date| Split { date, ratio: 2.0 })
}

/// The dividends of a symbol that went ex from `from` to `to`, oldest first.
pub(crate) fn dividends(seed: u64, symbol: &str, from: Date, to: Date) -> Vec<Dividend> {
    let noise = Noise::of(seed, symbol);
    if noise.unit(0, DIVIDEND) >= PAYS {
        return Vec::new();
    }
    let split = noise.split();
    let quarters = (from.max(FIRST).year()..=to.year())
        .flat_map(|year| [2, 5, 8, 11].map(|month| sessions::from(date(year, month, 10))));
    let due = quarters.flatten().filter(|ex| (from..=to).contains(ex));
    due.map(|ex| {
        let close = noise.unadjusted(ex, split).close;
        Dividend { date: ex, cash: ((close * PAID * 100.0).round() / 100.0).max(0.01) }
    })
    .collect()
}

impl Noise {
    fn split(&self) -> Option<Date> {
        let years = SPLIT_YEARS.len() as f64;
        let year = SPLIT_YEARS.start + (self.unit(0, SPLIT_DAY) * years) as i16;
        let day = date(year, 1 + (self.unit(1, SPLIT_DAY) * 12.0) as i8, 15);
        let is_split = self.unit(0, SPLIT) < SPLIT_ONCE;
        is_split.then(|| sessions::from(day)).flatten()
    }

    /// Prices are halved, and volume is doubled, from the split on.
    fn unadjusted(&self, date: Date, split: Option<Date>) -> Bar {
        let bar = self.bar(date);
        match split.is_some_and(|split| date >= split) {
            true => bar.divided(2.0),
            false => bar,
        }
    }

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
        let cents = Bar::to_the_cent;
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
        let level = 5_f64.ln() + 4.0 * self.unit(0, LEVEL);
        (level + self.walk(session, AMPLITUDE)).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_part_of_a_history_is_the_same_at_every_call() {
        let whole = bars(1, "MSFT", date(2020, 1, 1), date(2020, 12, 31));
        let part = bars(1, "MSFT", date(2020, 6, 1), date(2020, 6, 30));
        assert_eq!(whole.len(), 253, "sessions of 2020");
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
