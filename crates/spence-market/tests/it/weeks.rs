//! Weeks told by the clock: what a scan that is made again and again fetches when. Never a part of
//! a session that is called final, never a call that could not bring anything new.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use spence_market::{LastBars, Market, ScanOptions, SurveyRequest, Symbol};

use crate::survey::{Bench, quietly, rows};

/// A symbol of the feed that is split on Friday, 2024-11-15.
const SPLIT: &str = "AHAC";

/// As many as it takes for that one to be among them.
const LISTED: usize = 5_000;

fn request() -> SurveyRequest {
    let symbols = [SPLIT, "AABA", "AAEL", "AAIW"].map(|name| Symbol::new(name).unwrap()).to_vec();
    let options = ScanOptions { bars: 25, ..ScanOptions::default() };
    SurveyRequest { symbols, options, end: None, may_call: true, time_limit: Duration::MAX }
}

/// Scans at a quarter past every second hour, and tells of each time at which calls were made: how
/// many, the newest session and whether it is final, and for the symbol that is split its return.
async fn told(from: &str, to: &str) -> String {
    let bench = Bench::with(from, LISTED).await;
    let (spence, market) = bench.market(None, None).await;
    // Who is listed is known, as it is to a scan of all that are.
    market.listed(usize::MAX, true).await.unwrap();
    let zone = TimeZone::get("America/New_York").unwrap();
    let end: Timestamp = to.parse().unwrap();
    let mut lines =
        vec![format!("{:16} {:>5} {:10} {:7} {:>7}", "New York", "calls", "session", "", "return")];
    loop {
        let now = Timestamp::from_millisecond(bench.clock.unix_ms().cast_signed()).unwrap();
        if now > end {
            break;
        }
        let before = bench.calls();
        let survey = Arc::new(market.survey(request(), quietly()).await);
        let calls = bench.calls() - before;
        let told = rows(&survey).await;
        let row = told.first().unwrap();
        let (as_of, score) = row.scored.as_ref().unwrap();
        if calls > 0 {
            let state = if row.is_final { "final" } else { "partial" };
            let time = now.to_zoned(zone.clone()).strftime("%a %m-%d %H:%M").to_string();
            let change = score.features().ret_1d * 100.0;
            lines.push(format!("{time:16} {calls:5} {as_of} {state:7} {change:6.1}%"));
        }
        check_final(&market, &bench, row.is_final).await;
        bench.hands.advance(Duration::from_secs(2 * 3600));
    }
    spence.close().await;
    lines.join("\n")
}

/// What is called final is what the feed says for good.
async fn check_final(market: &Market, bench: &Bench, is_final: bool) {
    let last = LastBars::new(SPLIT, 1, None).unwrap();
    let held = market.bars(&last).await.unwrap();
    assert_eq!(held.is_final(), is_final);
    if is_final {
        let after = Bench::with("2026-01-05T12:00:00Z", LISTED).await;
        let (_spence, market) = after.market(None, None).await;
        let end = held.last().unwrap().date.to_string();
        let truth = market.bars(&LastBars::new(SPLIT, 1, Some(&end)).unwrap()).await.unwrap();
        assert_eq!(**held, **truth, "at {}", bench.clock.unix_ms());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_the_end_of_summer_time() {
    insta::assert_snapshot!(told("2024-11-01T11:15:00Z", "2024-11-05T02:00:00Z").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_a_split() {
    insta::assert_snapshot!(told("2024-11-14T12:15:00Z", "2024-11-16T06:00:00Z").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_a_holiday_a_half_day_and_a_weekend() {
    insta::assert_snapshot!(told("2024-11-27T12:15:00Z", "2024-12-02T22:00:00Z").await);
}
