#[spence::cached(cache = "f")]
async fn f(n: u32) {}

fn main() {}
