#[spence::cached(cache = "f", key = "x")]
async fn f(n: Vec<&str>) -> Result<u32, spence::Error> { Ok(n.len() as u32) }

fn main() {}
