#[spence::cached(cache = "f")]
struct S;

fn main() {}
