//! `spence market`

use serde_json::{Map, Value};

use crate::args::{Common, Data, Market, Quality};
use crate::client::{Client, encode, segment};
use crate::exit::{Code, Failure};
use crate::render;

pub(crate) async fn run(common: &Common, market: Market) -> anyhow::Result<()> {
    match market {
        Market::Data(data) => self::data(common, data).await,
        Market::Quality(quality) => self::quality(common, quality).await,
        Market::Status => status(common).await,
        Market::Types => types(common).await,
    }
}

async fn data(common: &Common, data: Data) -> anyhow::Result<()> {
    let Data { data_type, ticker, start, end, frequency, params, offline, csv } = data;
    let mut query = vec![("data_type", data_type), ("frequency", frequency)];
    let given = [("ticker", ticker), ("start", start), ("end", end)];
    query.extend(given.into_iter().filter_map(|(name, value)| Some((name, value?))));
    if offline {
        query.push(("offline", "true".to_owned()));
    }
    for param in &params {
        let Some((name, value)) = param.split_once('=') else {
            let message = format!("--param {param}: expected NAME=VALUE, as in method=log");
            return Err(Failure::error(Code::Refused, message));
        };
        query.push((name, value.to_owned()));
    }
    let query: Vec<_> =
        query.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    let client = Client::connect(common).await?;
    let answer = client.get(&format!("/api/v1/market/data?{}", query.join("&"))).await;
    client.close().await;
    let answer = answer?;
    let body = answer.json()?;
    let empty = Vec::new();
    let rows = body.get("rows").and_then(Value::as_array).unwrap_or(&empty);
    if common.json {
        render::json(&body)?;
    } else {
        show(rows, csv)?;
    }
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let of = text("of").unwrap_or_default();
    let known_on = text("known_on").map(|day| format!(", as known on {day}")).unwrap_or_default();
    render::provenance(&format!("{of}{known_on}: {} rows", rows.len()), &answer);
    Ok(())
}

/// Rows under the names of their fields; those of a bar within the day begin with its time.
fn show(rows: &[Value], csv: bool) -> anyhow::Result<()> {
    let columns = |row: &Map<String, Value>| -> Vec<String> {
        let order = ["time", "date", "open", "high", "low", "close", "volume", "from", "to"];
        let place =
            |name: &str| order.iter().position(|known| *known == name).unwrap_or(order.len());
        let mut names: Vec<_> = row.keys().cloned().collect();
        names.sort_by_key(|name| place(name));
        names
    };
    let Some(columns) = rows.first().and_then(Value::as_object).map(columns) else {
        return Ok(());
    };
    let cells = |row: &Value| columns.iter().map(|name| render::cell(row.get(name))).collect();
    let rows: Vec<Vec<String>> = rows.iter().map(cells).collect();
    if csv {
        render::line(&columns.join(","))?;
        return rows.iter().try_for_each(|row| render::line(&row.join(",")));
    }
    let header: Vec<&str> = columns.iter().map(String::as_str).collect();
    render::table(&header, rows)
}

async fn quality(common: &Common, quality: Quality) -> anyhow::Result<()> {
    let Quality { symbol, start, end, offline } = quality;
    if symbol.is_empty() {
        return Err(Failure::error(Code::Refused, "symbol: is empty"));
    }
    let mut path = format!("/api/v1/market/quality/{}?offline={offline}", segment(&symbol)?);
    for (name, value) in [("start", start), ("end", end)] {
        if let Some(value) = value {
            path.push_str(&format!("&{name}={}", encode(&value)));
        }
    }
    let client = Client::connect(common).await?;
    let answer = client.get(&path).await;
    client.close().await;
    let answer = answer?;
    let body = answer.json()?;
    let empty = Vec::new();
    let findings = body.get("findings").and_then(Value::as_array).unwrap_or(&empty);
    let row = |one: &Value| ["date", "flaw", "message"].map(|name| render::cell(one.get(name)));
    if common.json {
        render::json(&body)?;
    } else if !findings.is_empty() {
        let rows = findings.iter().map(|one| row(one).into()).collect();
        render::words(&["date", "flaw", "what"], rows)?;
    }
    let count = |name: &str| body.get(name).and_then(Value::as_u64).unwrap_or(0);
    let (sessions, bars) = (count("sessions"), count("bars"));
    let found = findings.len();
    render::provenance(&format!("{found} findings in {bars} bars of {sessions} sessions"), &answer);
    Ok(())
}

async fn status(common: &Common) -> anyhow::Result<()> {
    let client = Client::connect(common).await?;
    let answer = client.get("/api/v1/market/status").await;
    client.close().await;
    let body = answer?.json()?;
    if common.json {
        return render::json(&body);
    }
    let text = |name: &str| render::cell(body.get(name));
    let is = |name: &str| body.get(name).and_then(Value::as_bool) == Some(true);
    let state = if is("open") { "open" } else { "closed" };
    let (session, next) = (text("session"), text("next_open"));
    render::line(&format!("New York is {state}: newest session {session}, next opens {next}"))?;
    match text("error") {
        error if error.is_empty() => {
            let (told, time) = (text("provider"), text("provider_time"));
            let but = if is("disagree") { ", which the calendar does not know" } else { "" };
            render::line(&format!("the provider says {told} at {time}{but}"))
        }
        error => {
            render::note(&error, true);
            Ok(())
        }
    }
}

async fn types(common: &Common) -> anyhow::Result<()> {
    let client = Client::connect(common).await?;
    let answer = client.get("/api/v1/market/types").await;
    client.close().await;
    let body = answer?.json()?;
    if common.json {
        return render::json(&body);
    }
    let empty = Vec::new();
    let row = |one: &Value| {
        let providers = one.get("providers").and_then(Value::as_array).unwrap_or(&empty);
        let providers: Vec<_> = providers.iter().map(|name| render::cell(Some(name))).collect();
        let is_computed = one.get("computed").and_then(Value::as_bool) == Some(true);
        let from = match (is_computed, providers.is_empty()) {
            (true, _) => "computed".to_owned(),
            (false, true) => "nobody: name a provider".to_owned(),
            (false, false) => providers.join(", "),
        };
        vec![render::cell(one.get("data_type")), from, render::cell(one.get("of"))]
    };
    let rows = body.as_array().unwrap_or(&empty).iter().map(row).collect();
    render::words(&["data_type", "from", "what"], rows)
}
