//! `#[spence::cached]`: functions, async and not, free and methods.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use spence::{Cache, Clock, Error, ErrorKind, Freshness, PolicyLayer, Source, Spence};

static CALLS: AtomicU32 = AtomicU32::new(0);

/// A cache, and how often its functions were called.
#[derive(Clone)]
struct Numbers {
    kept: Cache<String, u64>,
    calls: Arc<AtomicU32>,
}

impl Numbers {
    fn on(spence: &Spence) -> Self {
        Self { kept: spence.cache("numbers").build().unwrap(), calls: Arc::default() }
    }

    async fn new() -> Self {
        Self::on(&Spence::builder().build().await.unwrap())
    }

    fn count(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    fn calls(&self) -> u32 {
        self.calls.load(Ordering::Relaxed)
    }
}

#[spence::cached(cache = numbers.kept, key = "doubled:{number}")]
async fn doubled(numbers: &Numbers, number: u64) -> Result<u64, Error> {
    numbers.count();
    Ok(number * 2)
}

#[spence::cached(cache = numbers.kept, key = "squared:{number}")]
fn squared(numbers: &Numbers, number: u64) -> Result<u64, Error> {
    numbers.count();
    match number {
        13 => panic!("unlucky"),
        number => Ok(number * number),
    }
}

#[tokio::test]
async fn a_function_is_called_once_for_the_same_arguments() {
    let numbers = Numbers::new().await;
    assert_eq!(doubled(&numbers, 21).await.unwrap(), 42);
    assert_eq!(doubled(&numbers, 21).await.unwrap(), 42);
    assert_eq!(doubled(&numbers, 4).await.unwrap(), 8);
    assert_eq!(numbers.calls(), 2);
    assert_eq!(doubled::key(&numbers, 21), "doubled:21");

    let hit = doubled::cached(&numbers, 21).await.unwrap();
    assert_eq!((*hit, hit.source(), hit.freshness()), (42, Source::Memory, Freshness::Fresh));
    assert_eq!(doubled::uncached(&numbers, 21).await.unwrap(), 42);
    assert_eq!(numbers.calls(), 3);

    doubled::invalidate(&numbers, 21).await.unwrap();
    assert_eq!(doubled(&numbers, 21).await.unwrap(), 42);
    assert_eq!(numbers.calls(), 4);
}

/// A client with a region, which is part of what it answers.
#[derive(Clone)]
struct Client {
    region: &'static str,
    prices: Cache<String, f64>,
    names: Cache<String, String>,
    asked: Arc<AtomicU32>,
}

/// An error of one's own.
#[derive(Debug)]
enum Failed {
    Unknown(String),
    Cache(Error),
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}

impl std::error::Error for Failed {}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        match error.downcast_ref::<Failed>() {
            Some(Failed::Unknown(symbol)) => Failed::Unknown(symbol.clone()),
            _ => Failed::Cache(error),
        }
    }
}

impl Client {
    async fn new(region: &'static str) -> Self {
        let spence = Spence::builder().build().await.unwrap();
        Self {
            region,
            prices: spence.cache("prices").build().unwrap(),
            names: spence.cache("names").build().unwrap(),
            asked: Arc::default(),
        }
    }

    #[spence::cached(
        cache = self.prices,
        key = "{self.region}:{symbol}",
        tags = ["{symbol}", "region-{self.region}"],
    )]
    async fn price(&self, symbol: &str) -> Result<f64, Failed> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        match symbol {
            "IBM" => Ok(189.5),
            other => Err(Failed::Unknown(other.to_owned())),
        }
    }

    #[spence::cached(cache = self.names, key = "{symbol}")]
    async fn name(self: Arc<Self>, mut symbol: String) -> Result<Option<String>, Failed> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        symbol.push_str(" Inc");
        Ok(symbol.starts_with("IBM").then_some(symbol))
    }

    #[spence::cached(cache = names, key = "spelled:{number}")]
    fn spelled(names: &Cache<String, String>, number: u32) -> Result<String, Error> {
        Ok(Self::spell(number, names.name()))
    }

    fn spell(number: u32, cache: &str) -> String {
        format!("{number} of {cache}")
    }
}

#[tokio::test]
async fn a_method_has_its_companions_beside_it() {
    let client = Client::new("us").await;
    assert_eq!(client.price("IBM").await.unwrap(), 189.5);
    assert_eq!(client.price("IBM").await.unwrap(), 189.5);
    assert_eq!(client.asked.load(Ordering::Relaxed), 1);
    assert_eq!(client.price_key("A:B"), "us:A%3AB");
    let hit = client.price_cached("IBM").await.unwrap();
    assert_eq!(hit.tags().collect::<Vec<_>>(), ["IBM", "region-us"]);
    client.price_invalidate("IBM").await.unwrap();
    assert!(client.prices.peek(&client.price_key("IBM")).is_none());
    assert_eq!(client.price_uncached("IBM").await.unwrap(), 189.5);
}

#[test]
fn a_function_of_a_type_has_them_too() {
    let spence = Spence::builder().build_blocking().unwrap();
    let names = spence.cache("names").build().unwrap();
    assert_eq!(Client::spelled(&names, 7).unwrap(), "7 of names");
    assert_eq!(names.peek(&Client::spelled_key(&names, 7)).unwrap().as_str(), "7 of names");
}

#[tokio::test]
async fn an_error_of_the_function_comes_back_as_what_it_was() {
    let client = Client::new("us").await;
    let error = client.price("XYZ").await.unwrap_err();
    assert!(matches!(error, Failed::Unknown(symbol) if symbol == "XYZ"));
    // And what the cache has to say comes as its own error does.
    let error = client.price(&"x".repeat(5000)).await.unwrap_err();
    assert!(matches!(error, Failed::Cache(error) if error.kind() == ErrorKind::InvalidArgument));
}

#[tokio::test]
async fn none_is_remembered_as_nothing_there() {
    let client = Arc::new(Client::new("us").await);
    for _ in 0..2 {
        let name = Arc::clone(&client).name("IBM".to_owned()).await.unwrap();
        assert_eq!(name.as_deref(), Some("IBM Inc"));
        assert_eq!(Arc::clone(&client).name("XYZ".to_owned()).await.unwrap(), None);
    }
    assert_eq!(client.asked.load(Ordering::Relaxed), 2);
    let nothing = Arc::clone(&client).name_cached("XYZ".to_owned()).await;
    assert!(nothing.unwrap_err().is_not_found());
}

#[test]
fn a_program_without_a_runtime_caches_what_is_not_async() {
    let numbers = Numbers::on(&Spence::builder().build_blocking().unwrap());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(squared(&numbers, 12).unwrap(), 144));
        }
    });
    assert_eq!(numbers.calls(), 1);
    squared::invalidate(&numbers, 12).unwrap();
    assert_eq!(squared(&numbers, 12).unwrap(), 144);
    assert_eq!(numbers.calls(), 2);

    let error = squared(&numbers, 13).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OriginPanicked);
    assert!(error.to_string().contains("unlucky"), "{error}");
}

#[tokio::test]
async fn what_is_not_async_may_wait_on_the_only_thread_of_the_engine() {
    let numbers = Numbers::new().await;
    assert_eq!(squared(&numbers, 3).unwrap(), 9);
    squared::invalidate(&numbers, 3).unwrap();
    let again = numbers.clone();
    let answer = tokio::task::spawn_blocking(move || squared(&again, 3)).await.unwrap();
    assert_eq!(answer.unwrap(), 9);
    assert_eq!(numbers.calls(), 2);
}

#[spence::cached(cache = "tripled", ttl = "90s", schema = 2)]
async fn tripled(number: u32) -> Result<u32, Error> {
    CALLS.fetch_add(1, Ordering::Relaxed);
    Ok(number * 3)
}

#[spence::cached(cache = "tripled")]
async fn also_tripled(number: u32) -> Result<u32, Error> {
    Ok(number * 3)
}

/// One test, since a process has one such engine.
#[tokio::test]
async fn a_name_is_a_cache_on_the_process_wide_engine() {
    let error = tripled(3).await.unwrap_err();
    assert!(error.to_string().contains("set_global"), "{error}");

    let (clock, hands) = Clock::manual();
    let defaults = PolicyLayer::new().jitter(0.0);
    let spence = Spence::builder().clock(clock).defaults(defaults).build().await.unwrap();
    spence.set_global().unwrap();
    assert_eq!(spence.set_global().unwrap_err().kind(), ErrorKind::Conflict);

    for _ in 0..2 {
        assert_eq!(tripled(3).await.unwrap(), 9);
    }
    assert_eq!(CALLS.load(Ordering::Relaxed), 1);
    let kept = spence.existing::<String, u32>("tripled").unwrap();
    assert_eq!(kept.policy().ttl, Duration::from_secs(90).into());
    hands.advance(Duration::from_secs(91));
    assert_eq!(tripled(3).await.unwrap(), 9);
    assert_eq!(CALLS.load(Ordering::Relaxed), 2);

    tripled::invalidate(3).await.unwrap();
    assert_eq!(tripled(3).await.unwrap(), 9);
    assert_eq!(CALLS.load(Ordering::Relaxed), 3);

    let error = also_tripled(3).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains("::tripled"), "{error}");

    assert_eq!(Stocks.price("X").await.unwrap(), 1.0);
    Stocks.price_invalidate("X").await.unwrap();
    let error = Bonds.price("X").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "it would read the other's");
    assert!(error.to_string().contains("Stocks"), "{error}");
    assert_eq!(Of(1_u8).size("X").await.unwrap(), 1);
    assert_eq!(Of(1_u32).size("X").await.unwrap_err().kind(), ErrorKind::Conflict);
}

#[derive(Clone)]
struct Stocks;
#[derive(Clone)]
struct Bonds;
#[derive(Clone)]
struct Of<T>(T);

impl Stocks {
    #[spence::cached(cache = "quotes", key = "{symbol}")]
    async fn price(&self, symbol: &'static str) -> Result<f64, Error> {
        Ok(symbol.len() as f64)
    }
}

impl Bonds {
    #[spence::cached(cache = "quotes", key = "{symbol}")]
    async fn price(&self, symbol: &'static str) -> Result<f64, Error> {
        Ok(2.0 * symbol.len() as f64)
    }
}

impl<T: Clone + Send + Sync + 'static> Of<T> {
    #[spence::cached(cache = "sizes", key = "{symbol}")]
    async fn size(&self, symbol: &str) -> Result<usize, Error> {
        Ok(symbol.len() * size_of::<T>())
    }
}

#[test]
fn what_is_not_async_does_not_wait_for_itself() {
    let spence = Spence::builder().build_blocking().unwrap();
    let numbers = Numbers::on(&spence);
    let outer: Cache<u64, u64> = spence.cache("outer").build().unwrap();
    let inside = numbers.clone();
    // An async fill runs on the thread that all waiting needs.
    let answer = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(outer.get_or_fetch(&1, |_| async move {
            Ok::<_, Error>(spence::Fill::new(squared(&inside, 3)?))
        }))
    });
    let error = answer.join().unwrap().unwrap_err();
    assert!(error.to_string().contains("not async"), "{error}");
    assert_eq!(squared(&numbers, 3).unwrap(), 9, "and everything goes on");
}

#[spence::cached(cache = numbers.kept, key = "sum:{number}")]
fn summed(numbers: &Numbers, number: u64) -> Result<u64, Error> {
    Ok(if number == 0 { 0 } else { number + summed(numbers, number - 1)? })
}

#[test]
fn cached_functions_call_one_another() {
    let numbers = Numbers::on(&Spence::builder().build_blocking().unwrap());
    assert_eq!(summed(&numbers, 600).unwrap(), 600 * 601 / 2);
}

/// What cannot be cached is refused in words. `TRYBUILD=overwrite` writes them anew.
#[test]
fn misuse_is_a_readable_compile_error() {
    trybuild::TestCases::new().compile_fail("tests/misuse/*.rs");
}
