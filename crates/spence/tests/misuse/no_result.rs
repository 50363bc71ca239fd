#[spence::cached(cache = "f")]
async fn f(n: u32) -> u32 { n }

fn main() {}
