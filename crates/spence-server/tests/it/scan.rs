//! Scans over HTTP: rows as they are scored, progress, early ends, and what is refused.

use serde_json::{Value, json};
use spence_feed::{Feed, FeedOptions};

use crate::Service;
use crate::ask::answer;

const SCAN: &str = "/api/v1/market/scan";

async fn service(dir: &std::path::Path, symbols: usize) -> (Feed, Service) {
    let options = FeedOptions { symbols, ..FeedOptions::default() };
    let feed = Feed::start("127.0.0.1:0".parse().unwrap(), options).await.unwrap();
    let yaml = format!("market: {{ base_url: '{}' }}", feed.base_url());
    let service = Service::start(dir, &yaml).await;
    (feed, service)
}

async fn lines(service: &Service, body: Value) -> Vec<Value> {
    let response = service.post(SCAN, &body.to_string()).await;
    assert_eq!(response.status(), 200);
    let text = response.text().await.unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn of<'a>(lines: &'a [Value], kind: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["type"] == kind).collect()
}

#[tokio::test]
async fn a_scan_tells_its_progress_its_rows_and_what_it_came_to() {
    let dir = tempfile::tempdir().unwrap();
    let (feed, service) = service(dir.path(), 40).await;
    let body = json!({ "bars": 20, "end": "2024-11-29" });
    let plan = lines(&service, json!({ "bars": 20, "end": "2024-11-29", "plan": true })).await;
    assert_eq!(
        plan,
        [
            json!({ "type": "plan", "symbols": 40, "calls": 20, "sessions": 20, "symbols_alone": 0, "calls_left_today": null })
        ]
    );
    assert_eq!(feed.calls().total(), 1, "which symbols there are");
    let cold = lines(&service, body.clone()).await;
    let (rows, progress) = (of(&cold, "row"), of(&cold, "progress"));
    assert_eq!((rows.len(), of(&cold, "summary").len()), (40, 1));
    assert_eq!(progress.last().unwrap()["calls_done"], 20);
    assert!(rows.is_sorted_by(|a, b| a["symbol"].as_str() < b["symbol"].as_str()));
    let row = rows.iter().find(|row| row["symbol"] != "AAPL" && row["symbol"] != "IBM").unwrap();
    assert_eq!((&row["status"], &row["final"]), (&json!("ok"), &json!(true)));
    assert_eq!((&row["as_of"], &row["source"]), (&json!("2024-11-29"), &json!("origin")));
    assert!(row["TechRating"].is_number() && row["Signal"].is_string());
    let summary = cold.last().unwrap();
    assert_eq!((&summary["calls"], &summary["fetched"]), (&json!(21), &json!(40)));
    assert_eq!(summary["hit_rate"], 0.0);

    let warm = lines(&service, body.clone()).await;
    let summary = warm.last().unwrap();
    assert_eq!((&summary["calls"], &summary["cache"]["memory"]), (&json!(0), &json!(40)));
    assert!(of(&warm, "progress").is_empty());
    let scores = |lines: &[Value]| -> Vec<Value> {
        of(lines, "row").iter().map(|row| row["TechRating_raw"].clone()).collect()
    };
    assert_eq!(scores(&warm), scores(&cold));
    assert_eq!(feed.calls().total(), 22);

    // Whatever stops it, it says so.
    let few = lines(&service, json!({ "bars": 20, "end": "2024-11-29", "max_signals": 1 })).await;
    let few = few.last().unwrap();
    assert!(few["signals"].as_u64().unwrap() <= 1);
    assert_eq!(few["stopped"], few["signals"] == 1);
    let late = json!({ "bars": 30, "end": "2024-11-29", "timeout_seconds": 0 });
    let late = lines(&service, late).await;
    assert_eq!(late.last().unwrap()["stopped"], true);
    let stale = of(&late, "row").iter().filter(|row| row["status"] == "stale").count();
    assert_eq!(stale, 38, "all but the two without bars in that time");
    let offline = json!({ "symbols": ["AAPL", "NEW"], "bars": 20, "offline": true });
    let offline = lines(&service, offline).await;
    assert!(of(&offline, "row").iter().all(|row| row["status"] == "failed"));
    service.stop().await;
}

#[tokio::test]
async fn scans_that_cannot_be_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (_feed, service) = service(dir.path(), 3).await;
    for (body, expected) in [
        (json!({ "bars": 0 }), "bars: 0, expected 1 to 10000"),
        (json!({ "limit": 0 }), "limit: 0, expected 1 to 100000"),
        (json!({ "symbols": [] }), "symbols: 0, expected 1 to 100000"),
        (json!({ "symbols": ["A", "a"] }), "symbols[1]: A is there already"),
        (json!({ "symbols": ["A B"] }), "symbols[0]: symbol \"A B\": contains ' '"),
        (json!({ "end": "tomorrow" }), "end: `tomorrow` is not a date"),
        (json!({ "profile": "lucky" }), "profile: \"lucky\", expected corrected or technic-compat"),
        (json!({ "timeout_seconds": -1 }), "timeout_seconds: -1, expected 0 to 1000000"),
        (json!({ "max_signals": 0 }), "max_signals: 0, expected 1 to"),
        (json!({ "speed": 9 }), "speed"),
    ] {
        let (code, error) = answer(&service, SCAN, body).await;
        assert_eq!(code, 400);
        assert!(error["message"].as_str().unwrap().contains(expected), "{error}");
    }
    // What has not happened yet is not there.
    let future = lines(&service, json!({ "end": "2199-01-01", "bars": 5 })).await;
    assert!(of(&future, "row").iter().all(|row| row["as_of"].as_str() < Some("2199")));
    service.stop().await;
}

#[tokio::test]
async fn without_a_provider_and_without_bars_a_scan_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let (feed, service) = service(dir.path(), 3).await;
    drop(feed);
    let told = lines(&service, json!({ "bars": 5 })).await;
    assert_eq!(told[0]["type"], "error");
    assert!(told[0]["message"].as_str().unwrap().contains("which symbols are listed: "));
    let told = lines(&service, json!({ "bars": 5, "symbols": ["MSFT"] })).await;
    let row = of(&told, "row")[0];
    assert_eq!(row["status"], "failed");
    assert!(row["reason"].as_str().unwrap().contains("provider unreachable"), "{row}");
    service.stop().await;
}
