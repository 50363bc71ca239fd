//! Freshness over the end of a session: never a part of a day served as all of it.

use std::time::Duration;

use jiff::Timestamp;
use spence::{Clock, PolicyLayer, Spence, Ttl};
use spence_calendar::ExchangeCalendar;
use spence_feed::{Feed, FeedOptions};
use spence_market::{LastBars, Market, Provider};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_day_is_asked_for_until_it_is_settled_and_then_not_until_the_next_opens() {
    let (clock, hands) = Clock::manual();
    let at = |text: &str| text.parse::<Timestamp>().unwrap().as_millisecond();
    hands.step_wall_clock(at("2024-11-29T17:58:00Z") - clock.unix_ms().cast_signed());
    let options = FeedOptions { clock: clock.clone(), ..FeedOptions::default() };
    let feed = Feed::start("127.0.0.1:0".parse().unwrap(), options).await.unwrap();
    let ttl = Ttl::BySession { open: MINUTE * 5, closed: MINUTE * 60 * 24 };
    let policy = PolicyLayer::new().ttl(ttl).jitter(0.0).calendar(Some("XNYS".into()));
    let new_york = ExchangeCalendar::named("XNYS").unwrap();
    let spence = Spence::builder().clock(clock.clone()).calendar("XNYS", new_york);
    let spence = spence.policy("OHLCV", policy).build().await.unwrap();
    let provider = Provider::new(&feed.base_url(), None).unwrap();
    // Nobody moves the clock while calls wait for their turn.
    let provider = provider.calls_per_minute(std::num::NonZeroU32::MAX);
    let market = Market::new(&spence, provider, "feed").unwrap();
    let key = LastBars::new("MSFT", 1, None).unwrap();
    let past = LastBars::new("MSFT", 1, Some("2024-11-27")).unwrap();
    market.bars(&past).await.unwrap();

    let (mut seen, mut calls) = (Vec::new(), feed.calls().total());
    // Every minute of an hour about the close at one, of a half day; then every hour to Monday.
    let steps = (0..60).map(|_| MINUTE).chain((0..70).map(|_| MINUTE * 60));
    for step in steps {
        let bars = market.bars(&key).await.unwrap();
        if feed.calls().total() > calls {
            calls = feed.calls().total();
            let now = Timestamp::from_millisecond(clock.unix_ms().cast_signed()).unwrap();
            let now = now.strftime("%m-%d %H:%M");
            seen.push(format!("{now} {} {}", bars[0].date, bars[0].volume));
        }
        hands.advance(step);
    }
    insta::assert_snapshot!(seen.join("\n"));
    market.bars(&past).await.unwrap();
    assert_eq!(feed.calls().total(), calls, "what is over does not change");
    spence.close().await;
}
