//! Charts as GeoJSON, beside a careful numpy program with Swiss Ephemeris, in the same run; and
//! beside our own straightforward kernel.

mod before;

use std::cell::RefCell;
use std::ops::Range;
use std::time::{Duration, Instant as Stopwatch};

use anyhow::ensure;
use clap::Parser;
use spence_acg::ephemeris::Instant;
use spence_acg::{Aspect, Body, Chart, Options as Drawn, Positions};
use spence_benches::python::Python;
use spence_benches::report::Row;
use spence_benches::rounds::{Contender, measure, quantile_micros};
use spence_benches::{Options, Report, Target};

/// Charts of a turn.
const CHARTS: usize = 40;
const SINGLE: usize = 400;

#[derive(Parser)]
#[command(about = "Measures charts against numpy with Swiss Ephemeris")]
struct Arguments {
    #[command(flatten)]
    options: Options,
}

fn main() -> anyhow::Result<()> {
    let options = &Arguments::parse().options;
    let python = Python::start("acg", &[])?;
    check(&python)?;
    let mut report = Report::new("acg", options);
    report.set("chart", "11 bodies x 4 angles; all: sextiles, squares, trines and 330 parans too");
    report.set("peer", "numpy, orjson, pyswisseph (Moshier's series), one thread");
    let turn = |name, count| python.compute(name, count).expect("Python answers").seconds;
    let mut contenders = [
        Contender::new("angles", || seconds(CHARTS, |index| after(index, false))),
        Contender::new("numpy angles", || turn("angles", CHARTS)),
        Contender::new("before, angles", || seconds(CHARTS, |index| straightforward(index, false))),
        Contender::new("all", || seconds(CHARTS, |index| after(index, true))),
        Contender::new("numpy all", || turn("all", CHARTS)),
        Contender::new("before, all", || seconds(CHARTS, |index| straightforward(index, true))),
    ];
    let measured = measure(options.rounds(), &mut contenders);
    for (name, which, least) in [("angles only", 0, 4.0), ("all line types", 3, 5.0)] {
        let rate = |which| CHARTS as f64 / measured.median(which);
        let mut row = Row::told(format!("{name}, JSON included"), rate(which), "charts/s")
            .beside("numpy, Swiss Ephemeris", rate(which + 1));
        row.ratio = Some(measured.ratio(which + 1, which));
        report.row(row.to_reach(Target::RatioAtLeast(least)));
        let mut row = Row::told(format!("{name}, beside before"), rate(which), "charts/s")
            .beside("the straightforward kernel", rate(which + 2));
        row.ratio = Some(measured.ratio(which + 2, which));
        report.row(row);
    }
    for (name, everything, most) in
        [("angles only, p50", false, 1.0), ("all types, p50", true, 5.0)]
    {
        let mut each: Vec<Duration> =
            (0..SINGLE).map(|index| timed(|| after(index, everything))).collect();
        let row = Row::told(name, quantile_micros(&mut each, 0.5) / 1e3, "ms");
        report.row(row.to_reach(Target::AtMost(most)));
    }
    let mut batches: Vec<Duration> =
        (0..20).map(|batch| timed(|| on_two_cores(batch * 10..batch * 10 + 10, true))).collect();
    let row = Row::told(
        "a batch of 10, all types, two cores, p50",
        quantile_micros(&mut batches, 0.5) / 1e3,
        "ms",
    );
    report.row(row.to_reach(Target::AtMost(20.0)));
    let thousand = timed(|| on_two_cores(0..1_000, false)).as_secs_f64();
    report.row(
        Row::told("1,000 charts, angles only, two cores", thousand, "s")
            .to_reach(Target::AtMost(0.5)),
    );
    report.print(options);
    Ok(())
}

/// As the peer counts them.
fn instant(index: usize) -> Instant {
    Instant::with_delta_t(2_451_545.0 + 0.37 * index as f64, 63.8).expect("this century")
}

fn drawn(everything: bool) -> Drawn {
    let aspects = [Aspect::Sextile, Aspect::Square, Aspect::Trine];
    let aspects = if everything { aspects.to_vec() } else { Vec::new() };
    Drawn { aspects, parans: everything, ..Drawn::default() }
}

fn chart(index: usize, everything: bool) -> Chart {
    let positions = Positions::at(instant(index), Body::standard(), None).expect("no lot");
    Chart::draw(positions, drawn(everything), None)
}

/// Written where the one before stood, as the service does it.
fn after(index: usize, everything: bool) -> usize {
    thread_local! {
        static TEXT: RefCell<String> = const { RefCell::new(String::new()) };
    }
    TEXT.with_borrow_mut(|text| {
        text.clear();
        chart(index, everything).write_geojson(text, 0.0);
        text.len()
    })
}

fn straightforward(index: usize, everything: bool) -> usize {
    before::chart(instant(index), everything).len()
}

fn seconds(count: usize, one: impl Fn(usize) -> usize) -> f64 {
    timed(|| (0..count).map(&one).sum::<usize>()).as_secs_f64()
}

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let started = Stopwatch::now();
    std::hint::black_box(work());
    started.elapsed()
}

/// As the service does it, whose charts are independent of one another.
fn on_two_cores(charts: Range<usize>, everything: bool) -> usize {
    std::thread::scope(|scope| {
        let half = |first| {
            let charts = charts.clone().skip(first).step_by(2);
            move || charts.map(|index| after(index, everything)).sum::<usize>()
        };
        let halves = [scope.spawn(half(0)), scope.spawn(half(1))];
        halves.into_iter().map(|half| half.join().expect("no panic")).sum()
    })
}

/// Whoever draws something else is no peer.
fn check(python: &Python) -> anyhow::Result<()> {
    for (name, everything) in [("angles", false), ("all", true)] {
        let theirs = python.compute(name, CHARTS)?.sums;
        let charts: Vec<Chart> = (0..CHARTS).map(|index| chart(index, everything)).collect();
        let features: usize = charts.iter().map(|chart| chart.features.len()).sum();
        ensure!(theirs["features"] == features as f64, "{theirs:?}, ours {features} features");
        let meridian = |chart: &Chart, (_, at): &(Body, spence_acg::ephemeris::Position)| {
            spence_acg::lines::Meridian::of(at, chart.positions.frame.gast).longitude.abs()
        };
        let ours: f64 = charts
            .iter()
            .flat_map(|chart| chart.positions.bodies.iter().map(move |body| meridian(chart, body)))
            .sum();
        let off = (ours - theirs["meridians"]).abs() / ours;
        ensure!(off < 1e-5, "sums of meridians: ours {ours}, theirs {theirs:?}");
    }
    Ok(())
}
