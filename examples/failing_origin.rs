//! An origin that fails: stale values stand in for it, labelled so; "not found" is an answer.

use std::time::Duration;

use spence::{Clock, Error, Fill, PolicyLayer, Spence};

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::main]
async fn main() -> Result<(), Error> {
    // A clock that this program moves by hand.
    let (clock, hands) = Clock::manual();
    let spence = Spence::builder().clock(clock).build().await?;
    let policy = PolicyLayer::new().ttl(HOUR).stale_if_error(24 * HOUR);
    let rates = spence.cache::<String, f64>("rates").settings(policy).build()?;
    let key = "TREASURY_3M".to_owned();
    let works = |_| async { Ok::<_, std::io::Error>(Fill::new(5.25)) };
    let fails = |_| async { Err::<Fill<f64>, _>(std::io::Error::other("connection refused")) };

    rates.get_or_fetch(&key, works).await?;
    hands.advance(2 * HOUR);
    let hit = rates.get_or_fetch(&key, fails).await?;
    println!("{} is {}, {:.0?} old", *hit, hit.freshness().as_str(), hit.age());
    println!("because: {}", hit.stale_cause().expect("a stale value says why"));

    hands.advance(24 * HOUR);
    let error = rates.get_or_fetch(&key, fails).await.expect_err("it is too old to stand in");
    println!("a day later: {} ({})", error, error.kind().as_str());

    // What the origin says it does not have is remembered, for as long as `negative_ttl` says.
    let nothing = |_| async { Ok::<_, std::io::Error>(Fill::<f64>::not_found()) };
    let unknown = "TREASURY_7W".to_owned();
    let error = rates.get_or_fetch(&unknown, nothing).await.expect_err("there is nothing");
    println!("{unknown}: {}", error.kind().as_str());
    let error = rates.get_or_fetch(&unknown, works).await.expect_err("remembered");
    println!("{unknown} again: {}, without a call", error.kind().as_str());
    Ok(())
}
