struct S(spence::Cache<String, u32>);
impl S {
    #[spence::cached(cache = self.0)]
    async fn f(&self, n: u32) -> Result<u32, spence::Error> { Ok(n) }
}

fn main() {}
