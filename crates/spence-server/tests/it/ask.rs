//! What can be asked of the service about itself, and what it can be told to do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use spence_config::{ConfigError, Layer, Settings, Sources};
use spence_server::App;

use crate::{Service, header, settings};

const INVALIDATE: &str = "/api/v1/cache/invalidate";

async fn put(service: &Service, key: &str) {
    let path = format!("/api/v1/cache/entries/notes/{key}?tags=t");
    assert_eq!(service.send(reqwest::Method::PUT, &path, "hello").await.status(), 204);
}

pub(crate) async fn answer(service: &Service, path: &str, body: Value) -> (u16, Value) {
    let response = service.post(path, &body.to_string()).await;
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn a_dry_run_counts_and_everything_must_be_meant() {
    let dir = tempfile::tempdir().unwrap();
    let service = Service::start(dir.path(), "{}").await;
    for key in ["a:1", "a:2", "b:1"] {
        put(&service, key).await;
    }
    let dry = json!({ "namespace": "notes", "prefix": "a:", "dry_run": true });
    let (status, body) = answer(&service, INVALIDATE, dry).await;
    let expected = json!({ "memory_entries": 2, "disk_entries": 2, "exact": true });
    assert_eq!((status, &body["would_reach"]), (200, &expected));
    assert!(body.get("scope").is_none());
    assert_eq!(service.get("/api/v1/cache/entries/notes/a:1").await.status(), 200);

    for (all, field) in [
        (json!({ "namespace": "notes", "glob": "*" }), "glob"),
        (json!({ "namespace": "notes", "glob": "**" }), "glob"),
        (json!({ "namespace": "notes", "glob": "?*" }), "glob"),
        (json!({ "everything": true }), "yes"),
    ] {
        let (status, body) = answer(&service, INVALIDATE, all.clone()).await;
        assert_eq!((status, &body["errors"][0]["field"]), (400, &json!(field)), "{body}");
        assert_eq!(service.get("/api/v1/cache/entries/notes/a:1").await.status(), 200);
        let mut meant = all;
        meant["yes"] = json!(true);
        assert_eq!(answer(&service, INVALIDATE, meant).await.0, 200);
        assert_eq!(service.get("/api/v1/cache/entries/notes/a:1").await.status(), 404);
        put(&service, "a:1").await;
    }
    let odd = json!({ "everything": true, "tag": "t", "yes": true });
    assert_eq!(answer(&service, INVALIDATE, odd).await.0, 400);
    service.stop().await;
}

#[tokio::test]
async fn explain_tells_tiers_policy_ban_and_miss() {
    let dir = tempfile::tempdir().unwrap();
    let service = Service::start(dir.path(), "policies: { notes: { ttl: 5m } }").await;
    put(&service, "a").await;
    let path = "/api/v1/cache/explain/notes/a";
    let held = service.json(path).await;
    assert_eq!(
        (&held["memory"]["state"], &held["disk"]["tags"][0]),
        (&json!("fresh"), &json!("t"))
    );
    let ttl = held["policy"].as_array().unwrap().iter().find(|s| s["name"] == "ttl").unwrap();
    assert_eq!((&ttl["from"], &ttl["value"]), (&json!("policy"), &json!("5m")));
    answer(&service, INVALIDATE, json!({ "tag": "t" })).await;
    assert_eq!(service.get("/api/v1/cache/entries/notes/a").await.status(), 404);
    let banned = service.json(path).await;
    assert_eq!(banned["last_miss"]["cause"], "banned");
    assert_eq!(service.get("/api/v1/cache/explain/no..te/a").await.status(), 400);
    service.stop().await;
}

#[tokio::test]
async fn events_come_as_they_happen_and_end_with_the_service() {
    let dir = tempfile::tempdir().unwrap();
    let service = Service::start(dir.path(), "{}").await;
    let mut events = service.get("/api/v1/events").await;
    assert_eq!(header(&events, "content-type"), "text/event-stream");
    service.get("/api/v1/market/bars/AAPL?bars=1&end=2012-06-29").await;
    answer(&service, INVALIDATE, json!({ "tag": "AAPL" })).await;
    let mut text = String::new();
    while !text.contains("event: banned") {
        text.push_str(std::str::from_utf8(&events.chunk().await.unwrap().unwrap()).unwrap());
    }
    for expected in ["event: fill-started", "event: fill-finished", "event: miss", "tag AAPL"] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert!(text.contains("\"cache\":\"OHLCV\"") && !text.contains("AAPL:1d"));
    service.stop().await;
    while let Some(rest) = events.chunk().await.unwrap() {
        drop(rest);
    }
}

#[tokio::test]
async fn warming_tells_how_far_it_is_and_needs_an_origin() {
    let dir = tempfile::tempdir().unwrap();
    let service = Service::start(dir.path(), "{}").await;
    let keys =
        ["AAPL:1d:5:2012-06-29", "IBM:1d:5:2012-06-29", "ZZ:1d:5:latest", "AAPL:1d:5:2012-06-29"];
    let body = json!({ "namespace": "OHLCV", "keys": keys, "per_second": 100 });
    let response = service.post("/api/v1/cache/warm", &body.to_string()).await;
    assert_eq!(header(&response, "content-type"), "application/x-ndjson");
    let text = response.text().await.unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 4);
    assert!(lines.iter().zip(1..).all(|(line, n)| line["done"] == n && line["total"] == 4));
    assert_eq!(lines.iter().filter(|line| line["error"].is_string()).count(), 1);
    let held = service.get("/api/v1/market/bars/AAPL?bars=5&end=2012-06-29").await;
    assert_eq!(header(&held, "x-spence-source"), "memory");
    for (body, status, expected) in [
        (json!({ "namespace": "notes", "keys": ["a"] }), 409, "no origin"),
        (json!({ "namespace": "OHLCV", "keys": [] }), 400, "expected 1 to"),
        (json!({ "namespace": "OHLCV", "keys": ["AAPL"] }), 400, "is not a text such as"),
        (json!({ "namespace": "OHLCV", "keys": keys, "per_second": 0 }), 400, "per_second"),
    ] {
        let (code, error) = answer(&service, "/api/v1/cache/warm", body).await;
        assert_eq!(code, status);
        assert!(error["message"].as_str().unwrap().contains(expected), "{error}");
    }
    service.stop().await;
}

#[tokio::test]
async fn c15_a_reload_is_all_or_nothing_and_keeps_the_data() {
    let dir = tempfile::tempdir().unwrap();
    let with = |yaml: &str| -> Result<Settings, ConfigError> {
        let mut file = Layer::from_yaml(yaml, "test")?;
        file.disk.dir = Some(dir.path().to_owned());
        Sources { file: Some(file), ..Sources::default() }.resolve()
    };
    let yamls = [
        "policies: { OHLCV: { ttl: 1h } }",
        "policies: { OHLCV: { ttl: 1ms, stale: never } }\nmemory: { budget: 50MB }",
        "policies: { OHLCV: { ttl: 1y, jitter: 7 } }",
        "policies: { OHLCV: { ttl: 1y } }\nserver: { max_body: 1MB }\ndisk: { budget: 2GB }",
        "policies: { OHLCV: { ttl: 1h } }",
    ];
    let step = Arc::new(AtomicUsize::new(0));
    let reloader = {
        let (step, all) = (Arc::clone(&step), yamls.map(with));
        move || all[step.fetch_add(1, Ordering::SeqCst) + 1].clone()
    };
    let app = App::start_with(settings(dir.path(), yamls[0]), reloader).await.unwrap();
    let bars = spence_market::LastBars::new("AAPL", 5, Some("2012-06-29")).unwrap();
    let key = || "AAPL:1d";
    let series = spence_market::SeriesKey::parse(key()).unwrap();
    app.market().bars(&bars).await.unwrap();
    let state = async || app.spence().explain("OHLCV", key()).await.unwrap().memory.unwrap().state;
    assert_eq!(state().await, "fresh");
    assert_eq!(app.reload().await.unwrap(), ["memory.budget", "policies.OHLCV"]);
    assert_eq!(app.spence().stats().memory_budget, 50_000_000);
    app.spence().clock().sleep(std::time::Duration::from_millis(50)).await;
    assert!(
        app.spence()
            .existing::<spence_market::SeriesKey, spence_market::Series>("OHLCV")
            .unwrap()
            .get(&series)
            .await
            .is_none()
    );
    assert!(app.reload().await.unwrap_err().to_string().contains("jitter"));
    let error = app.reload().await.unwrap_err().to_string();
    assert_eq!(error, "disk.budget, server.max_body: takes a restart; nothing was changed");
    assert_eq!(app.spence().stats().memory_budget, 50_000_000);
    assert_eq!(app.reload().await.unwrap(), ["memory.budget", "policies.OHLCV"]);
    let again = app.market().bars(&bars).await.unwrap();
    assert_eq!((again.source().as_str(), app.spence().stats().total.origin_calls), ("memory", 1));
    app.close().await;
}
