struct Chart;
#[spence::cached(cache = "f")]
async fn f(chart: Chart) -> Result<u32, spence::Error> { Ok(1) }

fn main() {}
