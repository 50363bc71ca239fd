//! What providers do now and then, and what becomes of it: a right answer, a stale one that says
//! so, or an error that says why.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use spence::{Clock, ErrorKind, Freshness, PolicyLayer, Spence};
use spence_feed::{Fault, FaultRate, Feed, FeedOptions};
use spence_market::{
    Bars, LastBars, Market, Provider, ScanOptions, Status, SurveyRequest, SurveyRow,
};

use crate::survey::{quietly, rows, told};

async fn feed(options: FeedOptions) -> Feed {
    Feed::start("127.0.0.1:0".parse().unwrap(), options).await.unwrap()
}

/// A cache whose fills may take `deadline`.
async fn market(feed: &Feed, deadline: Duration) -> (Spence, Market) {
    let policy = PolicyLayer::new()
        .ttl(Duration::from_secs(600))
        .stale_if_error(Duration::from_secs(600))
        .soft_deadline(deadline)
        .hard_deadline(deadline)
        .error_backoff(Duration::ZERO);
    let spence = Spence::builder().policy("OHLCV", policy).build().await.unwrap();
    let provider = Provider::new(&feed.base_url(), None).unwrap();
    let market = Market::new(&spence, provider, "feed").unwrap();
    (spence, market)
}

fn key(symbol: &str, bars: u32) -> LastBars {
    LastBars::new(symbol, bars, Some("2012-06-29")).unwrap()
}

fn faulty(fault: Fault, probability: f64) -> FeedOptions {
    FeedOptions { faults: vec![FaultRate { fault, probability }], ..FeedOptions::default() }
}

async fn truth(symbol: &str, bars: u32) -> Bars {
    let feed = feed(FeedOptions::default()).await;
    let (_spence, market) = market(&feed, SECOND * 10).await;
    (*market.bars(&key(symbol, bars)).await.unwrap()).clone()
}

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn every_fault_alone_is_met() {
    let expected = truth("AAPL", 90).await;
    for rate in FaultRate::all(0.5) {
        let feed = feed(faulty(rate.fault, rate.probability)).await;
        let (spence, market) = market(&feed, SECOND * 10).await;
        for _ in 0..3 {
            let bars = market.bars(&key("AAPL", 90)).await.unwrap();
            assert_eq!(*bars, expected, "{rate}");
            spence.clear().await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_fault_that_never_ends_is_an_error_that_says_which() {
    for (fault, expected) in [
        (Fault::RateLimited, "provider limit reached"),
        (Fault::ServerError, "provider error 50"),
        (Fault::NullResults, "90 results announced, 0 given"),
        (Fault::Truncated, "broken off"),
        (Fault::Reset, "broken off"),
        (Fault::SlowDrip, "no answer within"),
    ] {
        let feed = feed(faulty(fault, 1.0)).await;
        let (_spence, market) = market(&feed, SECOND).await;
        let error = market.bars(&key("AAPL", 90)).await.unwrap_err();
        let told = error.to_string();
        let in_time = error.kind() == ErrorKind::Deadline || told.contains(expected);
        assert!(in_time, "{fault:?}: {told}");
        assert!(feed.calls().total() <= 12, "{fault:?}: {} calls", feed.calls().total());
    }
    // What will not change is not asked for again.
    let options = FeedOptions { api_key: Some("key".into()), ..FeedOptions::default() };
    let feed = feed(options).await;
    let (_spence, market) = market(&feed, SECOND).await;
    let error = market.bars(&key("AAPL", 90)).await.unwrap_err();
    assert!(error.to_string().contains("refused the key"), "{error}");
    assert_eq!(feed.calls().total(), 1);
}

#[tokio::test]
async fn pages_are_followed_by_path_and_query_through_limits_in_their_midst() {
    let expected = truth("AAPL", 1000).await;
    let paged = || FeedOptions { page_rows: Some(150), ..FeedOptions::default() };
    let whole = feed(paged()).await;
    let (_spence, on_pages) = market(&whole, SECOND * 10).await;
    assert_eq!(*on_pages.bars(&key("AAPL", 1000)).await.unwrap(), expected);
    assert_eq!(whole.calls().total(), 7);
    // A question that is answered by the first page costs one call.
    assert_eq!(on_pages.bars(&key("IBM", 90)).await.unwrap().len(), 90);
    assert_eq!(whole.calls().total(), 8);

    // A row that comes twice is one bar, wherever a page ends.
    let faults = vec![FaultRate { fault: Fault::DuplicateRow, probability: 1.0 }];
    let twice = feed(FeedOptions { faults, page_rows: Some(5), ..FeedOptions::default() }).await;
    let (_spence, doubled) = market(&twice, SECOND * 10).await;
    for bars in [4, 5, 6, 11] {
        let expected = truth("AAPL", bars).await;
        assert_eq!(*doubled.bars(&key("AAPL", bars)).await.unwrap(), expected);
    }

    let faults = vec![FaultRate { fault: Fault::RateLimited, probability: 0.3 }];
    let limited = feed(FeedOptions { faults, ..paged() }).await;
    let (_spence, through_limits) = market(&limited, SECOND * 30).await;
    assert_eq!(*through_limits.bars(&key("AAPL", 1000)).await.unwrap(), expected);
    assert!(limited.calls().limited() > 0);
}

#[tokio::test]
async fn one_bucket_of_calls_for_a_key_whoever_calls() {
    let feed = feed(FeedOptions::default()).await;
    let five = NonZeroU32::new(5).unwrap();
    let provider = || Provider::new(&feed.base_url(), Some("key")).unwrap().calls_per_minute(five);
    let mut served = 0;
    for provider in [provider(), provider()] {
        let policy = PolicyLayer::new().hard_deadline(SECOND / 5);
        let spence = Spence::builder().policy("OHLCV", policy).build().await.unwrap();
        let market = Market::new(&spence, provider, "feed").unwrap();
        for bars in 1..=4 {
            match market.bars(&key("IBM", bars)).await {
                Ok(_) => served += 1,
                Err(error) => {
                    assert!(error.to_string().contains("calls_per_minute"), "{error}");
                }
            }
        }
    }
    assert_eq!((served, feed.calls().total()), (5, 5));
}

#[tokio::test]
async fn what_may_be_spent_in_a_day_is_spent_once_also_across_restarts() {
    let (clock, hands) = Clock::manual();
    let feed = feed(FeedOptions { clock: clock.clone(), ..FeedOptions::default() }).await;
    let dir = tempfile::tempdir().unwrap();
    let mut served = Vec::new();
    // Two processes on one day, and one on the next.
    for hours in [0, 1, 25] {
        hands.step_wall_clock(hours * 3_600_000);
        let builder = Spence::builder().clock(clock.clone()).disk(dir.path(), 16_000_000);
        let spence = builder.build().await.unwrap();
        let most = NonZeroU32::new(5).unwrap();
        let provider = Provider::new(&feed.base_url(), None).unwrap().calls_per_day(most);
        let market = Market::new(&spence, provider, "feed").unwrap();
        let left = market.calls_left().await.unwrap();
        let mut fetched = 0;
        for bars in 1..=3 {
            match market.bars(&key("AAPL", bars + 10 * served.len() as u32)).await {
                Ok(_) => fetched += 1,
                Err(error) => {
                    assert!(error.to_string().contains("all 5 calls of 2020-09-13"), "{error}");
                }
            }
        }
        served.push((left, fetched));
        spence.close().await;
    }
    assert_eq!(served, [(5, 3), (2, 2), (5, 3)]);
    assert_eq!(feed.calls().total(), 8);
}

/// A thousand requests over some symbols while every fault strikes one call in twenty; every tenth
/// answer is expired, so that stale ones can be served.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_every_fault_at_5_percent_a_thousand_requests_are_answered_rightly() {
    let faults = FaultRate::all(0.05);
    let feed = feed(FeedOptions { faults, page_rows: Some(60), ..FeedOptions::default() }).await;
    let (spence, market) = market(&feed, SECOND * 16).await;
    let symbols: Vec<String> = (0..100).map(name_of).collect();
    let mut expected = HashMap::new();
    for symbol in &symbols {
        expected.insert(symbol.clone(), truth(symbol, 90).await);
    }
    let mut stale = 0;
    for round in 0..10 {
        let tasks: Vec<_> = symbols
            .iter()
            .map(|symbol| {
                let (market, symbol) = (market.clone(), symbol.clone());
                tokio::spawn(async move { (market.bars(&key(&symbol, 90)).await, symbol) })
            })
            .collect();
        for task in tasks {
            let (answer, symbol) = task.await.unwrap();
            let bars = answer.unwrap_or_else(|error| panic!("{symbol}: {error}"));
            assert_eq!(*bars, expected[&symbol], "{symbol}");
            stale += u32::from(bars.freshness() != Freshness::Fresh);
        }
        for symbol in symbols.iter().skip(round).step_by(10) {
            spence.expire(&spence::Target::Tag(symbol.clone())).await.unwrap();
        }
    }
    let stats = spence.stats().total;
    let calls = feed.calls().total();
    println!(
        "1000 requests: {} fills, {calls} calls, {stale} stale, {} fills failed",
        stats.origin_calls, stats.origin_errors
    );
    // 190 fills of two pages each; about a third of the calls are struck.
    assert!(stats.origin_calls == 190 && calls <= 760, "{calls} calls");
    assert!(u64::from(stale) >= stats.origin_errors.min(1));
}

/// What a scan of the same symbols says without faults, and what it says with them.
async fn surveyed(options: FeedOptions, deadline: Duration) -> (Vec<SurveyRow>, u64) {
    let sound = feed(FeedOptions { symbols: 102, ..FeedOptions::default() }).await;
    let mut symbols = market(&sound, SECOND * 10).await.1.listed(usize::MAX, true).await.unwrap().0;
    symbols.retain(|symbol| !["AAPL", "IBM"].contains(&symbol.as_str()));
    let feed = feed(FeedOptions { symbols: 102, ..options }).await;
    let (spence, market) = market(&feed, deadline).await;
    let options = ScanOptions { bars: 40, ..ScanOptions::default() };
    let end = Some("2024-11-29".parse().unwrap());
    let request =
        SurveyRequest { symbols, options, end, may_call: true, time_limit: Duration::MAX };
    let survey = Arc::new(market.survey(request, quietly()).await);
    let rows = rows(&survey).await;
    spence.close().await;
    (rows, feed.calls().total())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_every_fault_at_5_percent_a_scan_says_what_it_says_without() {
    let (expected, calls) = surveyed(FeedOptions::default(), SECOND * 10).await;
    assert_eq!(calls, 42, "sessions, splits and the listing");
    let faults = FaultRate::all(0.05);
    let (rows, calls) =
        surveyed(FeedOptions { faults, ..FeedOptions::default() }, SECOND * 10).await;
    let others: Vec<_> = rows.iter().filter(|row| row.status != Status::Ok).collect();
    assert!(others.is_empty(), "{:?}", others.first());
    assert_eq!((rows.len(), told(&rows)), (100, told(&expected)));
    assert!(calls > 41, "some were made again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_only_sends_garbage_is_not_believed_and_every_symbol_says_so() {
    // Too short for a fourth try, after which a row that cannot be is kept apart and the others are
    // believed.
    let deadline = SECOND / 2;
    for fault in [Fault::GarbageRow, Fault::MissingResults] {
        let (rows, _) = surveyed(faulty(fault, 1.0), deadline).await;
        assert_eq!(rows.len(), 100);
        for row in rows {
            assert!(row.status == Status::Failed && row.scored.is_none(), "{row:?}");
            assert!(row.reason.unwrap().starts_with("origin failed: provider answer"));
        }
    }
}

fn name_of(number: u32) -> String {
    format!("S{}{}", letter(number / 10), letter(number % 10))
}

fn letter(number: u32) -> char {
    char::from_digit(number + 10, 36).unwrap().to_ascii_uppercase()
}
