//! `#[spence::cached]`: functions, async and not, and methods.

use spence::{Cache, Error, Spence};

/// A free function; its cache is found by name.
#[spence::cached(cache = "features", key = "{symbol}:{window}", tags = ["{symbol}"], ttl = "5m")]
async fn volatility(symbol: &str, window: u32) -> Result<f64, Error> {
    println!("  (computing {symbol} over {window} days)");
    Ok(symbol.len() as f64 / f64::from(window))
}

/// A function that blocks, and is called where there is no runtime.
#[spence::cached(cache = "names")]
fn company(symbol: &str) -> Result<Option<String>, Error> {
    println!("  (looking {symbol} up)");
    Ok((symbol == "AAPL").then(|| "Apple Inc".to_owned()))
}

/// A client with a cache of its own.
#[derive(Clone)]
struct Client {
    region: &'static str,
    prices: Cache<String, f64>,
}

impl Client {
    #[spence::cached(cache = self.prices, key = "{self.region}:{symbol}")]
    async fn price(&self, symbol: &str) -> Result<f64, Error> {
        println!("  (asking for {symbol} in {})", self.region);
        Ok(189.5)
    }
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let spence = Spence::builder().build().await?;
    spence.set_global()?;

    for _ in 0..2 {
        println!("volatility {}", volatility("AAPL", 20).await?);
    }
    let hit = volatility::cached("AAPL", 20).await?;
    println!("key {}, from {}", volatility::key("AAPL", 20), hit.source().as_str());
    volatility::invalidate("AAPL", 20).await?;
    println!("volatility {}", volatility("AAPL", 20).await?);

    // "Nothing there" is remembered too.
    for symbol in ["AAPL", "ZZZZ", "ZZZZ"] {
        println!("{symbol} is {:?}", company(symbol)?);
    }

    let client = Client { region: "us", prices: spence.cache("prices").build()? };
    println!("price {}", client.price("IBM").await?);
    println!("price {} under {}", client.price("IBM").await?, client.price_key("IBM"));
    client.price_invalidate("IBM").await?;
    Ok(())
}
