//! Makes `crates/spence-acg/data/ephemeris.bin` (`make`), and asks the theories at random instants
//! whether the tables still say what they say (`check INSTANTS`; `SPENCE_SEED` chooses them).

mod check;
mod fit;
mod make;
mod theories;

use anyhow::bail;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["make"] => make::tables(),
        ["check", count] => check::instants(count.parse()?, seed()?),
        _ => bail!("usage: spence-ephemeris make | check INSTANTS"),
    }
}

fn seed() -> anyhow::Result<u64> {
    Ok(std::env::var("SPENCE_SEED").map_or(Ok(1), |seed| seed.parse())?)
}
