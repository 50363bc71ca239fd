//! Writes the tables: whole numbers of a quantum, four bytes each.

use std::thread;

use anyhow::{Context, ensure};
use spence_acg::ephemeris::Orbit;

use crate::fit::{Cut, span};

/// Where the tables are.
const TABLES: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/spence-acg/data/ephemeris.bin");
/// The first day of all spans, after J2000.0: 1899-12-02, so that the light that Pluto sends in
/// time for 1900 is inside.
const FIRST_DAY: f64 = -36_554.5;
/// What must be covered: until after the last of 2100.
const LAST_DAY: f64 = 36_895.0;

/// The cut series of VSOP2013 leave Uranus and Neptune a ripple of a month and 0.2" that no planet
/// makes: it is averaged away.
const CUTS: [Cut; 10] = [
    Cut { orbit: Orbit::Earth, span_days: 32, terms: 14, nodes: 18 },
    Cut { orbit: Orbit::Moon, span_days: 8, terms: 13, nodes: 17 },
    Cut { orbit: Orbit::Mercury, span_days: 32, terms: 16, nodes: 20 },
    Cut { orbit: Orbit::Venus, span_days: 64, terms: 11, nodes: 15 },
    Cut { orbit: Orbit::Mars, span_days: 128, terms: 11, nodes: 15 },
    Cut { orbit: Orbit::Jupiter, span_days: 256, terms: 11, nodes: 15 },
    Cut { orbit: Orbit::Saturn, span_days: 256, terms: 11, nodes: 15 },
    Cut { orbit: Orbit::Uranus, span_days: 256, terms: 11, nodes: 64 },
    Cut { orbit: Orbit::Neptune, span_days: 256, terms: 11, nodes: 64 },
    Cut { orbit: Orbit::Pluto, span_days: 1024, terms: 10, nodes: 14 },
];

pub(crate) fn tables() -> anyhow::Result<()> {
    let workers: Vec<_> = CUTS.iter().map(|cut| thread::spawn(move || series(cut))).collect();
    let mut head = Vec::from(*b"SPENCEPH");
    head.extend(FIRST_DAY.to_le_bytes());
    let mut body = Vec::new();
    for (worker, cut) in workers.into_iter().zip(&CUTS) {
        let coefficients = worker.join().ok().context("a fit has panicked")??;
        let largest = coefficients.iter().fold(0.0, |most: f64, one| most.max(one.abs()));
        let quantum = largest / f64::from(i32::MAX);
        let spans = coefficients.len() as u32 / (3 * cut.terms);
        head.extend(cut.span_days.to_le_bytes());
        head.extend(cut.terms.to_le_bytes());
        head.extend(spans.to_le_bytes());
        head.extend(0_u32.to_le_bytes());
        head.extend(quantum.to_le_bytes());
        for coefficient in coefficients {
            let steps = (coefficient / quantum).round();
            ensure!(steps.abs() <= f64::from(i32::MAX), "{:?}: does not fit", cut.orbit);
            body.extend((steps as i32).to_le_bytes());
        }
        println!("{:?}: {spans} spans of {} days", cut.orbit, cut.span_days);
    }
    head.extend(body);
    std::fs::write(TABLES, &head).context(TABLES)?;
    println!("{} bytes", head.len());
    Ok(())
}

fn series(cut: &Cut) -> anyhow::Result<Vec<f64>> {
    let mut coefficients = Vec::new();
    let mut day = FIRST_DAY;
    while day < LAST_DAY {
        coefficients.extend(span(cut, day)?);
        day += f64::from(cut.span_days);
    }
    Ok(coefficients)
}
