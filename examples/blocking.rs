//! A program without a runtime: eight threads want the same, and it is computed once.

use std::sync::atomic::{AtomicU32, Ordering};

use spence::{Cache, Error, Spence};

static CALLS: AtomicU32 = AtomicU32::new(0);

#[spence::cached(cache = primes, key = "{below}")]
fn count_primes(primes: &Cache<String, u32>, below: u32) -> Result<u32, Error> {
    CALLS.fetch_add(1, Ordering::Relaxed);
    let is_prime = |n: &u32| (2..).take_while(|d| d * d <= *n).all(|d| !n.is_multiple_of(d));
    Ok((2..below).filter(is_prime).count() as u32)
}

fn main() -> Result<(), Error> {
    let spence = Spence::builder().build_blocking()?;
    let primes = spence.cache("primes").build()?;
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| count_primes(&primes, 20_000).expect("counting cannot fail"));
        }
    });
    println!("{} primes below 20000", count_primes(&primes, 20_000)?);
    println!("computed {} time(s)", CALLS.load(Ordering::Relaxed));
    Ok(())
}
