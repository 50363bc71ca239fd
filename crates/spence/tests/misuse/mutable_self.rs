struct S(spence::Cache<String, u32>);
impl S {
    #[spence::cached(cache = self.0, key = "one")]
    async fn f(&mut self) -> Result<u32, spence::Error> { Ok(1) }
}

fn main() {}
