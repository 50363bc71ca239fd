//! `spence warm`

use std::io::Read;

use anyhow::Context;
use axum::http::Method;
use bytes::Bytes;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::args::{Common, Scan, Warm};
use crate::client::Client;
use crate::cmd::{scan, until_told_to_stop};
use crate::exit::{Code, Failure};
use crate::render;

/// What is no namespace, but all that a scan needs.
const MARKET: &str = "market";

pub(crate) async fn run(common: &Common, warm: Warm) -> anyhow::Result<()> {
    if warm.namespace == MARKET && warm.keys.is_empty() && warm.file.is_none() {
        let Warm { universe, symbols, bars, .. } = warm;
        return scan::warm(common, &Scan { universe, symbols, bars, ..Scan::default() }).await;
    }
    let Warm { namespace, mut keys, file, per_second, .. } = warm;
    if keys.is_empty() && file.is_none() {
        let message = "keys: none are given; expected some, or --file";
        return Err(Failure::error(Code::Refused, message));
    }
    if let Some(file) = file {
        let text = match file.as_os_str() == "-" {
            true => {
                let mut text = String::new();
                std::io::stdin().lock().read_to_string(&mut text).map_err(|error| {
                    Failure::error(Code::Refused, format!("read standard input: {error}"))
                })?;
                text
            }
            false => std::fs::read_to_string(&file).map_err(|error| {
                Failure::error(Code::Refused, format!("read {}: {error}", file.display()))
            })?,
        };
        keys.extend(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned));
    }
    if !per_second.is_finite() {
        let message = format!("--per-second {per_second}: expected 0.01 to 10000");
        return Err(Failure::error(Code::Refused, message));
    }
    let total = keys.len();
    let body = json!({ "namespace": namespace, "keys": keys, "per_second": per_second });
    let client = Client::connect(common).await?;
    let bar = ProgressBar::new(total as u64).with_style(
        ProgressStyle::with_template("{wide_bar} {pos}/{len}, {eta} left")
            .context("progress bar")?,
    );
    let (mut fetched, mut failed) = (0, 0);
    let body = Bytes::from(body.to_string());
    let lines = client.lines(Method::POST, "/api/v1/cache/warm", body, |line| {
        let done: Value = serde_json::from_str(line).context("answer of the server")?;
        bar.inc(1);
        fetched += u64::from(done.get("source").and_then(Value::as_str) == Some("origin"));
        if let Some(error) = done.get("error").and_then(Value::as_str) {
            failed += 1;
            let key = done.get("key").and_then(Value::as_str).unwrap_or_default();
            bar.suspend(|| render::note(&format!("{key}: {error}"), true));
        }
        if common.json { render::line(line) } else { Ok(()) }
    });
    let ended = until_told_to_stop(lines).await;
    bar.finish_and_clear();
    client.close().await;
    ended?;
    if !common.json {
        let held = total as u64 - fetched - failed;
        render::line(&format!("{fetched} fetched, {held} held already, {failed} failed"))?;
    }
    match failed {
        0 => Ok(()),
        _ => Err(Failure::error(Code::Origin, format!("{failed} of {total} keys failed"))),
    }
}
