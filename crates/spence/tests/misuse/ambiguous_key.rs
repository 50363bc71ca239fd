#[spence::cached(cache = "f", key = "{a}-{b}")]
async fn f(a: String, b: String) -> Result<u32, spence::Error> { Ok(1) }

fn main() {}
