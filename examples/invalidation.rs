//! Taking values out of service: by key, tag, prefix and glob; and what a dry run would reach.

use spence::{Error, Fill, Spence, Target};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let spence = Spence::builder().build().await?;
    let features = spence.cache::<(String, u32), f64>("features").build()?;
    for symbol in ["AAPL", "IBM", "MSFT"] {
        for window in [5, 20] {
            let fill = Fill::new(f64::from(window)).tags([symbol]);
            features.insert_fill((symbol.to_owned(), window), fill).await?;
        }
    }
    let held = || {
        let keys = ["AAPL", "IBM", "MSFT"].into_iter().flat_map(|s| [(s, 5), (s, 20)]);
        let held = keys.filter(|(s, w)| features.peek(&((*s).to_owned(), *w)).is_some());
        held.map(|(s, w)| format!("{s}:{w}")).collect::<Vec<_>>().join(" ")
    };
    println!("held:              {}", held());

    features.invalidate(&("AAPL".to_owned(), 5)).await?;
    println!("key AAPL:5 gone:   {}", held());

    spence.invalidate_tag("IBM").await?;
    println!("tag IBM gone:      {}", held());

    let twenties = Target::Glob { namespace: "features".into(), pattern: "*:20".into() };
    println!("*:20 would reach {} in memory", spence.reach(&twenties).await?.memory);
    spence.invalidate(&twenties).await?;
    println!("glob *:20 gone:    {}", held());

    let scope = spence.clear().await?;
    println!("all gone:          {} (scope: {})", held(), scope.as_str());
    Ok(())
}
