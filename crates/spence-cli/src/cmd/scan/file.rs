//! `spence scan --bars-file`: the bars of a file, and no provider.

use std::collections::HashMap;
use std::path::Path;

use serde_json::{Map, Value, json};
use spence::Clock;
use spence_market::score::{Cell, Signal, column_names};
use spence_market::{ScanOptions, ScanRow, SymbolBars, scan, twelve_digits};

use crate::args::{Common, Scan};
use crate::cmd::scan::{Shown, rules, table, universe};
use crate::exit::{Code, Failure};
use crate::{files, render};

pub(super) fn run(common: &Common, asked: &Scan, path: &Path) -> anyhow::Result<()> {
    let (profile, is_named_by_profile) = rules(common, asked);
    if let Some(name) = common.profile.as_ref().filter(|_| !is_named_by_profile) {
        // A scan of a file has no settings.
        let message = format!("profile: {name:?}, expected corrected or technic-compat");
        return Err(Failure::error(Code::Refused, message));
    }
    let options = ScanOptions {
        bars: asked.bars as usize,
        profile,
        min_rating: asked.min_rating,
        only_tradable: asked.tradable,
    };
    let all = files::bars(path)?;
    if let [only] = all.as_slice()
        && only.symbol().is_empty()
    {
        let message = format!("{}: has no column \"symbol\"", path.display());
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
        table(rows.iter().map(Shown::of).collect())?;
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

/// The symbols of the file that the request means, in the order of the universe, if there is one.
fn meant<'a>(all: &'a [SymbolBars], asked: &Scan) -> anyhow::Result<Vec<&'a SymbolBars>> {
    let mut meant: Vec<&SymbolBars> = match &asked.universe {
        None => all.iter().collect(),
        Some(path) => {
            let listed = universe(path, &asked.sectors)?.1;
            let held: HashMap<_, _> =
                all.iter().map(|bars| (bars.symbol().to_ascii_uppercase(), bars)).collect();
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

/// How many there are of each signal that says something.
fn of_which(rows: &[ScanRow]) -> String {
    let all = [Signal::StrongLong, Signal::Long, Signal::Short, Signal::StrongShort];
    let counts = all.map(|signal| {
        (signal.name(), rows.iter().filter(|row| row.score.signal() == signal).count())
    });
    let there = counts.iter().filter(|(_, count)| *count > 0);
    there.map(|(name, count)| format!(", {count} {name}")).collect()
}

impl Shown {
    fn of(row: &ScanRow) -> Self {
        let ScanRow { symbol, as_of, score } = row;
        let parts = score.parts();
        Self {
            symbol: symbol.clone(),
            signal: score.signal().name().to_owned(),
            rating: score.rating(),
            close: score.close(),
            rsi: score.indicators().rsi14,
            trend: f64::from(parts.trend),
            momentum: f64::from(parts.momentum),
            range: score.features().atr_pct_14,
            as_of: as_of.to_string(),
        }
    }
}
