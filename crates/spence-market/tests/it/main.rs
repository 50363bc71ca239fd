//! Bars through the cache from the stand-in feed: what is answered, and what reaches the provider.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod data;
mod demand;
mod faults;
mod golden;
mod quality;
mod sessions;
mod survey;
mod weeks;

use std::time::Duration;

use spence::{Freshness, PolicyLayer, Source, Spence, StaleReason};
use spence_feed::{Feed, FeedOptions};
use spence_market::{LastBars, Market, Provider, ProviderError};

async fn feed() -> Feed {
    Feed::start("127.0.0.1:0".parse().unwrap(), FeedOptions::default()).await.unwrap()
}

async fn market(feed: &Feed, stale_if_error: Duration) -> (Spence, Market) {
    let policy = PolicyLayer::new().ttl(Duration::from_secs(60)).stale_if_error(stale_if_error);
    let spence = Spence::builder().policy("OHLCV", policy).build().await.unwrap();
    let provider = Provider::new(&feed.base_url(), None).unwrap();
    let market = Market::new(&spence, provider, "feed").unwrap();
    (spence, market)
}

#[tokio::test]
async fn bars_equal_the_file_and_cost_a_call_at_most() {
    let feed = feed().await;
    let (_spence, market) = market(&feed, Duration::ZERO).await;
    let csv = include_str!("../../../spence-feed/data/AAPL.csv");
    let rows: Vec<&str> = csv.lines().skip(1).collect();
    for (end, count) in
        [("2012-06-29", 90), ("2013-03-01", 3270), ("2000-03-10", 90), ("2005-03-06", 9)]
    {
        let key = LastBars::new("AAPL", count, Some(end)).unwrap();
        let bars = market.bars(&key).await.unwrap();
        let upto = rows.iter().take_while(|row| &row[..10] <= end).count();
        let expected = &rows[upto.saturating_sub(count as usize)..upto];
        assert_eq!(bars.len(), expected.len(), "{end}");
        for (bar, row) in bars.iter().zip(expected) {
            let text = format!("{:?}", (bar.open, bar.high, bar.low, bar.close, bar.volume));
            let fields: Vec<f64> = row[11..].split(',').map(|f| f.parse().unwrap()).collect();
            let told = format!("{:?}", (fields[0], fields[1], fields[2], fields[3], fields[4]));
            assert_eq!((bar.date.to_string().as_str(), text), (&row[..10], told));
        }
    }
    assert_eq!(feed.calls().total(), 3, "what is known is not asked for again");
}

#[tokio::test]
async fn without_an_end_the_last_bars_are_given() {
    let feed = feed().await;
    let (_spence, market) = market(&feed, Duration::ZERO).await;
    let last = async |symbol| {
        let bars = market.bars(&LastBars::new(symbol, 5, None).unwrap()).await.unwrap();
        (bars.len(), bars.last().unwrap().date.to_string())
    };
    assert_eq!(last("aapl").await, (5, "2013-03-01".into()));
    let (count, date) = last("MSFT").await;
    assert_eq!(count, 5);
    assert!(date.as_str() > "2026", "{date}");
}

#[tokio::test]
async fn a_symbol_that_the_provider_does_not_know_is_asked_for_once() {
    let feed = feed().await;
    let (_spence, market) = market(&feed, Duration::ZERO).await;
    let key = LastBars::new("NOSUCH", 5, None).unwrap();
    for _ in 0..3 {
        assert!(market.bars(&key).await.unwrap_err().is_not_found());
    }
    assert_eq!(feed.calls().total(), 1);
}

#[tokio::test]
async fn with_the_provider_gone_what_is_held_is_served_as_stale() {
    let feed = feed().await;
    let (spence, market) = market(&feed, Duration::from_secs(3600)).await;
    let key = LastBars::new("IBM", 5, Some("2010-01-29")).unwrap();
    market.bars(&key).await.unwrap();
    drop(feed);
    assert_eq!(market.bars(&key).await.unwrap().source(), Source::Memory);
    let target = spence::Target::Key { namespace: "OHLCV".into(), key: "IBM:1d".into() };
    spence.expire(&target).await.unwrap();
    let stale = market.bars(&key).await.unwrap();
    assert_eq!(stale.freshness(), Freshness::Stale(StaleReason::OriginFailed));
    assert!(stale.stale_cause().unwrap().to_string().contains("provider unreachable"));

    // There are fewer than asked for, and that is said too.
    let more = LastBars::new("IBM", 6, Some("2010-01-29")).unwrap();
    let short = market.bars(&more).await.unwrap();
    assert_eq!((short.len(), short.freshness().is_stale(), short.is_final()), (5, true, false));

    let other = LastBars::new("AAPL", 6, Some("2010-01-29")).unwrap();
    let error = market.bars(&other).await.unwrap_err();
    let cause = error.downcast_ref::<ProviderError>().unwrap();
    assert!(matches!(cause, ProviderError::Unreachable(_)));
}
