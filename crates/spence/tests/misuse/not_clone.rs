struct Chart { id: u32 }
#[spence::cached(cache = "f", key = "{chart.id}")]
async fn f(chart: &Chart) -> Result<u32, spence::Error> { Ok(1) }

fn main() {}
