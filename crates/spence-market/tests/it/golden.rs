//! Indicators and scores beside what TA-Lib, pandas and the original scanner compute.

use std::collections::BTreeMap;
use std::io::Read;

use flate2::read::GzDecoder;
use spence_market::indicators::{Indicators, indicators, last_indicators};
use spence_market::score::{Cell, Profile, Signal, score};
use spence_market::{Columns, ScanOptions, SymbolBars, read_bars, scan, twelve_digits};

/// How far two numbers that are printed with 12 digits may be apart, as a fraction.
const NEAR: f64 = 1e-9;

fn unpacked(packed: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(packed).read_to_string(&mut text).unwrap();
    text
}

fn bars() -> Vec<SymbolBars> {
    let packed: &[u8] = include_bytes!("../golden/bars.csv.gz");
    read_bars(GzDecoder::new(packed)).unwrap()
}

/// Whether two cells are the same: as text, or as numbers that are near.
fn is_same(ours: &str, theirs: &str) -> bool {
    let near = |a: f64, b: f64| (a - b).abs() <= NEAR * a.abs().max(b.abs());
    match (ours.parse(), theirs.parse()) {
        (Ok(ours), Ok(theirs)) => near(ours, theirs),
        _ => ours == theirs,
    }
}

#[test]
fn indicators_are_those_of_ta_lib_to_the_last_printed_digit_but_three() {
    let csv = include_str!("../../../spence-feed/data/IBM.csv");
    let all = read_bars(csv.as_bytes()).unwrap();
    let (bars, dates) = (all[0].bars(), all[0].dates());
    let ours = indicators(&bars);
    let truth = unpacked(include_bytes!("../golden/IBM.talib.csv.gz"));
    let mut lines = truth.lines();
    assert_eq!(lines.next().unwrap(), format!("date,{}", Indicators::NAMES.join(",")));
    let mut compared = 0;
    for ((line, row), date) in lines.zip(&ours).zip(dates) {
        let mut theirs = line.split(',');
        assert_eq!(theirs.next().unwrap(), date.to_string());
        for ((theirs, ours), name) in theirs.zip(row.values()).zip(Indicators::NAMES) {
            let ours = twelve_digits(ours);
            assert!(is_same(&ours, theirs), "{date} {name}: {ours:?}, TA-Lib {theirs:?}");
            compared += 1;
        }
    }
    assert_eq!(compared, 1_000 * 21);
    let last = last_indicators(&bars).unwrap();
    assert!(last.values().eq(ours.last().unwrap().values()), "of one bar and of all");
}

#[test]
fn technic_compat_computes_what_the_original_does() {
    let bars = bars();
    for (window, packed) in [
        (260, include_bytes!("../golden/technic_last260.csv.gz").as_slice()),
        (65, include_bytes!("../golden/technic_last65.csv.gz").as_slice()),
    ] {
        let truth = unpacked(packed);
        let mut lines = truth.lines();
        let names: Vec<_> = lines.next().unwrap().split(',').collect();
        let options =
            ScanOptions { bars: window, profile: Profile::TechnicCompat, ..ScanOptions::default() };
        let rows = scan(&bars.iter().collect::<Vec<_>>(), &options);
        assert_eq!(rows.len(), 63);
        for (row, line) in rows.iter().zip(lines) {
            let theirs: Vec<_> = line.split(',').collect();
            assert_eq!(row.symbol, theirs[0]);
            let cells: Vec<_> = row.score.cells().collect();
            let ours: Vec<_> = cells.iter().map(|(name, _)| *name).collect();
            assert_eq!(ours, names[1..], "columns");
            for ((name, cell), theirs) in cells.iter().zip(&theirs[1..]) {
                let ours = match cell {
                    Cell::Number(number) => twelve_digits(*number),
                    Cell::Text(word) => (*word).to_owned(),
                };
                assert!(is_same(&ours, theirs), "{} {name}: {ours}, {theirs}", row.symbol);
            }
        }
    }
}

/// Bars with these closes, opened at the close before, and this volume.
fn closes(closes: impl IntoIterator<Item = f64>, volume: f64) -> Columns {
    let mut columns = Columns::default();
    let mut before = None;
    for close in closes {
        let open = before.unwrap_or(close);
        columns.push([open, f64::max(open, close), f64::min(open, close), close, volume]);
        before = Some(close);
    }
    columns
}

/// The cells of a score by name, those that are undefined left out.
fn cells(columns: &Columns, profile: Profile) -> BTreeMap<&'static str, f64> {
    let score = score(&columns.view(), profile).unwrap();
    let numbers = score.cells().filter_map(|(name, cell)| match cell {
        Cell::Number(number) if !number.is_nan() => Some((name, number)),
        _ => None,
    });
    numbers.collect()
}

#[test]
fn a_flat_price_is_scored_without_inventing_a_trend() {
    let flat = closes([0.1; 60], 1e6);
    let cells = cells(&flat, Profile::TechnicCompat);
    let expected = [
        ("RSI", 0.0),
        ("ATR", 0.0),
        ("f_macd_hist", 0.0),
        ("TrendScore", 0.0),
        ("MomentumScore", -1.0),
        ("OscillatorScore", -1.0),
        ("VolatilityScore", 1.0),
        ("BreakoutScore", 1.0),
        ("RiskScore", 1.0),
        ("b_ma_slope_20", 0.0),
    ];
    for (name, value) in expected {
        assert_eq!(cells[name], value, "{name}");
    }
    assert!(!cells.contains_key("b_atr_pct_14"));
}

#[test]
fn figures_begin_with_the_bar_that_the_original_has_them_from() {
    let first = |name: &'static str| {
        let wavy = |t: u32| 20.0 + f64::from(t % 7) + f64::from(t) / 10.0;
        (1..=220_u32).find(|count| {
            let bars = closes((0..*count).map(wavy), 1e6);
            cells(&bars, Profile::TechnicCompat).contains_key(name)
        })
    };
    for (name, bars) in [
        ("f_ret_1d", 2),
        ("f_ret_5d", 6),
        ("f_ret_21d", 22),
        ("f_vol_realized_20", 21),
        ("b_vol_realized_20", 20),
        ("f_atr_pct_14", 15),
        ("b_atr_pct_14", 14),
        ("f_sma_200", 200),
        ("f_rsi_14", 15),
        ("TechRating", 15),
        ("f_gap_mean_10", 11),
        ("b_gap_stat_10", 2),
        ("b_mom_63", 64),
        ("b_ma_slope_20", 39),
        ("f_macd_hist", 1),
    ] {
        assert_eq!(first(name), Some(bars), "{name}");
    }
    let macd = |count: u32| {
        let bars = closes((0..count).map(f64::from), 1e6);
        cells(&bars, Profile::TechnicCompat).contains_key("f_macd_hist")
    };
    let defined: Vec<_> = (24..=35).filter(|count| macd(*count)).collect();
    assert_eq!(defined, [24, 25, 34, 35], "two formulas with a hole between them");
}

#[test]
fn the_corrected_rules_look_down_as_they_look_up() {
    // Up (or down) by 0.3 % a bar, then a little faster, with more turnover on the last day.
    let trending = |step: f64| {
        let path = (0..250).scan(100.0, move |close, t: u32| {
            *close *= 1.0
                + step
                    * if t > 230 {
                        1.8
                    } else if t.is_multiple_of(3) {
                        -0.6
                    } else {
                        1.0
                    };
            Some(*close)
        });
        closes(path, 1e6)
    };
    let signal = |columns: &Columns, profile| score(&columns.view(), profile).unwrap().signal();
    let (up, down) = (trending(0.003), trending(-0.003));
    assert_eq!(signal(&up, Profile::Corrected), Signal::Long);
    assert_eq!(signal(&down, Profile::Corrected), Signal::Short);
    assert_eq!(signal(&down, Profile::TechnicCompat), Signal::Avoid, "it only looks up");
    let risk = |columns: &Columns, profile| cells(columns, profile)["RiskScore"];
    let wild = closes((0..60_u32).map(|t| 20.0 + 5.0 * f64::from(t % 2)), 1e6);
    assert!(risk(&wild, Profile::Corrected) > risk(&up, Profile::Corrected));
    assert!(risk(&wild, Profile::TechnicCompat) < risk(&up, Profile::TechnicCompat), "inverted");
}

#[test]
fn what_cannot_be_traded_is_told_and_can_be_left_out() {
    let bars = bars();
    let all: Vec<_> = bars.iter().collect();
    let tradable = ScanOptions { only_tradable: true, ..ScanOptions::default() };
    let (kept, every) = (scan(&all, &tradable), scan(&all, &ScanOptions::default()));
    assert_eq!(kept.len(), every.iter().filter(|row| row.score.is_tradable()).count());
    assert!(kept.len() < every.len() && kept.iter().all(|row| row.symbol != "X1NOVOL"));
    let rated = ScanOptions { min_rating: Some(10.0), ..ScanOptions::default() };
    let rated = scan(&all, &rated);
    assert!(!rated.is_empty() && rated.iter().all(|row| row.score.rating().abs() >= 10.0));
}
