//! What happened within a session, minute by minute: made up so that it comes to the session's bar.

use jiff::{SignedDuration, Timestamp};
use spence_calendar::Session;

use crate::bar::Bar;
use crate::noise::Noise;

// Streams of hashed numbers.
const HIGHEST: u64 = 0;
const LOWEST: u64 = 1;
const STEP: u64 = 2;
const SHARE: u64 = 3;

/// What was traded from a moment on, for one minute or for several.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Trades {
    pub(crate) start: Timestamp,
    /// The date is that of the session.
    pub(crate) bar: Bar,
}

/// The minutes of a session that is over, oldest first. Together they are its bar: the first opens
/// and the last closes with it, one reaches its high and one its low, and the volumes add up.
pub(crate) fn minutes(seed: u64, symbol: &str, session: &Session, bar: &Bar) -> Vec<Trades> {
    let noise = Noise::of(seed, &format!("{symbol} {}", session.date()));
    let count = i64::from(session.minutes());
    let place = |stream| (noise.unit(0, stream) * count as f64) as i64;
    let (highest, lowest) = (place(HIGHEST), place(LOWEST));
    let end = |minute: i64| {
        if minute + 1 == count {
            return bar.close;
        }
        let along = (minute + 1) as f64 / count as f64;
        let step = 0.25 * (bar.high - bar.low) * noise.signed(minute, STEP);
        let price = bar.open + (bar.close - bar.open) * along + step;
        Bar::to_the_cent(price.clamp(bar.low, bar.high))
    };
    let shares: Vec<f64> = (0..count).map(|minute| 0.2 + noise.unit(minute, SHARE)).collect();
    let all: f64 = shares.iter().sum();
    let (mut open, mut volume_left) = (bar.open, bar.volume);
    let trades = (0..count).zip(shares).map(|(minute, share)| {
        let close = end(minute);
        let high = if minute == highest { bar.high } else { open.max(close) };
        let low = if minute == lowest { bar.low } else { open.min(close) };
        let volume = match minute + 1 == count {
            true => volume_left,
            false => (bar.volume * share / all).floor().min(volume_left),
        };
        volume_left -= volume;
        let start = session.open() + SignedDuration::from_mins(minute);
        let minute = Bar { date: bar.date, open, high, low, close, volume };
        open = close;
        Trades { start, bar: minute }
    });
    trades.collect()
}

/// Minutes put together by so many at a time, counted from the full hour in which the session
/// opens: `hour` begins it.
pub(crate) fn by(minutes: i64, hour: Timestamp, trades: &[Trades]) -> Vec<Trades> {
    let length = SignedDuration::from_mins(minutes);
    let place = |one: &Trades| one.start.duration_since(hour).as_mins() / minutes;
    let together = trades.chunk_by(|a, b| place(a) == place(b));
    together
        .filter_map(|trades| {
            let (first, last) = (trades.first()?, trades.last()?);
            let bar = Bar {
                date: first.bar.date,
                open: first.bar.open,
                high: trades.iter().map(|one| one.bar.high).fold(f64::MIN, f64::max),
                low: trades.iter().map(|one| one.bar.low).fold(f64::MAX, f64::min),
                close: last.bar.close,
                volume: trades.iter().map(|one| one.bar.volume).sum(),
            };
            let place = i32::try_from(place(first)).unwrap_or(0);
            Some(Trades { start: hour + length * place, bar })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::history::Universe;
    use crate::sessions;

    #[test]
    fn minutes_come_to_the_bar_of_their_session() {
        for (symbol, day, count) in
            [("MSFT", date(2024, 11, 27), 390), ("AAPL", date(2012, 7, 3), 210)]
        {
            let session = sessions::between(day, day)[0];
            let bar = Universe::new(1, day).bars(symbol, day, day, false)[0];
            let minutes = minutes(1, symbol, &session, &bar);
            assert_eq!(minutes.len(), count);
            assert_eq!(by(600, session.open(), &minutes)[0].bar, bar, "{symbol}");
            assert!(minutes.iter().all(|one| one.bar.low > 0.0 && one.bar.volume >= 0.0));

            let hour = session.open() - SignedDuration::from_mins(30);
            let hours = by(60, hour, &minutes);
            assert_eq!(hours.len(), count.div_ceil(60));
            assert_eq!((hours[0].start, hours[0].bar.open), (hour, bar.open));
            assert_eq!(by(5, hour, &minutes)[0].start, session.open());
        }
    }
}
