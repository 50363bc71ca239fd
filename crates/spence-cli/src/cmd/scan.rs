//! `spence scan`

use std::collections::{HashMap, HashSet};

use clap::ValueEnum;
use serde_json::{Map, Value, json};
use spence::Clock;
use spence_market::score::{Cell, Profile, Signal, column_names};
use spence_market::{ScanOptions, ScanRow, SymbolBars, is_same_sector, scan, twelve_digits};

use crate::args::{Common, Scan, Scoring};
use crate::exit::{Code, Failure};
use crate::{files, render};

/// Rows that people are shown.
const SHOWN: usize = 20;

pub(crate) fn run(common: &Common, asked: &Scan) -> anyhow::Result<()> {
    if asked.bars == 0 {
        return Err(Failure::error(Code::Refused, "bars: 0, expected at least 1"));
    }
    if asked.min_rating.is_some_and(f64::is_nan) {
        return Err(Failure::error(Code::Refused, "min_rating: is not a number"));
    }
    let options = ScanOptions {
        bars: asked.bars as usize,
        profile: profile(common, asked)?,
        min_rating: asked.min_rating,
        only_tradable: asked.tradable,
    };
    let all = files::bars(&asked.bars_file)?;
    if let [only] = all.as_slice()
        && only.symbol().is_empty()
    {
        let message = format!("{}: has no column \"symbol\"", asked.bars_file.display());
        return Err(Failure::error(Code::Refused, message));
    }
    let meant = meant(&all, asked)?;
    let watch = Clock::system().stopwatch();
    let rows = scan(&meant, &options);
    let seconds = watch.elapsed().as_secs_f64();
    let counts = json!({
        "symbols": all.len(),
        "filtered": all.len() - meant.len(),
        "considered": meant.len(),
        "returned": rows.len(),
        "seconds": seconds,
    });
    if let Some(out) = &asked.csv {
        files::write(out, &csv(&rows))?;
    } else if common.json {
        let rows: Vec<_> = rows.iter().map(as_json).collect();
        return render::json(&json!({ "summary": counts, "rows": rows }));
    } else {
        table(&rows)?;
    }
    let (symbols, considered) = (all.len(), meant.len());
    let summary = format!(
        "{} of {considered} symbols ({symbols} in the file) scored in {:.0} ms{}",
        rows.len(),
        seconds * 1_000.0,
        of_which(&rows)
    );
    render::note(&summary, false);
    Ok(())
}

/// The rules by which scores are made. `--profile` is that of the settings for other commands; a
/// scan of a file has no settings.
fn profile(common: &Common, asked: &Scan) -> anyhow::Result<Profile> {
    let named = |name: &String| {
        let expected = || format!("profile: {name:?}, expected corrected or technic-compat");
        Scoring::from_str(name, false).map_err(|_| Failure::error(Code::Refused, expected()))
    };
    let by_profile = common.profile.as_ref().map(named).transpose()?;
    Ok(match asked.scoring.or(by_profile) {
        None | Some(Scoring::Corrected) => Profile::Corrected,
        Some(Scoring::TechnicCompat) => Profile::TechnicCompat,
    })
}

/// The symbols of the file that the request means, in the order of the universe, if there is one.
fn meant<'a>(all: &'a [SymbolBars], asked: &Scan) -> anyhow::Result<Vec<&'a SymbolBars>> {
    let mut meant: Vec<&SymbolBars> = match &asked.universe {
        None => all.iter().collect(),
        Some(path) => {
            let universe = files::universe(path)?;
            let sectors: HashSet<_> = universe.iter().map(|one| one.sector.as_str()).collect();
            for sector in &asked.sectors {
                if !sectors.iter().any(|known| is_same_sector(known, sector)) {
                    return Err(unknown_sector(sector, sectors));
                }
            }
            let held: HashMap<_, _> =
                all.iter().map(|bars| (bars.symbol().to_ascii_uppercase(), bars)).collect();
            let wanted = |sector: &str| {
                asked.sectors.is_empty()
                    || asked.sectors.iter().any(|wanted| is_same_sector(wanted, sector))
            };
            let listed: Vec<_> =
                universe.iter().filter(|listing| wanted(&listing.sector)).collect();
            let found: Vec<_> =
                listed.iter().filter_map(|one| held.get(one.symbol.as_str()).copied()).collect();
            let missing = listed.len() - found.len();
            if missing > 0 {
                let of = listed.len();
                render::note(
                    &format!("no bars of {missing} of {of} symbols of the universe"),
                    true,
                );
            }
            found
        }
    };
    meant.truncate(asked.symbols.unwrap_or(usize::MAX));
    Ok(meant)
}

fn unknown_sector(sector: &str, known: HashSet<&str>) -> anyhow::Error {
    let mut known: Vec<_> = known.into_iter().filter(|name| !name.is_empty()).collect();
    known.sort_unstable();
    let known = match known.as_slice() {
        [] => "it has no sectors".to_owned(),
        known => format!("it has {}", known.join(", ")),
    };
    let message = format!("sector: {sector:?} is not in the universe; {known}");
    Failure::error(Code::Refused, message)
}

fn csv(rows: &[ScanRow]) -> String {
    let mut text = format!("symbol,{}\n", column_names().join(","));
    for row in rows {
        text.push_str(&row.symbol);
        for (_, cell) in row.score.cells() {
            text.push(',');
            match cell {
                Cell::Number(number) => text.push_str(&twelve_digits(number)),
                Cell::Text(word) => text.push_str(word),
            }
        }
        text.push('\n');
    }
    text
}

fn as_json(row: &ScanRow) -> Value {
    let mut object = Map::new();
    object.insert("symbol".to_owned(), row.symbol.as_str().into());
    object.insert("as_of".to_owned(), row.as_of.to_string().into());
    for (name, cell) in row.score.cells() {
        let value = match cell {
            Cell::Number(number) => render::number(number),
            Cell::Text(word) => word.into(),
        };
        object.insert(name.to_owned(), value);
    }
    Value::Object(object)
}

/// The rows that are rated most clearly.
fn table(rows: &[ScanRow]) -> anyhow::Result<()> {
    let mut best: Vec<_> = rows.iter().filter(|row| !row.score.rating().is_nan()).collect();
    best.sort_by(|a, b| b.score.rating().abs().total_cmp(&a.score.rating().abs()));
    let rows = best.into_iter().take(SHOWN).map(|row| {
        let ScanRow { symbol, as_of, score } = row;
        let parts = score.parts();
        vec![
            symbol.clone(),
            score.signal().name().to_owned(),
            format!("{:.1}", score.rating()),
            format!("{:.2}", score.close()),
            format!("{:.0}", score.indicators().rsi14),
            parts.trend.to_string(),
            parts.momentum.to_string(),
            format!("{:.1} %", 100.0 * score.features().atr_pct_14),
            as_of.to_string(),
        ]
    });
    let header =
        ["symbol", "signal", "rating", "close", "RSI", "trend", "momentum", "range", "as of"];
    render::table(&header, rows.collect())
}

/// How many there are of each signal that says something.
fn of_which(rows: &[ScanRow]) -> String {
    let all = [Signal::StrongLong, Signal::Long, Signal::Short, Signal::StrongShort];
    let counts = all.map(|signal| {
        (signal.name(), rows.iter().filter(|row| row.score.signal() == signal).count())
    });
    let there = counts.iter().filter(|(_, count)| *count > 0);
    there.map(|(name, count)| format!(", {count} {name}")).collect()
}
