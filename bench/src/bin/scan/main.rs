//! Indicators and ratings of 5,000 symbols of 250 bars in memory, beside TA-Lib through numpy and a
//! pipeline of pandas, which compute the same in a process of their own. One thread each.

use std::time::Instant;

use anyhow::ensure;
use clap::Parser;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use spence_benches::python::{Computed, Python};
use spence_benches::report::Row;
use spence_benches::rounds::{Contender, measure};
use spence_benches::{Options, Report, Target};
use spence_market::Columns;
use spence_market::score::{Profile, score};

const BARS: usize = 250;
/// Symbols that pandas computes of those; its time is scaled up.
const SAMPLE: usize = 50;
/// How far sums over all symbols may be apart, as a fraction.
const NEAR: f64 = 1e-9;

#[derive(Parser)]
#[command(about = "Measures indicators and ratings against TA-Lib through numpy, and pandas")]
struct Arguments {
    #[command(flatten)]
    options: Options,

    /// Symbols
    #[arg(long, value_name = "N", default_value_t = 5_000)]
    symbols: usize,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let (options, symbols) = (&arguments.options, arguments.symbols);
    ensure!(symbols >= SAMPLE, "--symbols: expected at least {SAMPLE}");
    let all = universe(options.seed, symbols);
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("bars");
    std::fs::write(&file, all.iter().flat_map(|(bytes, _)| bytes).copied().collect::<Vec<u8>>())?;
    let all: Vec<Columns> = all.into_iter().map(|(_, columns)| columns).collect();
    let python = Python::start("scan", &[file.as_os_str(), BARS.to_string().as_ref()])?;

    let theirs = python.compute("talib", symbols)?;
    let ours = Ours::of(&all);
    check(&ours, &theirs)?;
    let turn = |name, count: usize| python.compute(name, count).expect("Python answers").seconds;
    let mut contenders = [
        Contender::new("spence", || Ours::of(&all).seconds),
        Contender::new("talib", || turn("talib", symbols)),
        Contender::new("pandas", || turn("pandas", SAMPLE) * symbols as f64 / SAMPLE as f64),
    ];
    let measured = measure(options.rounds(), &mut contenders);
    let rate = |which| 1.0 / measured.median(which);

    let mut report = Report::new("scan", options);
    report.set("universe", format!("{symbols} symbols of {BARS} bars, one thread"));
    report.set("pandas_sample", format!("{SAMPLE} symbols, scaled to {symbols}"));
    report.set("checked", "sums of six indicators and the rating equal TA-Lib's to 1e-9");
    let mut row = |peer: &str, which, least| {
        let name = format!("indicators and ratings, beside {peer}");
        let mut row = Row::told(name, rate(0), "universes/s").beside(peer, rate(which));
        // Of seconds, the peer's by ours: how many times as fast.
        row.ratio = Some(measured.ratio(which, 0));
        report.row(row.to_reach(Target::RatioAtLeast(least)));
    };
    row("TA-Lib through numpy", 1, 5.0);
    row("pandas", 2, 1_000.0);
    report.row(Row::told("one scan of the universe", measured.median(0) * 1_000.0, "ms"));
    report.print(options);
    Ok(())
}

/// What we compute, and how long it takes.
struct Ours {
    seconds: f64,
    sums: Vec<(&'static str, f64)>,
}

impl Ours {
    fn of(all: &[Columns]) -> Self {
        let started = Instant::now();
        let mut sums = [0.0; 7];
        for columns in all {
            let bars = columns.view();
            let Some(score) = score(&bars, Profile::TechnicCompat) else { continue };
            let last = score.indicators();
            let values = [
                last.rsi14,
                last.macd_hist,
                last.atr14,
                last.adx14,
                last.bb_lower,
                last.vol20_ann,
                score.rating(),
            ];
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum += value;
            }
        }
        let seconds = started.elapsed().as_secs_f64();
        let names = ["rsi14", "macd_hist", "atr14", "adx14", "bb_lower", "vol20_ann", "rating"];
        Self { seconds, sums: names.into_iter().zip(sums).collect() }
    }
}

/// Whoever computes something else is no peer.
fn check(ours: &Ours, theirs: &Computed) -> anyhow::Result<()> {
    for (name, ours) in &ours.sums {
        let theirs = theirs.sums.get(*name).copied().unwrap_or(f64::NAN);
        let near = (ours - theirs).abs() <= NEAR * ours.abs().max(theirs.abs());
        ensure!(near, "{name}: the sum over all symbols is {ours}, of TA-Lib {theirs}");
    }
    Ok(())
}

/// Random walks to the cent, each as bytes for Python and as columns.
fn universe(seed: u64, symbols: usize) -> Vec<(Vec<u8>, Columns)> {
    let mut random = SmallRng::seed_from_u64(seed);
    let mut symbol = || {
        let cents = |price: f64| (price * 100.0).round() / 100.0;
        let mut close = 10.0 + 200.0 * random.random::<f64>();
        let bars: Vec<[f64; 5]> = (0..BARS)
            .map(|_| {
                let open = close * (1.0 + 0.01 * (random.random::<f64>() - 0.5));
                close = open * (1.0 + 0.04 * (random.random::<f64>() - 0.5));
                let high = open.max(close) * (1.0 + 0.01 * random.random::<f64>());
                let low = open.min(close) * (1.0 - 0.01 * random.random::<f64>());
                let volume = (1e6 * (0.5 + random.random::<f64>())).round();
                [cents(open), cents(high), cents(low), cents(close), volume]
            })
            .collect();
        let mut columns = Columns::default();
        bars.iter().for_each(|bar| columns.push(*bar));
        let bytes = (0..5).flat_map(|column| bars.iter().map(move |bar| bar[column]));
        (bytes.flat_map(f64::to_le_bytes).collect(), columns)
    };
    (0..symbols).map(|_| symbol()).collect()
}
