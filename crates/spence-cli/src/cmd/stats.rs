//! `spence stats`

use serde_json::Value;

use crate::args::Common;
use crate::client::Client;
use crate::render::{self, size};

const HEADER: [&str; 10] = [
    "cache",
    "hits",
    "stale",
    "misses",
    "hit rate",
    "entries",
    "memory",
    "disk",
    "origin calls",
    "seconds saved",
];

pub(crate) async fn run(common: &Common) -> anyhow::Result<()> {
    let client = Client::connect(common).await?;
    let answer = client.get("/api/v1/cache/stats").await;
    client.close().await;
    let stats = answer?.json()?;
    if common.json {
        return render::json(&stats);
    }
    let mut rows: Vec<_> = match stats.get("caches") {
        Some(Value::Object(caches)) => {
            let used = caches.iter().filter(|(_, figures)| is_used(figures));
            used.map(|(name, figures)| row(name, figures)).collect()
        }
        _ => Vec::new(),
    };
    rows.push(row("all", stats.get("total").unwrap_or(&Value::Null)));
    render::table(&HEADER, rows)?;
    match stats.get("redis").filter(|redis| !redis.is_null()) {
        Some(redis) => render::line(&shared(redis)),
        None => Ok(()),
    }
}

/// Whether a cache holds anything, or was asked for anything.
fn is_used(figures: &Value) -> bool {
    let counts = ["total", "cache_size", "memory_bytes", "disk_bytes", "inserts"];
    counts.iter().any(|name| figures.get(name).and_then(Value::as_u64).unwrap_or(0) > 0)
}

/// The shared tier in a line.
fn shared(redis: &Value) -> String {
    let text = |field| redis.get(field).and_then(Value::as_str);
    let whole = |field| redis.get(field).and_then(Value::as_u64).unwrap_or(0);
    let is_verified = redis.get("verified").and_then(Value::as_bool) == Some(true);
    let state = match (text("away"), text("refused")) {
        (Some(away), _) => format!("away ({away})"),
        (None, Some(refused)) => format!("connected, refuses values ({refused})"),
        (None, None) => "connected".to_owned(),
    };
    let doubt = if is_verified { "" } else { ", what this node holds is unverified" };
    let (queued, errors) = (whole("queued"), whole("errors"));
    format!("redis: {state}{doubt}; {queued} queued, {errors} errors")
}

fn row(name: &str, figures: &Value) -> Vec<String> {
    let whole = |field| figures.get(field).and_then(Value::as_u64).unwrap_or(0);
    let float = |field| figures.get(field).and_then(Value::as_f64).unwrap_or(0.0);
    vec![
        name.to_owned(),
        whole("hits").to_string(),
        whole("stale_hits").to_string(),
        whole("misses").to_string(),
        format!("{:.1} %", 100.0 * float("hit_rate")),
        whole("cache_size").to_string(),
        size(whole("memory_bytes")),
        size(whole("disk_bytes")),
        whole("origin_calls").to_string(),
        format!("{:.3}", float("origin_seconds_saved")),
    ]
}
