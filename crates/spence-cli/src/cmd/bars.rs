//! `spence bars`

use serde_json::Value;

use crate::args::{Bars, Common};
use crate::client::{Client, encode, segment};
use crate::exit::{Code, Failure};
use crate::render;

const COLUMNS: [&str; 6] = ["date", "open", "high", "low", "close", "volume"];

pub(crate) async fn run(common: &Common, bars: Bars) -> anyhow::Result<()> {
    let Bars { symbol, bars, end, csv } = bars;
    if symbol.is_empty() {
        return Err(Failure::error(Code::Refused, "symbol: is empty"));
    }
    let mut path = format!("/api/v1/market/bars/{}?bars={bars}", segment(&symbol)?);
    if let Some(end) = end {
        path.push_str(&format!("&end={}", encode(&end)));
    }
    let client = Client::connect(common).await?;
    let answer = client.get(&path).await;
    client.close().await;
    let answer = answer?;
    let body = answer.json()?;
    let count = body.get("count").and_then(Value::as_u64).unwrap_or(0);
    if common.json {
        render::json(&body)?;
    } else {
        let empty = Vec::new();
        let bars = body.get("bars").and_then(Value::as_array).unwrap_or(&empty);
        let rows = bars.iter().map(|bar| COLUMNS.map(|column| render::cell(bar.get(column))));
        match csv {
            true => {
                render::line(&COLUMNS.join(","))?;
                rows.into_iter().try_for_each(|row| render::line(&row.join(",")))?;
            }
            false => render::table(&COLUMNS, rows.map(Vec::from).collect())?,
        }
    }
    render::provenance(&format!("{count} bars"), &answer);
    Ok(())
}
