#[spence::cached(cache = "f")]
async fn f(n: impl ToString) -> Result<String, spence::Error> { Ok(n.to_string()) }

fn main() {}
