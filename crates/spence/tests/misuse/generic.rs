#[spence::cached(cache = "f")]
async fn f<T: ToString>(n: T) -> Result<String, spence::Error> { Ok(n.to_string()) }

fn main() {}
