#[spence::cached(cache = "f", key = "{a")]
async fn f(a: String) -> Result<u32, spence::Error> { Ok(1) }

fn main() {}
