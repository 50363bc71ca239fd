//! Nobody waits for the origin: stale-while-revalidate after the expiry, eager refresh before it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use spence::{Cache, Clock, Error, Fill, Freshness, PolicyLayer, Spence};

const MILLI: Duration = Duration::from_millis(1);

/// Reads every 10 ms for 1.2 s; fills take 100 ms.
async fn read(name: &str, cache: &Cache<String, u32>) -> Result<(), Error> {
    let calls = Arc::new(AtomicU32::new(0));
    let (mut slow, mut stale, clock) = (0, 0, Clock::system());
    let key = "dashboard".to_owned();
    for _ in 0..120 {
        let (calls, origin, started) = (Arc::clone(&calls), clock.clone(), clock.stopwatch());
        let hit = cache
            .get_or_fetch(&key, |_| async move {
                origin.sleep(100 * MILLI).await;
                Ok::<_, Error>(Fill::new(calls.fetch_add(1, Ordering::Relaxed)))
            })
            .await?;
        slow += u32::from(started.elapsed() > 50 * MILLI);
        stale += u32::from(hit.freshness() != Freshness::Fresh);
        clock.sleep(10 * MILLI).await;
    }
    let calls = calls.load(Ordering::Relaxed);
    println!("{name:24} {calls} calls, {slow} reads waited, {stale} were stale");
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let spence = Spence::builder().build().await?;
    let base = PolicyLayer::new().ttl(500 * MILLI);
    let cache = |name: &str, settings| spence.cache(name).settings(settings).build();
    read("plain", &cache("plain", base.clone())?).await?;
    let stale = base.clone().stale_while_revalidate(500 * MILLI);
    read("stale-while-revalidate", &cache("stale", stale)?).await?;
    read("eager refresh", &cache("eager", base.eager_refresh(1.0))?).await?;
    Ok(())
}
