//! The feed as a client of the provider's API sees it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::num::NonZeroU32;

use serde_json::Value;
use spence::Clock;
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
    check("/v2/aggs/grouped/locale/us/market/stocks/x?apiKey=k", 400, "time parameter: 'date'")
        .await;
    check(&format!("{aapl}/7/minute/2012-01-01/2012-02-01?apiKey=k"), 400, "this feed has").await;
    check("/v3/nothing", 404, "no such path").await;
    let (status, counts) = get(&feed, "/__feed/calls").await;
    assert_eq!((status, &counts["calls"], &counts["refused"]), (200, &7.into(), &7.into()));
}

#[tokio::test]
async fn the_bars_of_all_symbols_on_a_day_come_in_one_call() {
    let feed = start(FeedOptions { symbols: 50, ..FeedOptions::default() }).await;
    let day = "/v2/aggs/grouped/locale/us/market/stocks/2012-06-29?adjusted=false";
    let (status, body) = get(&feed, day).await;
    assert_eq!((status, &body["resultsCount"]), (200, &50.into()));
    assert!(body.get("ticker").is_none());
    let rows = body["results"].as_array().unwrap();
    let aapl = rows.iter().find(|row| row["T"] == "AAPL").unwrap();
    // Four o'clock in New York, in summer.
    assert_eq!((&aapl["t"], aapl["c"].as_f64()), (&1_341_000_000_000_i64.into(), Some(584.0)));
    for row in rows {
        let symbol = row["T"].as_str().unwrap();
        let range = format!("/v2/aggs/ticker/{symbol}/range/1/day/2012-06-29/2012-06-29");
        let (_, alone) = get(&feed, &format!("{range}?adjusted=false")).await;
        let alone = &alone["results"][0];
        for field in ["o", "h", "l", "c", "v"] {
            assert_eq!(row[field], alone[field], "{symbol} {field}");
        }
    }
    for closed in ["2012-07-04", "2012-06-30", "2099-01-02"] {
        let path = format!("/v2/aggs/grouped/locale/us/market/stocks/{closed}");
        let (status, body) = get(&feed, &path).await;
        assert_eq!((status, &body["resultsCount"]), (200, &0.into()), "{closed}");
        assert!(body.get("results").is_none(), "{closed}");
    }
}

#[tokio::test]
async fn the_reference_comes_in_pages() {
    let feed = start(FeedOptions { symbols: 250, ..FeedOptions::default() }).await;
    let (mut path, mut tickers) = ("/v3/reference/tickers?limit=100".to_owned(), Vec::new());
    loop {
        let (status, body) = get(&feed, &path).await;
        assert_eq!(status, 200);
        tickers.extend(body["results"].as_array().unwrap().iter().map(|row| row["ticker"].clone()));
        let Some(next) = body["next_url"].as_str() else { break };
        path = next.replace("https://api.polygon.io", "");
    }
    assert_eq!((tickers.len(), feed.calls().total()), (250, 3));
    assert!(tickers.contains(&"IBM".into()));

    let (_, splits) = get(&feed, "/v3/reference/splits?ticker=AAPL").await;
    assert_eq!(splits["results"][1]["execution_date"], "2005-02-28");
    assert_eq!(splits["results"][1]["split_to"], 2.0);
    let (_, splits) =
        get(&feed, "/v3/reference/splits?execution_date.gte=2005-01-01&limit=1000").await;
    let splits = splits["results"].as_array().unwrap();
    assert!(splits.iter().all(|row| row["execution_date"].as_str() >= Some("2005")));
    assert!(splits.iter().any(|row| row["ticker"] != "AAPL"));

    let (_, paid) =
        get(&feed, "/v3/reference/dividends?ticker=IBM&ex_dividend_date.gte=2012-08-01").await;
    let paid: Vec<_> =
        paid["results"].as_array().unwrap().iter().map(|row| &row["cash_amount"]).collect();
    assert_eq!(paid, [&Value::from(0.8502), &Value::from(0.8635), &Value::from(0.8539)]);
    let (status, body) = get(&feed, "/v3/reference/splits?limit=0").await;
    assert_eq!((status, &body["error"]), (400, &"limit must be between 1 and 1000".into()));
}

#[tokio::test]
async fn a_session_changes_until_it_is_settled() {
    let (clock, hands) = Clock::manual();
    let now = |text: &str| {
        let to: jiff::Timestamp = text.parse().unwrap();
        hands.step_wall_clock(to.as_millisecond() - clock.unix_ms().cast_signed());
    };
    let feed = start(FeedOptions { clock: clock.clone(), ..FeedOptions::default() }).await;
    let range = "/v2/aggs/ticker/MSFT/range/1/day/2024-11-27/2024-12-31?adjusted=false";
    let bars = async || {
        let (_, body) = get(&feed, range).await;
        body["results"].as_array().unwrap().clone()
    };
    let volume = |bars: &[Value]| bars.last().unwrap()["v"].as_f64().unwrap();
    now("2024-11-29T14:00:00Z");
    let before = bars().await;
    now("2024-11-29T15:00:00Z");
    let (early, status) = (bars().await, get(&feed, "/v1/marketstatus/now").await.1);
    assert_eq!((before.len(), early.len(), &status["market"]), (1, 2, &"open".into()));
    now("2024-11-29T17:59:00Z");
    let late = bars().await;
    // A half day, which ended at one.
    now("2024-11-29T18:05:00Z");
    let closed = bars().await;
    now("2024-11-29T18:15:00Z");
    let settled = bars().await;
    let volumes = [early, late, closed, settled.clone()].map(|bars| volume(&bars));
    assert!(volumes.is_sorted() && volumes[2] < volumes[3], "{volumes:?}");
    assert_eq!(get(&feed, "/v1/marketstatus/now").await.1["market"], "closed");
    now("2024-12-02T12:00:00Z");
    assert_eq!(bars().await, settled);
    let (_, ahead) = get(&feed, "/v1/marketstatus/upcoming").await;
    assert_eq!(
        (&ahead[0]["date"], &ahead[0]["status"]),
        (&"2024-12-24".into(), &"early-close".into())
    );
    assert_eq!((&ahead[1]["date"], &ahead[1]["status"]), (&"2024-12-25".into(), &"closed".into()));
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

#[tokio::test]
async fn figures_of_the_economy_come_as_fred_would_send_them() {
    let options =
        FeedOptions { api_key: Some("k".into()), page_rows: Some(2), ..FeedOptions::default() };
    let feed = start(options).await;
    let path = "/fred/series/observations?file_type=json";
    let (status, body) = get(&feed, &format!("{path}&series_id=CPILFESL")).await;
    assert_eq!((status, &body["error_code"]), (401, &401.into()));
    let path = format!("{path}&api_key=k");
    let months = "observation_start=2000-01-01&observation_end=2000-03-01";
    let (status, body) = get(&feed, &format!("{path}&series_id=CPILFESL&{months}")).await;
    assert_eq!((status, &body["count"], &body["sort_order"]), (200, &3.into(), &"asc".into()));
    let rows = body["observations"].as_array().unwrap();
    assert_eq!(rows.len(), 2, "a page");
    assert_eq!((&rows[0]["date"], &rows[0]["value"]), (&"2000-01-01".into(), &"179.3".into()));
    let (_, body) = get(&feed, &format!("{path}&series_id=CPILFESL&{months}&offset=2")).await;
    assert_eq!(body["observations"][0]["date"], "2000-03-01");
    let day = "observation_start=2024-07-04&observation_end=2024-07-04";
    let (_, body) = get(&feed, &format!("{path}&series_id=DGS10&{day}")).await;
    assert_eq!(body["observations"][0]["value"], ".");
    let (status, body) = get(&feed, &format!("{path}&series_id=NOSUCH")).await;
    assert_eq!(status, 400);
    assert!(body["error_message"].as_str().unwrap().contains("does not exist"));
}

#[tokio::test]
async fn bars_within_the_day_come_in_pages_of_minutes() {
    let feed = start(FeedOptions::default()).await;
    let range = "/v2/aggs/ticker/AAPL/range/5/minute/2012-06-28/2012-06-29?adjusted=false";
    let (status, body) = get(&feed, range).await;
    assert_eq!((status, &body["resultsCount"]), (200, &156.into()));
    assert_eq!(body["results"][0]["t"], 1_340_890_200_000_i64, "half past nine");
    let (_, body) = get(&feed, &format!("{range}&limit=390")).await;
    assert_eq!(body["resultsCount"], 78, "390 minutes");
    let next = body["next_url"].as_str().unwrap().split_once(".io").unwrap().1;
    let (_, body) = get(&feed, next).await;
    assert_eq!(body["results"][77]["c"].as_f64(), Some(584.0), "the day's close");
    assert!(body.get("next_url").is_none());
}
