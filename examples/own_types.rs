//! Keys and values of one's own, and what happens to stored values when their type changes.

use serde::{Deserialize, Serialize};
use spence::{Cache, Error, Key, Spence, Weigh};

#[derive(Clone, PartialEq, Eq)]
struct BarKey {
    symbol: String,
    bars: u32,
}

impl Key for BarKey {
    type Kept = spence::key::Whole<Self>;
    const ARITY: usize = 2;

    fn parts(&self, feed: &mut impl FnMut(&str)) {
        feed(&self.symbol);
        spence::key::feed_integer(self.bars, feed);
    }
}

#[derive(Serialize, Deserialize)]
struct Bars {
    closes: Vec<f64>,
}

impl Weigh for Bars {
    fn heap_bytes(&self) -> usize {
        self.closes.heap_bytes()
    }
}

/// Count the schema up when `Bars` changes: what was stored under another is a miss.
async fn open(dir: &std::path::Path, schema: u32) -> Result<(Spence, Cache<BarKey, Bars>), Error> {
    let spence = Spence::builder().disk(dir, 100_000_000).build().await?;
    let bars = spence.cache("bars").schema(schema).build()?;
    Ok((spence, bars))
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let key = BarKey { symbol: "BRK:A".to_owned(), bars: 3 };
    println!("canonical text: {}", key.canonical());

    let (spence, bars) = open(dir.path(), 1).await?;
    bars.insert(key.clone(), Bars { closes: vec![1.0, 2.0, 3.0] }).await?;
    println!("weighs {} bytes in memory", spence.stats().total.memory_bytes);
    spence.close().await;
    drop((spence, bars));

    let (spence, bars) = open(dir.path(), 1).await?;
    println!("schema 1: {:?}", bars.get(&key).await.map(|hit| hit.closes.clone()));
    spence.close().await;
    drop((spence, bars));

    let (spence, bars) = open(dir.path(), 2).await?;
    println!("schema 2: {:?}", bars.get(&key).await.map(|hit| hit.closes.clone()));
    spence.close().await;
    Ok(())
}
