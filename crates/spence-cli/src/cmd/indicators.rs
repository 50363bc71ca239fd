//! `spence indicators`

use serde_json::{Map, Value, json};
use spence_market::indicators::{self, Indicators};
use spence_market::{SymbolBars, twelve_digits};

use crate::args::{self, Common};
use crate::exit::{Code, Failure};
use crate::{files, render};

pub(crate) fn run(common: &Common, asked: &args::Indicators) -> anyhow::Result<()> {
    let all = files::bars(&asked.file)?;
    let bars = chosen(&all, asked.symbol.as_deref())?;
    if let Some(out) = &asked.csv {
        return files::write(out, &csv(bars));
    }
    if common.json {
        let rows = indicators::indicators(&bars.bars());
        let rows = bars.dates().iter().zip(&rows).map(|(date, row)| {
            let mut object = Map::from_iter([("date".to_owned(), date.to_string().into())]);
            object.extend(named(row).map(|(name, value)| (name.to_owned(), render::number(value))));
            Value::Object(object)
        });
        let rows: Vec<_> = rows.collect();
        return render::json(
            &json!({ "symbol": bars.symbol(), "count": rows.len(), "rows": rows }),
        );
    }
    let (last, date) = (indicators::last_indicators(&bars.bars()), bars.dates().last());
    let (Some(last), Some(date)) = (last, date) else { return Ok(()) };
    let rows = named(&last).map(|(name, value)| vec![name.to_owned(), twelve_digits(value)]);
    render::table(&["indicator", &date.to_string()], rows.collect())?;
    render::note(&format!("of {} bars; --csv prints those of each", bars.dates().len()), false);
    Ok(())
}

/// The bars of the symbol that is meant.
fn chosen<'a>(all: &'a [SymbolBars], symbol: Option<&str>) -> anyhow::Result<&'a SymbolBars> {
    let found = match (symbol, all) {
        (None, [only]) => Some(only),
        (None, _) => {
            let message = format!("bars of {} symbols; choose one with --symbol", all.len());
            return Err(Failure::error(Code::Refused, message));
        }
        (Some(symbol), _) => all.iter().find(|bars| bars.symbol().eq_ignore_ascii_case(symbol)),
    };
    let nothing = || {
        let message = format!("no bars of {} in the file", symbol.unwrap_or_default());
        Failure::error(Code::NothingThere, message)
    };
    found.ok_or_else(nothing)
}

fn csv(bars: &SymbolBars) -> String {
    let mut text = format!("date,{}\n", Indicators::NAMES.join(","));
    for (date, row) in bars.dates().iter().zip(indicators::indicators(&bars.bars())) {
        text.push_str(&date.to_string());
        for value in row.values() {
            text.push(',');
            text.push_str(&twelve_digits(value));
        }
        text.push('\n');
    }
    text
}

fn named(row: &Indicators) -> impl Iterator<Item = (&'static str, f64)> {
    Indicators::NAMES.iter().copied().zip(row.values())
}
