//! What is asked for every day is fetched as soon as it is final.

use std::num::NonZeroU32;
use std::time::Duration;

use jiff::Timestamp;
use spence::{Clock, PolicyLayer, Source, Spence, Ttl};
use spence_calendar::ExchangeCalendar;
use spence_feed::{Feed, FeedOptions};
use spence_market::{LastBars, Market, Provider};

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn what_is_asked_every_day_is_there_before_it_is_asked_for() {
    let (clock, hands) = Clock::manual();
    let at = |text: &str| text.parse::<Timestamp>().unwrap().as_millisecond();
    // A Tuesday, an hour after the opening.
    hands.step_wall_clock(at("2024-11-19T15:30:00Z") - clock.unix_ms().cast_signed());
    let options = FeedOptions { clock: clock.clone(), ..FeedOptions::default() };
    let feed = Feed::start("127.0.0.1:0".parse().unwrap(), options).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let open = async || {
        let ttl = Ttl::BySession { open: HOUR / 12, closed: HOUR * 24 };
        let policy = PolicyLayer::new().ttl(ttl).jitter(0.0).calendar(Some("XNYS".into()));
        let new_york = ExchangeCalendar::named("XNYS").unwrap();
        let spence = Spence::builder().clock(clock.clone()).calendar("XNYS", new_york);
        let spence = spence.disk(dir.path(), 10_000_000).policy("OHLCV", policy);
        let spence = spence.build().await.unwrap();
        let provider = Provider::new(&feed.base_url(), None).unwrap();
        let provider = provider.calls_per_minute(NonZeroU32::MAX);
        let market = Market::new(&spence, provider, "feed").unwrap();
        let keeping = tokio::spawn({
            let market = market.clone();
            async move { market.keep_ahead().await }
        });
        (spence, market, keeping)
    };
    let (spence, market, keeping) = open().await;
    let ask = async |market: &Market, symbol: &str| {
        let calls = feed.calls().total();
        let question = LastBars::new(symbol, 5, None).unwrap();
        let bars = market.bars(&question).await.unwrap();
        let day = bars.last().unwrap().date.to_string();
        (day, bars.is_final(), bars.source(), feed.calls().total() - calls)
    };
    let pass = async |hours: u32| {
        for _ in 0..hours {
            hands.advance(HOUR);
            // A call that is under way is answered meanwhile.
            Clock::system().sleep(Duration::from_millis(100)).await;
        }
    };
    for symbol in ["MSFT", "IBM", "AABD"] {
        ask(&market, symbol).await;
    }
    let calls = feed.calls().total();
    pass(24).await;
    assert_eq!(feed.calls().total(), calls, "one day is not every day");
    // On Wednesday only two of them are asked for.
    ask(&market, "MSFT").await;
    ask(&market, "AABD").await;
    let calls = feed.calls().total();
    pass(10).await;
    assert_eq!(feed.calls().total(), calls + 2, "each alone: nobody knows whether they are listed");
    let day = "2024-11-20".to_owned();
    for symbol in ["MSFT", "AABD"] {
        assert_eq!(ask(&market, symbol).await, (day.clone(), true, Source::Memory, 0));
    }
    pass(14).await;
    // What was asked for is remembered across a restart, up to when it was last fetched ahead.
    keeping.abort();
    spence.close().await;
    let (spence, market, keeping) = open().await;
    ask(&market, "MSFT").await;
    let calls = feed.calls().total();
    pass(10).await;
    assert_eq!(feed.calls().total(), calls + 1);
    let (day, is_final, _, calls) = ask(&market, "MSFT").await;
    assert_eq!((day.as_str(), is_final, calls), ("2024-11-21", true, 0));
    keeping.abort();
    spence.close().await;
}
