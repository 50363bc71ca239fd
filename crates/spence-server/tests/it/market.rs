//! Bars over HTTP, from the demo feed and from a separate one.

use serde_json::{Value, json};
use spence_feed::{Feed, FeedOptions};

use crate::{Service, header};

const AAPL: &str = "/api/v1/market/bars/AAPL?bars=90&end=2012-06-29";

async fn source(service: &Service, path: &str) -> String {
    let response = service.get(path).await;
    assert_eq!(response.status(), 200);
    header(&response, "x-spence-source")
}

#[tokio::test]
async fn bars_come_from_origin_memory_and_disk_with_one_call_in_all() {
    let feed = Feed::start("127.0.0.1:0".parse().unwrap(), FeedOptions::default()).await.unwrap();
    let yaml = format!("market: {{ base_url: '{}' }}", feed.base_url());
    let dir = tempfile::tempdir().unwrap();
    let service = Service::start(dir.path(), &yaml).await;
    let first = service.get(AAPL).await;
    assert_eq!(header(&first, "x-spence-source"), "origin");
    assert_eq!(header(&first, "x-spence-key"), "OHLCV/AAPL:1d");
    assert_eq!(header(&first, "x-spence-origin"), "");
    let body: Value = first.json().await.unwrap();
    assert_eq!((&body["symbol"], &body["count"]), (&json!("AAPL"), &json!(90)));
    let bars = body["bars"].as_array().unwrap();
    assert_eq!(bars.len(), 90);
    let last = json!({ "date": "2012-06-29", "open": 578.0, "high": 584.0, "low": 574.25, "close": 584.0, "volume": 15_053_600 });
    assert_eq!(bars[89], last);
    assert!(bars.is_sorted_by(|a, b| a["date"].as_str() < b["date"].as_str()));

    assert_eq!(source(&service, AAPL).await, "memory");
    assert_eq!(source(&service, "/api/v1/market/bars/aapl?end=2012-06-29").await, "memory");
    service.stop().await;
    let service = Service::start(dir.path(), &yaml).await;
    assert_eq!(source(&service, AAPL).await, "disk");
    assert_eq!(source(&service, AAPL).await, "memory");
    assert_eq!(feed.calls().total(), 1);
    service.stop().await;
}

#[tokio::test]
async fn with_the_feed_gone_an_expired_answer_is_stale_and_then_an_error() {
    let feed = Feed::start("127.0.0.1:0".parse().unwrap(), FeedOptions::default()).await.unwrap();
    let yaml = format!(
        "market: {{ base_url: '{}' }}\npolicies: {{ OHLCV: {{ stale_if_error: 300ms }} }}",
        feed.base_url()
    );
    let dir = tempfile::tempdir().unwrap();
    let service = Service::start(dir.path(), &yaml).await;
    assert_eq!(source(&service, AAPL).await, "origin");
    drop(feed);
    let key = json!({ "namespace": "OHLCV", "key": "AAPL:1d" });
    assert_eq!(service.post("/api/v1/cache/expire", &key.to_string()).await.status(), 200);
    let stale = service.get(AAPL).await;
    assert_eq!(
        (stale.status().as_u16(), header(&stale, "x-spence-freshness")),
        (200, "stale".into())
    );
    assert!(header(&stale, "x-spence-stale-reason").starts_with("origin-failed: "));

    spence::Clock::system().sleep(std::time::Duration::from_millis(400)).await;
    let failed = service.get(AAPL).await;
    assert_eq!(failed.status(), 502);
    let error: Value = failed.json().await.unwrap();
    assert_eq!((&error["status"], &error["error"]), (&json!(502), &json!("Bad Gateway")));
    assert!(error["message"].as_str().unwrap().contains("provider unreachable"));
    service.stop().await;
}

#[tokio::test]
async fn the_demo_feed_says_that_it_is_one() {
    let dir = tempfile::tempdir().unwrap();
    let service = Service::start(dir.path(), "{}").await;
    let answer = service.get("/api/v1/market/bars/MSFT?bars=3").await;
    assert_eq!(header(&answer, "x-spence-origin"), "demo-feed");
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["bars"].as_array().unwrap().len(), 3);
    assert_eq!(service.json("/health").await["origins"]["market"]["calls"], 1);
    service.stop().await;
}
