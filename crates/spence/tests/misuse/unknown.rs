#[spence::cached(cache = "f", lifetime = "5m")]
async fn f(n: u32) -> Result<u32, spence::Error> { Ok(n) }

fn main() {}
