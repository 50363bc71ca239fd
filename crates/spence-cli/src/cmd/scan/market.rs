//! `spence scan` of bars that come through the cache.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use axum::http::Method;
use bytes::Bytes;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Deserialize;
use serde_json::{Value, json};
use spence_config::Span;
use spence_market::score::{Profile, column_names};
use spence_market::twelve_digits;

use crate::args::{Common, Scan};
use crate::client::Client;
use crate::cmd::scan::{Shown, rules, table, universe};
use crate::cmd::until_told_to_stop;
use crate::exit::{Code, Failure};
use crate::{files, render};

/// A line of the service's answer, as far as people are shown it.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(default)]
    calls_planned: u64,
    #[serde(default)]
    calls_done: u64,
    message: Option<String>,
    symbol: Option<&'a str>,
    status: Option<&'a str>,
    reason: Option<String>,
    as_of: Option<&'a str>,
    #[serde(rename = "Signal")]
    signal: Option<&'a str>,
    #[serde(rename = "TechRating")]
    rating: Option<f64>,
    #[serde(rename = "Close")]
    close: Option<f64>,
    #[serde(rename = "RSI")]
    rsi: Option<f64>,
    #[serde(rename = "TrendScore")]
    trend: Option<f64>,
    #[serde(rename = "MomentumScore")]
    momentum: Option<f64>,
    #[serde(rename = "ATR14_pct")]
    range: Option<f64>,
}

/// What has come of a scan so far.
#[derive(Default)]
struct Told {
    /// The lines of rows, if all of them are wanted as they are.
    rows: Vec<String>,
    shown: Vec<Shown>,
    /// Symbols that are not as they should be, by status: how many, the first, and why.
    troubles: BTreeMap<String, (usize, String)>,
    failed: u64,
    /// The summary, or the plan.
    end: Option<Value>,
    error: Option<String>,
}

pub(super) async fn run(common: &Common, asked: &Scan) -> anyhow::Result<()> {
    let (profile, is_named_by_profile) = rules(common, asked);
    let (all, body) = request(asked, profile, common.timeout)?;
    let settings = common.profile.clone().filter(|_| !is_named_by_profile);
    let common = Common { profile: settings, ..common.clone() };
    let client = Client::connect(&common).await?;
    let keeps_rows = common.json || asked.csv.is_some();
    let told = told(&client, asked, keeps_rows, Bytes::from(body.to_string())).await;
    client.close().await;
    let mut told = told?;
    if let Some(error) = told.error {
        return Err(Failure::error(Code::Origin, error));
    }
    let Some(end) = told.end.take() else {
        return Err(Failure::error(Code::Unavailable, "the server ended the scan early"));
    };
    match asked.plan {
        true => show_plan(&common, &end),
        false => show(&common, asked, told, &with_filter(end, all)),
    }
}

/// Brings the bars together, and says what came of it.
pub(super) async fn warm(common: &Common, asked: &Scan) -> anyhow::Result<()> {
    let (_, mut body) = request(asked, Profile::default(), common.timeout)?;
    if let Value::Object(body) = &mut body {
        body.insert("warm".to_owned(), true.into());
    }
    let client = Client::connect(common).await?;
    let told = told(&client, asked, false, Bytes::from(body.to_string())).await;
    client.close().await;
    let told = told?;
    if let Some(error) = told.error {
        return Err(Failure::error(Code::Origin, error));
    }
    let Some(mut summary) = told.end else {
        return Err(Failure::error(Code::Unavailable, "the server ended the scan early"));
    };
    let count =
        |summary: &Value, path: &str| summary.pointer(path).and_then(Value::as_u64).unwrap_or(0);
    let (symbols, fetched) = (count(&summary, "/symbols"), count(&summary, "/fetched"));
    let tiers = ["/cache/memory", "/cache/disk", "/cache/redis"];
    let held: u64 = tiers.iter().map(|tier| count(&summary, tier)).sum();
    let failed = symbols.saturating_sub(fetched + held);
    if common.json {
        if let Value::Object(summary) = &mut summary {
            summary.remove("type");
        }
        render::json(&summary)?;
    } else {
        let calls = count(&summary, "/calls");
        render::line(&format!(
            "{fetched} symbols fetched, {held} held already, {failed} failed; {calls} calls"
        ))?;
    }
    match failed {
        0 => Ok(()),
        _ => {
            let message = format!("{failed} of {symbols} symbols lack sessions");
            Err(Failure::error(Code::Origin, message))
        }
    }
}

/// How many symbols the universe has, if there is one, and what the service is asked.
fn request(
    asked: &Scan,
    profile: Profile,
    timeout: Option<Span>,
) -> anyhow::Result<(Option<usize>, Value)> {
    let (mut all, mut symbols) = (None, None);
    if let Some(path) = &asked.universe {
        let (count, listed) = universe(path, &asked.sectors)?;
        let listed = listed.iter().take(asked.symbols.unwrap_or(usize::MAX));
        let names: Vec<String> = listed.map(|one| one.symbol.to_string()).collect();
        if names.is_empty() {
            return Err(Failure::error(Code::Refused, "symbols: none are asked for"));
        }
        (all, symbols) = (Some(count), Some(names));
    }
    let limit = asked.symbols.filter(|_| symbols.is_none());
    let body = json!({
        "symbols": symbols,
        "limit": limit,
        "bars": asked.bars,
        "end": asked.end,
        "profile": profile.name(),
        "min_rating": asked.min_rating,
        "tradable": asked.tradable,
        "offline": asked.offline,
        "plan": asked.plan,
        "max_signals": asked.max_signals,
        "timeout_seconds": timeout.map(|timeout| timeout.0.as_secs_f64()),
    });
    Ok((all, body))
}

/// Scans, and shows how far that is.
async fn told(
    client: &Client,
    asked: &Scan,
    keeps_rows: bool,
    body: Bytes,
) -> anyhow::Result<Told> {
    let style = "{wide_bar} {pos}/{len} calls, {eta} left";
    let bar = ProgressBar::new(0)
        .with_style(ProgressStyle::with_template(style).context("progress bar")?);
    let mut told = Told::default();
    let lines = client.lines(Method::POST, "/api/v1/market/scan", body, |line| {
        if asked.stream {
            render::line(line)?;
        }
        let read: Line<'_> = serde_json::from_str(line).context("answer of the server")?;
        match read.kind {
            "progress" => {
                bar.set_length(read.calls_planned);
                bar.set_position(read.calls_done);
            }
            "row" => {
                told.take(&read);
                if keeps_rows {
                    told.rows.push(line.to_owned());
                }
            }
            "error" => told.error = read.message,
            _ => told.end = Some(serde_json::from_str(line).context("answer of the server")?),
        }
        Ok(())
    });
    let ended = until_told_to_stop(lines).await;
    bar.finish_and_clear();
    ended?;
    Ok(told)
}

fn show_plan(common: &Common, plan: &Value) -> anyhow::Result<()> {
    if common.json {
        return render::json(plan);
    }
    let count = |name: &str| plan.get(name).and_then(Value::as_u64).unwrap_or(0);
    let left = plan.get("calls_left_today").and_then(Value::as_u64);
    let left = left.map_or_else(String::new, |left| format!("; {left} calls are left today"));
    render::line(&format!(
        "{} calls: {} for all symbols on a session, {} for all sessions of a symbol ({} symbols); \
         and up to one a year for splits{left}",
        count("calls"),
        count("sessions"),
        count("symbols_alone"),
        count("symbols"),
    ))
}

/// The summary with what was left out before the service was asked.
fn with_filter(mut summary: Value, all: Option<usize>) -> Value {
    if let Value::Object(summary) = &mut summary {
        summary.remove("type");
        let considered = summary.get("symbols").and_then(Value::as_u64).unwrap_or(0);
        let all = all.map_or(considered, |all| all as u64);
        summary.insert("symbols".to_owned(), all.into());
        summary.insert("considered".to_owned(), considered.into());
        summary.insert("filtered".to_owned(), (all - considered.min(all)).into());
    }
    summary
}

fn show(common: &Common, asked: &Scan, mut told: Told, summary: &Value) -> anyhow::Result<()> {
    if asked.stream {
        // Everything has been printed.
        return told.verdict(summary);
    }
    if let Some(out) = &asked.csv {
        write_csv(out, &told.values()?)?;
    } else if common.json {
        return render::json(&json!({ "summary": summary, "rows": told.values()? }));
    } else {
        table(std::mem::take(&mut told.shown))?;
    }
    for (status, (count, first)) in &told.troubles {
        render::note(&format!("{count} {status}, such as {first}"), true);
    }
    render::note(&sentence(summary), false);
    told.verdict(summary)
}

impl Told {
    fn take(&mut self, row: &Line<'_>) {
        let status = row.status.unwrap_or_default();
        if status != "ok" {
            let reason = row.reason.as_ref().map(|reason| format!(": {reason}"));
            let first = || {
                let symbol = row.symbol.unwrap_or_default();
                (0, format!("{symbol}{}", reason.unwrap_or_default()))
            };
            self.troubles.entry(status.to_owned()).or_insert_with(first).0 += 1;
            self.failed += u64::from(status == "failed");
        }
        self.shown.extend(Shown::read(row));
    }

    /// Whether everything that was asked for could be scanned.
    fn verdict(&self, summary: &Value) -> anyhow::Result<()> {
        let considered = summary.get("considered").and_then(Value::as_u64).unwrap_or(0);
        match self.failed {
            0 => Ok(()),
            failed => {
                let message = format!("{failed} of {considered} symbols could not be scanned");
                Err(Failure::error(Code::Origin, message))
            }
        }
    }

    /// The rows with all that was said of them.
    fn values(&self) -> anyhow::Result<Vec<Value>> {
        let value = |line: &String| {
            let mut row: Value = serde_json::from_str(line).context("answer of the server")?;
            if let Value::Object(row) = &mut row {
                row.remove("type");
            }
            Ok(row)
        };
        self.rows.iter().map(value).collect()
    }
}

fn write_csv(out: &Path, rows: &[Value]) -> anyhow::Result<()> {
    let names = column_names();
    let mut text = format!("symbol,{}\n", names.join(","));
    for row in rows.iter().filter(|row| row.get("TechRating").is_some()) {
        text.push_str(row.get("symbol").and_then(Value::as_str).unwrap_or_default());
        for name in &names {
            text.push(',');
            match row.get(*name) {
                Some(Value::String(word)) => text.push_str(word),
                Some(number) => {
                    text.push_str(&twelve_digits(number.as_f64().unwrap_or(f64::NAN)));
                }
                None => {}
            }
        }
        text.push('\n');
    }
    files::write(out, &text)
}

/// The summary as a person would say it.
fn sentence(summary: &Value) -> String {
    let count = |name: &str| summary.get(name).and_then(Value::as_u64).unwrap_or(0);
    let figure = |name: &str| summary.get(name).and_then(Value::as_f64).unwrap_or(0.0);
    let held = |tier: &str| {
        let count = summary.get("cache").and_then(|cache| cache.get(tier)).and_then(Value::as_u64);
        (tier.to_owned(), count.unwrap_or(0))
    };
    let tiers = ["memory", "disk", "redis", "origin"].map(held);
    let tiers = tiers.iter().filter(|(_, count)| *count > 0);
    let from: Vec<_> = tiers.map(|(tier, count)| format!("{count} from {tier}")).collect();
    format!(
        "{} rows of {} symbols ({}), {} calls, {:.2} s, {} signals",
        count("returned"),
        count("considered"),
        from.join(", "),
        count("calls"),
        figure("seconds"),
        count("signals"),
    )
}

impl Shown {
    /// What is shown of a row, if it has a rating.
    fn read(row: &Line<'_>) -> Option<Self> {
        let word = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let figure = |figure: Option<f64>| figure.unwrap_or(f64::NAN);
        Some(Self {
            symbol: word(row.symbol),
            signal: word(row.signal),
            rating: row.rating?,
            close: figure(row.close),
            rsi: figure(row.rsi),
            trend: figure(row.trend),
            momentum: figure(row.momentum),
            range: figure(row.range),
            as_of: word(row.as_of),
        })
    }
}
