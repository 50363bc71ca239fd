#[spence::cached(cache = "f")]
async fn f(n: &mut u32) -> Result<u32, spence::Error> { Ok(*n) }

fn main() {}
