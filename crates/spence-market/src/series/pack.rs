//! The bars of a year, or of a session, in about seven bytes each: prices as whole ticks, each said by how far it is
//! from what came before, in Rice codes.
//!
//! | what | how |
//! |---|---|
//! | how many bars | 9 bits; the flags "crossed" and "raw", a bit each |
//! | prices are in units of 10^-n | n in 3 bits; volumes: m in 3 bits |
//! | the smallest volume | 56 bits |
//! | `k` of day, close, open, high, low, volume | 6 bits each |
//! | of each bar: days since the bar before, or the year's beginning | Rice |
//! | close, from the close before; open, from the close before | zigzag, Rice |
//! | high, above the higher of open and close; low, below the lower | Rice; zigzag if crossed |
//! | volume, above the smallest | Rice |
//!
//! Raw bars are days of the year (9 bits) and five doubles: what is no decimal number of at most six
//! places, or has more than 52 bits, loses nothing.

use crate::series::rice::{BitReader, BitWriter, best_k, unzigzag, zigzag};

/// A bar, and its day counted from 1970-01-01 (or its slot in a session).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct DayBar {
    pub(crate) day: i32,
    /// Open, high, low, close, volume.
    pub(crate) values: [f64; 5],
}

const DAY_BITS: u32 = 9;
/// How many days, or slots of a session, bars may lie in.
const DAYS: i32 = 1 << DAY_BITS;
const PLACES_BITS: u32 = 3;
const K_BITS: u32 = 6;
const VOLUME_BITS: u32 = 56;
/// The most decimal places of a price or a volume.
const MAX_PLACES: usize = 6;
const POWERS: [f64; MAX_PLACES + 1] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6];
/// Beyond this not every whole number is a double.
const MAX_TICKS: f64 = 4_503_599_627_370_496.0;

/// Columns of what is said of each bar: day, close, open, high, low, volume.
const COLUMNS: usize = 6;

/// The bytes of the bars of a year, which are in the order of their days, one a day; `first` is the
/// year's first day.
pub(crate) fn pack(first: i32, bars: &[DayBar]) -> Vec<u8> {
    let mut writer = BitWriter::default();
    writer.put(bars.len() as u64, DAY_BITS);
    match Ticks::of(first, bars) {
        Some(ticks) => ticks.write(&mut writer),
        None => write_raw(first, bars, &mut writer),
    }
    writer.finish()
}

/// Shows each bar of packed ones, oldest first; `None` if these are no packed bars.
pub(crate) fn unpack(first: i32, bytes: &[u8], mut show: impl FnMut(DayBar)) -> Option<()> {
    let mut reader = BitReader::new(bytes);
    let bars = reader.take(DAY_BITS);
    let (crossed, raw) = (reader.take(1) == 1, reader.take(1) == 1);
    match raw {
        true => read_raw(first, bars, &mut reader, &mut show),
        false => read_ticks(first, (bars, crossed), &mut reader, &mut show)?,
    }
    (!reader.is_over()).then_some(())
}

/// Bars in whole numbers.
struct Ticks {
    price_places: usize,
    volume_places: usize,
    least_volume: u64,
    crossed: bool,
    columns: [Vec<u64>; COLUMNS],
}

impl Ticks {
    fn of(first: i32, bars: &[DayBar]) -> Option<Self> {
        let prices = || bars.iter().flat_map(|bar| bar.values.into_iter().take(4));
        let volumes = || bars.iter().map(|bar| bar.values[4]);
        let price_places = places(prices)?;
        let volume_places = places(volumes)?;
        let ticks = |price| whole(price, price_places);
        let volumes: Option<Vec<u64>> =
            volumes().map(|one| u64::try_from(whole(one, volume_places)?).ok()).collect();
        let volumes = volumes?;
        let least_volume = volumes.iter().copied().min().unwrap_or(0);
        let mut columns: [Vec<u64>; COLUMNS] = Default::default();
        let (mut day_before, mut close_before) = (first - 1, 0);
        let mut above = Vec::with_capacity(bars.len() * 2);
        for (bar, volume) in bars.iter().zip(&volumes) {
            let [open, high, low, close, _] = bar.values;
            let (open, high, low, close) = (ticks(open)?, ticks(high)?, ticks(low)?, ticks(close)?);
            columns[0].push(u64::try_from(bar.day - day_before - 1).ok()?);
            columns[1].push(zigzag(close - close_before));
            columns[2].push(zigzag(open - close_before));
            above.push((high - open.max(close), open.min(close) - low));
            columns[5].push(volume - least_volume);
            (day_before, close_before) = (bar.day, close);
        }
        let crossed = above.iter().any(|(high, low)| *high < 0 || *low < 0);
        let sign = |value: i64| if crossed { zigzag(value) } else { value.cast_unsigned() };
        columns[3] = above.iter().map(|(high, _)| sign(*high)).collect();
        columns[4] = above.iter().map(|(_, low)| sign(*low)).collect();
        Some(Self { price_places, volume_places, least_volume, crossed, columns })
    }

    fn write(&self, writer: &mut BitWriter) {
        writer.put(u64::from(self.crossed), 1);
        writer.put(0, 1);
        writer.put(self.price_places as u64, PLACES_BITS);
        writer.put(self.volume_places as u64, PLACES_BITS);
        writer.put(self.least_volume, VOLUME_BITS);
        let ks = self.columns.each_ref().map(|column| best_k(column));
        ks.iter().for_each(|k| writer.put(u64::from(*k), K_BITS));
        for row in 0..self.columns[0].len() {
            for (column, k) in self.columns.iter().zip(ks) {
                writer.put_rice(column.get(row).copied().unwrap_or_default(), k);
            }
        }
    }
}

fn read_ticks(
    first: i32,
    (bars, crossed): (u64, bool),
    reader: &mut BitReader<'_>,
    show: &mut impl FnMut(DayBar),
) -> Option<()> {
    let unit = |places: u64| POWERS.get(places as usize).copied();
    let (price, volume_unit) = (unit(reader.take(PLACES_BITS))?, unit(reader.take(PLACES_BITS))?);
    let least_volume = reader.take(VOLUME_BITS);
    let ks = [0; COLUMNS].map(|_: u32| reader.take(K_BITS) as u32);
    if ks.iter().any(|k| *k > super::rice::MAX_K) {
        return None;
    }
    let sign = |value: u64| if crossed { unzigzag(value) } else { value.cast_signed() };
    let (mut place, mut close) = (0_u64, 0_i64);
    for _ in 0..bars {
        let [since, to_close, to_open, above, below, volume] = ks.map(|k| reader.take_rice(k));
        // Wrapping: what is garbled is found out in the end.
        place = place.wrapping_add(since);
        let open = close.wrapping_add(unzigzag(to_open));
        close = close.wrapping_add(unzigzag(to_close));
        let high = open.max(close).wrapping_add(sign(above));
        let low = open.min(close).wrapping_sub(sign(below));
        let volume = least_volume.wrapping_add(volume) as f64 / volume_unit;
        let [open, high, low, last] = [open, high, low, close].map(|ticks| ticks as f64 / price);
        let day = first + i32::try_from(place).ok().filter(|place| *place < DAYS)?;
        place += 1;
        show(DayBar { day, values: [open, high, low, last, volume] });
    }
    Some(())
}

fn write_raw(first: i32, bars: &[DayBar], writer: &mut BitWriter) {
    writer.put(0, 1);
    writer.put(1, 1);
    for bar in bars {
        writer.put(u64::from((bar.day - first).unsigned_abs()), DAY_BITS);
        bar.values.iter().for_each(|value| writer.put_whole(value.to_bits()));
    }
}

fn read_raw(first: i32, bars: u64, reader: &mut BitReader<'_>, show: &mut impl FnMut(DayBar)) {
    for _ in 0..bars {
        let day = first + reader.take(DAY_BITS) as i32;
        let values = [0; 5].map(|_: u8| f64::from_bits(reader.take_whole()));
        show(DayBar { day, values });
    }
}

/// By how many decimal places all of these are whole numbers.
fn places<I: Iterator<Item = f64>>(values: impl Fn() -> I) -> Option<usize> {
    (0..=MAX_PLACES).find(|places| values().all(|value| whole(value, *places).is_some()))
}

/// A number in units of 10^-places, if it is exactly that.
fn whole(value: f64, places: usize) -> Option<i64> {
    let unit = POWERS.get(places)?;
    let ticks = (value * unit).round();
    let whole = (ticks.abs() < MAX_TICKS).then_some(ticks as i64)?;
    ((whole as f64 / unit).to_bits() == value.to_bits()).then_some(whole)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 2024-01-01.
    const FIRST: i32 = 19_723;

    fn unpacked(bytes: &[u8]) -> Option<Vec<DayBar>> {
        let mut bars = Vec::new();
        unpack(FIRST, bytes, |bar| bars.push(bar)).map(|()| bars)
    }

    /// To the bit, signs of zero and all.
    fn bits(bars: &[DayBar]) -> Vec<(i32, [u64; 5])> {
        bars.iter().map(|bar| (bar.day, bar.values.map(f64::to_bits))).collect()
    }

    fn price() -> impl Strategy<Value = f64> {
        prop_oneof![
            8 => (1u32..100_000_000).prop_map(|cents| f64::from(cents) / 100.0),
            2 => (1u32..100_000_000).prop_map(|ticks| f64::from(ticks) / 10_000.0),
            1 => any::<f64>(),
        ]
    }

    fn bars() -> impl Strategy<Value = Vec<DayBar>> {
        let values = (price(), price(), price(), price(), price());
        let values = values.prop_map(|(o, h, l, c, v)| [o, h, l, c, v]);
        prop::collection::btree_map(FIRST..FIRST + DAYS, values, 0..500)
            .prop_map(|bars| bars.into_iter().map(|(day, values)| DayBar { day, values }).collect())
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_back_to_the_bit(bars in bars()) {
            let back = unpacked(&pack(FIRST, &bars));
            prop_assert_eq!(back.map(|back| bits(&back)), Some(bits(&bars)));
        }

        #[test]
        fn bytes_of_any_kind_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = unpacked(&bytes);
        }
    }

    #[test]
    fn a_walk_of_cents_takes_about_seven_bytes_a_bar() {
        let mut seed = 7_u64;
        let mut draw = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) % below
        };
        let mut close = 8_000_i64;
        let bars: Vec<_> = (FIRST..FIRST + 250)
            .map(|day| {
                let open = close + draw(100).cast_signed() - 50;
                close += draw(300).cast_signed() - 150;
                let high = open.max(close) + draw(80).cast_signed();
                let low = open.min(close) - draw(80).cast_signed();
                let prices = [open, high, low, close].map(|cents| cents as f64 / 100.0);
                let volume = (1_000_000 + draw(800_000)) as f64;
                let [open, high, low, close] = prices;
                DayBar { day, values: [open, high, low, close, volume] }
            })
            .collect();
        let bytes = pack(FIRST, &bars).len();
        assert!((1_500..=1_800).contains(&bytes), "{bytes}");
        assert_eq!(unpacked(&pack(FIRST, &bars)), Some(bars));
    }
}
