//! Memory, disk and origin: where a value comes from the first time, the second, and after a
//! restart.

use spence::{Cache, Error, Fill, Spence};

async fn open(dir: &std::path::Path) -> Result<(Spence, Cache<String, Vec<f64>>), Error> {
    let spence = Spence::builder().memory(100_000_000).disk(dir, 1_000_000_000).build().await?;
    let closes = spence.cache("closes").schema(1).build()?;
    Ok((spence, closes))
}

/// Stands for a slow and paid call.
async fn fetch(symbol: &str) -> Result<Vec<f64>, std::io::Error> {
    println!("  (asking the provider for {symbol})");
    Ok(vec![187.2, 188.1, 189.5])
}

async fn read(closes: &Cache<String, Vec<f64>>) -> Result<(), Error> {
    let key = "AAPL".to_owned();
    let hit = closes
        .get_or_fetch(&key, |cx| async move {
            Ok::<_, std::io::Error>(Fill::new(fetch(cx.key()).await?).tags(["AAPL"]))
        })
        .await?;
    println!("{} closes from {}, {}", hit.len(), hit.source().as_str(), hit.freshness().as_str());
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (spence, closes) = open(dir.path()).await?;
    read(&closes).await?;
    read(&closes).await?;
    spence.close().await;

    println!("restarted:");
    let (spence, closes) = open(dir.path()).await?;
    read(&closes).await?;
    spence.invalidate_tag("AAPL").await?;
    println!("invalidated: {:?}", closes.get(&"AAPL".to_owned()).await.map(|hit| hit.len()));
    spence.close().await;
    Ok(())
}
