//! Many keys at once: only what nobody has or fetches reaches the origin, in chunks.

use spence::{Batch, Error, Fill, FillCx, Fills, Source, Spence};

/// Stands for an API that takes at most a hundred symbols a call.
async fn quotes(missing: Vec<FillCx<String, f64>>) -> Result<Fills<String, f64>, Error> {
    println!("  (one call for {} symbols)", missing.len());
    let mut fills = Fills::new();
    for cx in missing {
        match cx.key().as_str() {
            "S13" => fills.fail(cx.key().clone(), "S13 is halted"),
            symbol => fills.put(symbol.to_owned(), Fill::new(symbol.len() as f64)),
        }
    }
    Ok(fills)
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let spence = Spence::builder().build().await?;
    let cache = spence.cache::<String, f64>("quotes").build()?;
    let symbols: Vec<String> = (0..250).map(|n| format!("S{n}")).collect();
    let batch = Batch::chunks(100).parallel(2);

    let answers = cache.get_many_or_fetch(&symbols, batch, quotes).await;
    let failed = answers.iter().filter_map(|answer| answer.as_ref().err());
    let failed: Vec<_> = failed.map(Error::to_string).collect();
    println!("{} answers, of which failed: {failed:?}", answers.len());

    let more: Vec<String> = (200..300).map(|n| format!("S{n}")).collect();
    let answers = cache.get_many_or_fetch(&more, batch, quotes).await;
    let held = answers.iter().flatten().filter(|hit| hit.source() == Source::Memory).count();
    println!("{} answers, {held} of them from memory", answers.len());
    Ok(())
}
