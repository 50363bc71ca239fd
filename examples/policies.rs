//! Policies in layers, changed while values are held, and taken back exactly.

use std::collections::BTreeMap;
use std::time::Duration;

use spence::{Clock, Error, PolicyLayer, Spence};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() -> Result<(), Error> {
    let (clock, hands) = Clock::manual();
    let defaults = PolicyLayer::new().jitter(0.0).ttl(60 * MINUTE);
    let spence = Spence::builder().clock(clock).defaults(defaults.clone()).build().await?;
    let quotes = spence.cache::<String, f64>("quotes").build()?;
    let key = "AAPL".to_owned();
    quotes.insert(key.clone(), 189.5).await?;
    hands.advance(10 * MINUTE);
    let tell = |when: &str| match quotes.peek(&key) {
        Some(hit) => println!("{when}: {} is {}", *hit, hit.freshness().as_str()),
        None => println!("{when}: nothing that may be served"),
    };
    tell("an hour's time to live");

    let five = PolicyLayer::new().ttl(5 * MINUTE);
    let named = BTreeMap::from([("quotes".to_owned(), five)]);
    spence.set_policies(defaults.clone(), named)?;
    tell("five minutes, for what is held too");

    spence.set_policies(defaults, BTreeMap::new())?;
    tell("and back");

    for setting in spence.explain("quotes", "AAPL").await?.policy.iter().take(3) {
        println!("  {} = {} ({})", setting.name, setting.value, setting.from);
    }
    // A call can have settings of its own.
    let strict = quotes.with(PolicyLayer::new().ttl(MINUTE));
    strict.insert(key.clone(), 190.0).await?;
    hands.advance(2 * MINUTE);
    tell("put in for a minute, two minutes ago");
    Ok(())
}
