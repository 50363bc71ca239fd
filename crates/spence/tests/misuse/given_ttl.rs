#[spence::cached(cache = cache, ttl = "5m")]
async fn f(cache: spence::Cache<String, u32>, n: u32) -> Result<u32, spence::Error> { Ok(n) }

fn main() {}
