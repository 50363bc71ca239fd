#[spence::cached(cache = "f")]
async fn f((a, b): (u32, u32)) -> Result<u32, spence::Error> { Ok(a + b) }

fn main() {}
