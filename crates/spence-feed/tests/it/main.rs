//! The feed as a client of the provider's API sees it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::num::NonZeroU32;

use serde_json::Value;
use spence_feed::{Feed, FeedOptions};

async fn start(options: FeedOptions) -> Feed {
    // The client wants it even for plain HTTP; another test may have been first.
    drop(rustls::crypto::ring::default_provider().install_default());
    Feed::start("127.0.0.1:0".parse().unwrap(), options).await.unwrap()
}

async fn get(feed: &Feed, path: &str) -> (u16, Value) {
    let response = reqwest::get(format!("{}{path}", feed.base_url())).await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn real_bars_come_as_the_provider_would_send_them() {
    let feed = start(FeedOptions::default()).await;
    let range = "/v2/aggs/ticker/AAPL/range/1/day/1970-01-01/2012-06-29";
    let (status, body) = get(&feed, &format!("{range}?adjusted=false&sort=desc&limit=2")).await;
    assert_eq!(status, 200);
    assert_eq!((&body["ticker"], &body["status"]), (&"AAPL".into(), &"OK".into()));
    assert_eq!((&body["resultsCount"], &body["adjusted"]), (&2.into(), &false.into()));
    let newest = &body["results"][0];
    // Midnight in New York, in summer.
    assert_eq!(newest["t"], 1_340_942_400_000_i64);
    assert_eq!((newest["o"].as_f64(), newest["c"].as_f64()), (Some(578.0), Some(584.0)));
    assert_eq!(newest["v"].as_f64(), Some(15_053_600.0));
    assert!(body["results"][1]["t"].as_i64() < newest["t"].as_i64());
    assert_eq!(feed.calls().total(), 1);
}

#[tokio::test]
async fn without_data_the_results_are_left_out() {
    let feed = start(FeedOptions::default()).await;
    for path in
        ["NOSUCH/range/1/day/2000-01-01/2020-01-01", "AAPL/range/1/day/1999-01-01/1999-12-31"]
    {
        let (status, body) = get(&feed, &format!("/v2/aggs/ticker/{path}")).await;
        assert_eq!((status, &body["resultsCount"]), (200, &0.into()));
        assert!(body.get("results").is_none());
    }
}

#[tokio::test]
async fn questions_that_make_no_sense_are_refused() {
    let feed = start(FeedOptions { api_key: Some("k".into()), ..FeedOptions::default() }).await;
    let check = async |path: &str, status, expected: &str| {
        let (got, body) = get(&feed, path).await;
        assert_eq!(got, status, "{path}");
        assert!(body["error"].as_str().unwrap().contains(expected), "{path}: {body}");
    };
    let aapl = "/v2/aggs/ticker/AAPL/range";
    check(&format!("{aapl}/1/day/2012-01-01/2012-02-01"), 401, "Unknown API Key").await;
    check(&format!("{aapl}/1/day/x/2012-02-01?apiKey=k"), 400, "time parameter: 'from'").await;
    check(&format!("{aapl}/1/day/2012-03-01/2012-02-01?apiKey=k"), 400, "before 'from'").await;
    check(&format!("{aapl}/1/day/2012-01-01/2012-02-01?apiKey=k&limit=0"), 400, "limit").await;
    check(&format!("{aapl}/5/minute/2012-01-01/2012-02-01?apiKey=k"), 400, "daily bars only").await;
    check("/v3/nothing", 404, "no such path").await;
    let (status, counts) = get(&feed, "/__feed/calls").await;
    assert_eq!((status, &counts["calls"], &counts["refused"]), (200, &6.into(), &6.into()));
}

#[tokio::test]
async fn too_many_calls_are_told_to_come_back() {
    let rate = NonZeroU32::new(2);
    let feed = start(FeedOptions { calls_per_second: rate, ..FeedOptions::default() }).await;
    let path = "/v2/aggs/ticker/IBM/range/1/day/2012-01-01/2012-02-01";
    let mut limited = 0;
    for _ in 0..6 {
        let response = reqwest::get(format!("{}{path}", feed.base_url())).await.unwrap();
        if response.status() == 429 {
            assert_eq!(response.headers()["retry-after"], "1");
            limited += 1;
        }
    }
    assert!(limited >= 3, "{limited}");
    assert_eq!(feed.calls().limited(), limited);
    assert_eq!(feed.calls().answered(), 6 - limited);
}
