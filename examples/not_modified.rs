//! Conditional requests: a value that has not changed is fresh again without being transferred.

use std::time::Duration;

use spence::{Clock, Error, Fill, FillCx, PolicyLayer, Spence};

/// Stands for a GET with `If-None-Match`; `None` stands for 304.
fn get(etag: Option<&str>) -> Option<(String, &'static str)> {
    println!("  GET, If-None-Match: {}", etag.unwrap_or("-"));
    (etag != Some("\"v1\"")).then(|| ("a large page".to_owned(), "\"v1\""))
}

async fn fetch(cx: FillCx<String, String>) -> Result<Fill<String>, Error> {
    Ok(match get(cx.etag()) {
        Some((body, etag)) => Fill::new(body).etag(etag),
        None => Fill::not_modified(),
    })
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let (clock, hands) = Clock::manual();
    let spence = Spence::builder().clock(clock).build().await?;
    let minute = Duration::from_secs(60);
    let policy = PolicyLayer::new().ttl(minute).stale_if_error(60 * minute);
    let pages = spence.cache::<String, String>("pages").settings(policy).build()?;
    let key = "/schema".to_owned();
    for _ in 0..3 {
        let page = pages.get_or_fetch(&key, fetch).await?;
        println!("{:?}, {}, {:.0?} old", *page, page.freshness().as_str(), page.age());
        hands.advance(2 * minute);
    }
    Ok(())
}
