//! What a cache can tell about itself: figures, events, and why a key is or is not served.

use spence::{Error, Fill, Spence};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let spence = Spence::builder().build().await?;
    let mut events = spence.listen();
    let quotes = spence.cache::<String, f64>("quotes").build()?;
    let key = "AAPL".to_owned();
    let fetch = |_| async { Ok::<_, Error>(Fill::new(189.5).tags(["tech"]).cost_usd(0.0004)) };
    for _ in 0..3 {
        quotes.get_or_fetch(&key, fetch).await?;
    }
    spence.invalidate_tag("tech").await?;
    quotes.get(&key).await;

    let total = spence.stats().total;
    println!("{} hits, {} misses, rate {:.2}", total.hits, total.misses, total.hit_rate);

    let told = spence.explain("quotes", "AAPL").await?;
    println!("held: {:?}, banned by: {:?}", told.memory.map(|held| held.state), told.banned_by);
    println!("last missed: {:?}", told.last_miss.map(|miss| miss.cause.as_str()));

    spence.close().await;
    drop((quotes, spence));
    while let Some(event) = events.next().await {
        println!("event {}", event.what.as_str());
    }
    Ok(())
}
