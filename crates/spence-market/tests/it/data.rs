//! Data of every type through the cache.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use jiff::civil::{Date, date};
use spence::{Clock, Freshness, Source, Spence, Target};
use spence_feed::{Feed, FeedOptions};
use spence_market::{
    Data, DataError, DataProvider, DataQuestion, DataType, Fred, Market, Observation, Patience,
    Provider, ProviderError, Providers, Rows, Subject, Told,
};

const OF_TICKERS: [DataType; 3] = [DataType::Ohlcv, DataType::Split, DataType::Dividend];

/// All types that are published, and not computed.
fn of_the_economy() -> Vec<DataType> {
    let all = DataType::ALL.iter().copied();
    all.filter(|one| one.subject() == Subject::Economy && !one.is_computed()).collect()
}

fn providers(base_url: &str) -> Providers {
    let massive = Provider::new(base_url, None).unwrap();
    let fred = Fred::new(base_url, None).unwrap().series(DataType::CpiIndex, "CPILFESL");
    Providers::default().with("massive", &OF_TICKERS, massive).with("fred", &of_the_economy(), fred)
}

async fn start(providers: Providers) -> (Spence, Market) {
    let spence = Spence::builder().build().await.unwrap();
    let market = Market::with_providers(&spence, providers).unwrap();
    (spence, market)
}

fn question(data_type: &str, ticker: Option<&str>, (start, end): (&str, &str)) -> DataQuestion {
    with(data_type, ticker, (start, end), "daily", &[])
}

fn with(
    data_type: &str,
    ticker: Option<&str>,
    (start, end): (&str, &str),
    frequency: &str,
    params: &[(&str, &str)],
) -> DataQuestion {
    DataQuestion::new(data_type, start, end, ticker, frequency, params.iter().copied()).unwrap()
}

fn values(data: &Data) -> Vec<(Date, f64)> {
    match data.rows() {
        Rows::Values(rows) => rows.iter().map(|row| (row.date, row.value)).collect(),
        other => panic!("{other:?}"),
    }
}

/// `date,...,value` of a file of the feed: the first and the last field.
fn column(csv: &str) -> Vec<(Date, f64)> {
    let row = |line: &str| {
        let (date, value) = (line.split(',').next()?, line.split(',').next_back()?);
        Some((date.parse().ok()?, value.parse().ok()?))
    };
    csv.lines().skip(1).map(|line| row(line).unwrap()).collect()
}

const AAPL: &str = include_str!("../../../spence-feed/data/AAPL.csv");
const IBM: &str = include_str!("../../../spence-feed/data/IBM.csv");
const CPI: &str = include_str!("../../../spence-feed/data/CPILFESL.csv");

#[tokio::test]
async fn every_type_costs_its_calls_once() {
    let feed = crate::feed().await;
    let (_spence, market) = start(providers(&feed.base_url())).await;
    let days = ("2010-01-04", "2012-12-31");
    let (computed, fetched): (Vec<DataType>, Vec<DataType>) =
        DataType::ALL.iter().partition(|one| one.is_computed());
    for data_type in fetched.iter().chain(&computed) {
        let ticker = (data_type.subject() == Subject::Ticker).then_some("AAPL");
        let asked = question(data_type.as_str(), ticker, days);
        let first = market.get_data(&asked).await.unwrap();
        assert_eq!(first.source(), Source::Origin, "{data_type}");
        let is_empty = *data_type == DataType::Sofr || *data_type == DataType::Split;
        assert_eq!(first.rows().is_empty(), is_empty, "{data_type}");
        let calls = feed.calls().total();
        let again = market.get_data(&asked).await.unwrap();
        assert_eq!((again.source(), again.freshness()), (Source::Memory, Freshness::Fresh));
        // Compared as text, since nothing is not equal to itself.
        assert_eq!(format!("{:?}", first.rows()), format!("{:?}", again.rows()), "{data_type}");
        assert_eq!(feed.calls().total(), calls, "{data_type}");
    }
    // Bars, splits, dividends, eleven series; what comes after the bars for the adjusted close,
    // and what before for the returns.
    assert_eq!(feed.calls().total(), 1 + 1 + 1 + 11 + 1 + 1);
}

#[tokio::test]
async fn the_adjusted_close_is_that_of_the_file() {
    let feed = crate::feed().await;
    let (_spence, market) = start(providers(&feed.base_url())).await;
    for (symbol, file) in [("AAPL", AAPL), ("IBM", IBM)] {
        let expected = column(file);
        let asked = question("ADJUSTED_CLOSE", Some(symbol), ("2000-03-01", "2013-03-01"));
        let got = values(&market.get_data(&asked).await.unwrap());
        assert_eq!(got.len(), expected.len());
        let (_, last) = expected.last().unwrap();
        let (_, last_close) = got.last().unwrap();
        for ((day, value), (expected_day, expected)) in got.iter().zip(&expected) {
            // The file is adjusted for what came after it as well, and its dividends are rounded.
            let ratio = (value / last_close) / (expected / last);
            assert_eq!(day, expected_day);
            assert!((ratio - 1.0).abs() < 3e-6, "{symbol} {day}: {ratio}");
        }
        // What a holder has gained is the same, but that dividends are reinvested a day later.
        let params = [("method", "cumulative")];
        let days = ("2000-03-01", "2013-03-01");
        let asked = with("TOTAL_RETURN", Some(symbol), days, "daily", &params);
        let gained = values(&market.get_data(&asked).await.unwrap());
        let (first, last) = (got.first().unwrap().1, got.last().unwrap().1);
        let ratio = (1.0 + gained.last().unwrap().1) / (last / first);
        assert!((ratio - 1.0).abs() < 0.01, "{symbol}: {ratio}");
        assert_eq!(gained.first().unwrap().1, 0.0);
    }
}

#[tokio::test]
async fn figures_of_the_economy_are_those_of_the_file_and_make_inflation() {
    let feed = crate::feed().await;
    let (_spence, market) = start(providers(&feed.base_url())).await;
    let file = column(CPI);
    let asked = question("CPI_INDEX", None, ("1957-01-01", "2018-11-01"));
    let data = market.get_data(&asked).await.unwrap();
    assert_eq!(values(&data), file);
    assert!(!data.is_final(), "they may be revised");

    for (method, months) in [("yoy", 12), ("mom", 1)] {
        let days = ("1957-01-01", "2018-11-01");
        let asked = with("INFLATION_RATE", None, days, "daily", &[("method", method)]);
        let got = values(&market.get_data(&asked).await.unwrap());
        assert_eq!(got.len(), file.len() - months);
        for (place, (day, value)) in got.iter().enumerate() {
            let ((_, before), (now, later)) = (file[place], file[place + months]);
            assert_eq!(*day, now);
            assert!((value - (later / before - 1.0) * 100.0).abs() < 1e-12);
        }
    }
    assert_eq!(feed.calls().total(), 1);
}

#[tokio::test]
async fn of_a_range_only_what_is_not_known_is_asked_for() {
    let feed = crate::feed().await;
    let (_spence, market) = start(providers(&feed.base_url())).await;
    let ask = async |days, calls| {
        let data = market.get_data(&question("OHLCV", Some("IBM"), days)).await.unwrap();
        assert_eq!(feed.calls().total(), calls, "{days:?}");
        (data.rows().len(), data.is_final())
    };
    assert_eq!(ask(("2012-01-01", "2012-06-30"), 1).await, (125, true));
    assert_eq!(ask(("2012-02-01", "2012-03-01"), 1).await, (21, true));
    assert_eq!(ask(("2011-12-31", "2012-07-08"), 2).await, (129, true));
    assert_eq!(ask(("2012-07-04", "2012-07-04"), 2).await, (0, true), "a holiday");
    // Elsewhere, and then what lies between.
    assert_eq!(ask(("2005-01-01", "2005-01-31"), 3).await, (20, true));
    assert!(ask(("2005-01-01", "2012-07-08"), 4).await.1);
    let unknown = question("OHLCV", Some("ZZTOP"), ("2012-01-01", "2012-02-01"));
    let error = market.get_data(&unknown).await.unwrap_err().to_string();
    assert!(error.contains("no bars of ZZTOP from 2012-01-01 to 2012-02-01"), "{error}");
}

#[tokio::test]
async fn questions_at_the_same_time_each_get_what_they_ask_for() {
    let feed = crate::feed().await;
    let (_spence, market) = start(providers(&feed.base_url())).await;
    let years = (2001..=2012).map(|year| {
        let market = market.clone();
        async move {
            let (from, to) = (format!("{year}-02-01"), format!("{year}-02-28"));
            let days = (from.as_str(), to.as_str());
            let daily = question("OHLCV", Some("IBM"), days);
            let hourly = with("OHLCV", Some("IBM"), days, "1h", &[]);
            let gained = question("TOTAL_RETURN", Some("IBM"), days);
            let last = spence_market::LastBars::new("IBM", 5, Some(&to)).unwrap();
            let (daily, hourly, gained, last) = tokio::join!(
                market.get_data(&daily),
                market.get_data(&hourly),
                market.get_data(&gained),
                market.bars(&last),
            );
            let (daily, hourly, gained) = (daily.unwrap(), hourly.unwrap(), gained.unwrap());
            assert!(daily.rows().len() >= 19 && daily.is_final(), "{year}");
            assert_eq!(hourly.rows().len(), 7 * daily.rows().len(), "{year}");
            assert_eq!(gained.rows().len(), daily.rows().len(), "{year}");
            let last = last.unwrap();
            assert_eq!(last.len(), 5);
            assert_eq!(last.last().unwrap().date.year(), year);
        }
    });
    futures_util::future::join_all(years).await;
}

#[tokio::test]
async fn bars_within_the_day_come_to_the_days_bar_and_cost_a_call() {
    let feed = crate::feed().await;
    let (_spence, market) = start(providers(&feed.base_url())).await;
    let days = ("2012-07-02", "2012-07-06");
    for (frequency, count) in [("1m", 4 * 390 - 180), ("5m", 4 * 78 - 36), ("1h", 4 * 7 - 3)] {
        let calls = feed.calls().total();
        let asked = with("OHLCV", Some("AAPL"), days, frequency, &[]);
        let data = market.get_data(&asked).await.unwrap();
        assert_eq!((data.rows().len(), data.is_final()), (count, true), "{frequency}");
        let Rows::Intraday(bars) = data.rows() else { panic!() };
        let of_day: Vec<_> = bars.iter().filter(|one| one.bar.date == date(2012, 7, 3)).collect();
        let (first, last) = (of_day.first().unwrap(), of_day.last().unwrap());
        assert_eq!((first.bar.open, last.bar.close), (594.88, 599.41), "{frequency}");
        let volume: f64 = of_day.iter().map(|one| one.bar.volume).sum();
        assert_eq!(volume, 8_632_600.0);
        // Part of it, on other days of the same week.
        let part = with("OHLCV", Some("AAPL"), ("2012-07-03", "2012-07-04"), frequency, &[]);
        let part = market.get_data(&part).await.unwrap();
        assert_eq!((part.rows().len(), part.source()), (of_day.len(), Source::Memory));
        assert_eq!(feed.calls().total(), calls + 1);
    }
}

#[tokio::test]
async fn a_vintage_is_what_was_known_then_and_final() {
    let (clock, hands) = Clock::manual();
    let now: Timestamp = "2024-09-16T15:00:00Z".parse().unwrap();
    hands.step_wall_clock(now.as_millisecond() - clock.unix_ms().cast_signed());
    let options = FeedOptions { clock: clock.clone(), ..FeedOptions::default() };
    let feed = Feed::start("127.0.0.1:0".parse().unwrap(), options).await.unwrap();
    let spence = Spence::builder().clock(clock).build().await.unwrap();
    let fred = Fred::new(&feed.base_url(), None).unwrap();
    let providers = Providers::default().with("fred", &[DataType::CpiIndex], fred);
    let market = Market::with_providers(&spence, providers).unwrap();
    let july = ("2024-07-01", "2024-07-31");
    let ask = async |vintage: Option<&str>| {
        let params: Vec<_> = vintage.map(|day| ("vintage", day)).into_iter().collect();
        let data = market.get_data(&with("CPI_INDEX", None, july, "daily", &params)).await.unwrap();
        let value = values(&data).first().map(|(_, value)| *value);
        (value, data.is_final(), data.known_on().unwrap().to_string())
    };
    let (now, is_final, known_on) = ask(None).await;
    assert_eq!((is_final, known_on.as_str()), (false, "2024-09-16"));
    let (then, is_final, known_on) = ask(Some("2024-08-13")).await;
    assert_eq!((is_final, known_on.as_str()), (true, "2024-08-13"));
    assert_ne!(now, then);
    assert_eq!(ask(Some("2024-08-12")).await.0, None, "the day before it was published");
    let future = with("CPI_INDEX", None, july, "daily", &[("vintage", "2024-10-01")]);
    let error = market.get_data(&future).await.unwrap_err();
    assert!(error.to_string().starts_with("vintage: 2024-10-01 has not come"), "{error}");
}

#[tokio::test]
async fn the_market_is_open_when_calendar_and_provider_say_so() {
    let (clock, hands) = Clock::manual();
    let at = |text: &str| text.parse::<Timestamp>().unwrap().as_millisecond();
    hands.step_wall_clock(at("2024-11-29T17:59:30Z") - clock.unix_ms().cast_signed());
    let options = FeedOptions { clock: clock.clone(), ..FeedOptions::default() };
    let feed = Feed::start("127.0.0.1:0".parse().unwrap(), options).await.unwrap();
    let spence = Spence::builder().clock(clock).build().await.unwrap();
    let market = Market::with_providers(&spence, providers(&feed.base_url())).unwrap();
    let open = market.status().await;
    assert_eq!((open.is_open, open.told.as_ref().unwrap().market.as_str()), (true, "open"));
    assert_eq!(open.next_open.unwrap().to_string(), "2024-12-02T14:30:00Z");
    // The half day is over, and what the provider said half a minute ago is not asked for again.
    hands.advance(Duration::from_secs(40));
    let over = market.status().await;
    assert!(!over.is_open && over.disagrees());
    hands.advance(Duration::from_secs(40));
    assert!(!market.status().await.disagrees());
    assert_eq!(feed.calls().total(), 2);
}

#[tokio::test]
async fn days_that_have_not_come_and_types_that_nobody_serves_are_refused() {
    let feed = crate::feed().await;
    let fred = Fred::new(&feed.base_url(), None).unwrap();
    let (_spence, market) = start(Providers::default().with("fred", &[DataType::Sofr], fred)).await;
    let error = |asked: DataQuestion| {
        let market = market.clone();
        async move { market.get_data(&asked).await.unwrap_err() }
    };
    let future = error(question("SOFR", None, ("2020-01-01", "2150-01-01"))).await;
    assert!(matches!(&future, DataError::Invalid(invalid) if invalid.field == "end"), "{future}");
    let days = ("2020-01-01", "2020-12-31");
    let unserved = error(question("INFLATION_RATE", None, days)).await;
    assert!(matches!(unserved, DataError::Unserved(DataType::CpiIndex)), "{unserved}");
    let unserved = error(question("TOTAL_RETURN", Some("IBM"), days)).await;
    assert!(matches!(unserved, DataError::Unserved(DataType::Ohlcv)), "{unserved}");
    assert_eq!(feed.calls().total(), 0);
}

/// A provider of somebody's own: an index that is the same in all months, until it is corrected.
#[derive(Debug, Clone, Default)]
struct OwnIndex {
    percent: Arc<AtomicU64>,
    calls: Arc<AtomicU64>,
}

impl DataProvider for OwnIndex {
    fn get_data<'a>(
        &'a self,
        question: &'a DataQuestion,
        patience: &'a Patience,
    ) -> BoxFuture<'a, Result<Told, ProviderError>> {
        patience.count_call();
        self.calls.fetch_add(1, Ordering::SeqCst);
        let percent = self.percent.load(Ordering::SeqCst) as f64;
        let row = move |year: i16| {
            let value = 100.0 + if year == 2020 { 0.0 } else { percent };
            Observation { date: date(year, 1, 1), value }
        };
        assert_eq!(question.data_type, DataType::CpiIndex);
        async move { Ok(Rows::Values(vec![row(2021), row(2020)]).into()) }.boxed()
    }

    fn origin(&self, _: DataType) -> String {
        "mine".to_owned()
    }
}

#[tokio::test]
async fn what_is_computed_follows_what_it_is_computed_from() {
    let own = OwnIndex::default();
    own.percent.store(5, Ordering::SeqCst);
    let providers = Providers::default().with("own", &[DataType::CpiIndex], own.clone());
    let (spence, market) = start(providers).await;
    let asked = question("INFLATION_RATE", None, ("2021-01-01", "2021-12-31"));
    let rate = async || {
        let data = market.get_data(&asked).await.unwrap();
        (values(&data).first().unwrap().1.round(), data.source())
    };
    assert_eq!(rate().await, (5.0, Source::Origin));
    assert_eq!(rate().await, (5.0, Source::Memory));
    own.percent.store(7, Ordering::SeqCst);
    assert_eq!(rate().await, (5.0, Source::Memory), "nobody has asked for the correction");
    let index = Target::Key { namespace: "CPI_INDEX".into(), key: "latest".into() };
    spence.expire(&index).await.unwrap();
    // It is within its own time, but what it was computed from is another one.
    assert_eq!(rate().await, (7.0, Source::Origin));
    assert_eq!(own.calls.load(Ordering::SeqCst), 2);

    // By tag, both what was computed and, where it has the tag, what from.
    spence.invalidate(&Target::Tag("CPI_INDEX".into())).await.unwrap();
    assert_eq!(rate().await, (7.0, Source::Origin));
    assert_eq!(own.calls.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn when_a_provider_fails_the_next_is_asked() {
    let (feed, gone) = (crate::feed().await, crate::feed().await);
    let dead = gone.base_url();
    drop(gone);
    let first = Provider::new(&dead, None).unwrap();
    let second = Provider::new(&feed.base_url(), None).unwrap();
    let providers = Providers::default()
        .with("first", &[DataType::Ohlcv, DataType::Split], first)
        .with("second", &OF_TICKERS, second);
    let (_spence, market) = start(providers).await;
    let names: Vec<_> = market.providers().serving(DataType::Ohlcv).collect();
    assert_eq!(names, ["first", "second"]);
    let days = ("2012-01-01", "2012-06-30");
    let data = market.get_data(&question("OHLCV", Some("IBM"), days)).await.unwrap();
    assert_eq!((data.rows().len(), data.freshness()), (125, Freshness::Fresh));
    let bars = spence_market::LastBars::new("IBM", 5, Some("2012-06-29")).unwrap();
    assert_eq!(market.bars(&bars).await.unwrap().len(), 5);
    let data = market.get_data(&question("DIVIDEND", Some("IBM"), days)).await.unwrap();
    assert_eq!(data.rows().len(), 2);
    assert_eq!(feed.calls().total(), 2);
}

#[tokio::test]
async fn with_the_providers_gone_all_that_is_held_is_served_with_its_reason() {
    let feed = crate::feed().await;
    let policy = spence::PolicyLayer::new().stale_if_error(Duration::from_secs(86_400));
    let spence = Spence::builder().defaults(policy).build().await.unwrap();
    let market = Market::with_providers(&spence, providers(&feed.base_url())).unwrap();
    let days = ("2010-01-04", "2012-12-31");
    let mut asked = Vec::new();
    for data_type in DataType::ALL {
        let ticker = (data_type.subject() == Subject::Ticker).then_some("IBM");
        asked.push(question(data_type.as_str(), ticker, days));
    }
    asked.push(with("OHLCV", Some("IBM"), ("2012-06-01", "2012-06-29"), "30m", &[]));
    let mut before = Vec::new();
    for question in &asked {
        before.push(market.get_data(question).await.unwrap());
    }
    let calls = feed.calls().total();
    for (question, before) in asked.iter().zip(&before) {
        let held = market.held_data(question).await.unwrap();
        assert_eq!(held.freshness(), Freshness::Fresh);
        assert_eq!(format!("{:?}", held.rows()), format!("{:?}", before.rows()));
    }
    assert_eq!(feed.calls().total(), calls, "offline");
    drop(feed);
    for data_type in DataType::ALL {
        let target = Target::Namespace(data_type.as_str().into());
        spence.expire(&target).await.unwrap();
    }
    spence.expire(&Target::Namespace("OHLCV_INTRADAY".into())).await.unwrap();
    for (question, before) in asked.iter().zip(&before) {
        let stale = market.get_data(question).await.unwrap();
        assert!(stale.freshness().is_stale(), "{question:?}");
        let cause = stale.stale_cause().unwrap().to_string();
        assert!(cause.contains("provider unreachable"), "{cause}");
        assert_eq!(format!("{:?}", stale.rows()), format!("{:?}", before.rows()));
        assert!(market.held_data(question).await.unwrap().freshness().is_stale());
    }
    let other = question("OHLCV", Some("MSFT"), days);
    let error = market.held_data(&other).await.unwrap_err();
    assert!(matches!(&error, DataError::Failed(error) if error.is_not_found()), "{error}");
}

#[tokio::test]
async fn with_every_fault_at_5_percent_every_type_says_what_it_says_without() {
    let ask_all = async |feed: &Feed| {
        let (_spence, market) = start(providers(&feed.base_url())).await;
        let mut answers = Vec::new();
        for data_type in DataType::ALL {
            let is_of_ticker = data_type.subject() == Subject::Ticker;
            for ticker in if is_of_ticker { &["IBM", "MSFT", "AABD"][..] } else { &[""][..] } {
                let ticker = is_of_ticker.then_some(*ticker);
                let asked = question(data_type.as_str(), ticker, ("2006-01-03", "2010-12-31"));
                let rows = match market.get_data(&asked).await {
                    Ok(data) => format!("{:?}", data.rows()),
                    Err(error) => error.to_string(),
                };
                answers.push(format!("{data_type} {ticker:?} {rows}"));
            }
        }
        answers
    };
    let clean = ask_all(&crate::feed().await).await;
    let faults = spence_feed::FaultRate::all(0.05);
    // So that a drip of a minute, for which a try of an eighth of the deadline waits, is rare.
    let faults = faults.into_iter().filter(|rate| !rate.to_string().starts_with("slow")).collect();
    let options = FeedOptions { faults, page_rows: Some(2_000), ..FeedOptions::default() };
    let feed = Feed::start("127.0.0.1:0".parse().unwrap(), options).await.unwrap();
    let faulty = ask_all(&feed).await;
    for (clean, faulty) in clean.iter().zip(&faulty) {
        assert_eq!(clean, faulty);
    }
    assert!(feed.calls().total() > 40, "{}", feed.calls().total());
}
