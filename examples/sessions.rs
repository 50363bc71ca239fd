//! Freshness that knows trading sessions: the close itself ends the freshness.

use std::time::Duration;

use spence::{Calendar, Clock, Error, Fill, Phase, PolicyLayer, Spence, Ttl};

const HOUR_MS: u64 = 3_600_000;

/// Open from 14:00 to 21:00 UTC, every day.
struct EveryDay;

impl Calendar for EveryDay {
    fn phase(&self, unix_ms: u64) -> Option<Phase> {
        let (day, hour) = (unix_ms / (24 * HOUR_MS) * 24, unix_ms / HOUR_MS % 24);
        let (open, until) = match hour {
            0..14 => (false, day + 14),
            14..21 => (true, day + 21),
            _ => (false, day + 38),
        };
        Some(Phase { open, until_ms: until * HOUR_MS })
    }
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    // It stands at 12:26:40 UTC.
    let (clock, hands) = Clock::manual();
    let spence = Spence::builder().clock(clock).calendar("DAILY", EveryDay).build().await?;
    let (minute, hour) = (Duration::from_secs(60), Duration::from_secs(3600));
    let ttl = Ttl::BySession { open: 5 * minute, closed: 24 * hour };
    let policy = PolicyLayer::new().ttl(ttl).calendar(Some("DAILY".into())).jitter(0.0);
    let bars = spence.cache::<String, &'static str>("bars").memory_only();
    let bars = bars.weigher(|_| 0).settings(policy).build()?;
    let key = "AAPL".to_owned();

    for (at, wait) in [("12:26", 2 * hour), ("14:26", 6 * hour + 31 * minute), ("20:57", hour)] {
        let fetch = |_| async { Ok::<_, Error>(Fill::new("bars")) };
        bars.get_or_fetch(&key, fetch).await?;
        let held = spence.explain("bars", "AAPL").await?.memory.expect("it was just put in");
        println!("fetched at {at}: fresh for {:.0?}", held.fresh_for);
        hands.advance(wait);
    }
    Ok(())
}
