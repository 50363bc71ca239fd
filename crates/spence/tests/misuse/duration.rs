#[spence::cached(cache = "f", ttl = "5 minuets")]
async fn f(n: u32) -> Result<u32, spence::Error> { Ok(n) }

fn main() {}
