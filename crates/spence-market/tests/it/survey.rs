//! Scans of many symbols through the cache: how many calls they take, and whether what they say is
//! so.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use spence::{Clock, PolicyLayer, Redis, Source, Spence, Ttl};
use spence_calendar::ExchangeCalendar;
use spence_feed::{Feed, FeedOptions};
use spence_market::{
    Market, Progress, Provider, ScanOptions, Status, Survey, SurveyRequest, SurveyRow, Symbol,
};
use spence_testkit::RedisServer;

const SYMBOLS: usize = 60;
const BARS: usize = 30;

/// A feed of some symbols, and the clock that everything goes by.
pub(crate) struct Bench {
    pub(crate) feed: Feed,
    pub(crate) clock: Clock,
    pub(crate) hands: Arc<spence::Hands>,
}

impl Bench {
    pub(crate) async fn at(now: &str) -> Self {
        Self::with(now, SYMBOLS + 2).await
    }

    pub(crate) async fn with(now: &str, symbols: usize) -> Self {
        let (clock, hands) = Clock::manual();
        let now = now.parse::<Timestamp>().unwrap().as_millisecond();
        hands.step_wall_clock(now - clock.unix_ms().cast_signed());
        let options = FeedOptions { clock: clock.clone(), symbols, ..FeedOptions::default() };
        let feed = Feed::start("127.0.0.1:0".parse().unwrap(), options).await.unwrap();
        Self { feed, clock, hands }
    }

    pub(crate) async fn market(
        &self,
        disk: Option<&Path>,
        redis: Option<&RedisServer>,
    ) -> (Spence, Market) {
        let day = Duration::from_secs(86_400);
        let ttl = |open| Ttl::BySession { open, closed: day };
        let policy = |open| {
            let policy = PolicyLayer::new().ttl(ttl(open)).calendar(Some("XNYS".into()));
            policy.stale_if_error(day * 7)
        };
        let mut builder = Spence::builder()
            .clock(self.clock.clone())
            .calendar("XNYS", ExchangeCalendar::named("XNYS").unwrap())
            .policy("OHLCV", policy(Duration::from_secs(300)))
            .policy("SPLIT", policy(day).jitter(0.0))
            .policy("LISTING", PolicyLayer::new().ttl(day * 7));
        if let Some(dir) = disk {
            builder = builder.disk(dir, 64_000_000);
        }
        if let Some(server) = redis {
            builder = builder.redis(Redis::at(server.url()).deadline(Duration::from_secs(2)));
        }
        let spence = builder.build().await.unwrap();
        let provider = Provider::new(&self.feed.base_url(), None).unwrap();
        // Nobody moves the clock while calls wait for their turn.
        let provider = provider.calls_per_minute(std::num::NonZeroU32::MAX);
        let market = Market::new(&spence, provider, "feed").unwrap();
        (spence, market)
    }

    pub(crate) fn calls(&self) -> u64 {
        self.feed.calls().total()
    }
}

pub(crate) fn request(symbols: Vec<Symbol>) -> SurveyRequest {
    let options = ScanOptions { bars: BARS, ..ScanOptions::default() };
    SurveyRequest { symbols, options, end: None, may_call: true, time_limit: Duration::MAX }
}

pub(crate) fn quietly() -> spence_market::Tell {
    Arc::new(|_: Progress| ())
}

pub(crate) async fn rows(survey: &Arc<Survey>) -> Vec<SurveyRow> {
    survey.rows(0..survey.symbols()).await
}

/// Everything that rows say, as text, but for where their bars were found.
pub(crate) fn told(rows: &[SurveyRow]) -> Vec<String> {
    let scores = |row: &SurveyRow| match &row.scored {
        Some((as_of, score)) => format!("{as_of} {:?}", score.cells().collect::<Vec<_>>()),
        None => String::new(),
    };
    rows.iter().map(|row| format!("{} {:?} {}", row.symbol, row.status, scores(row))).collect()
}

/// What is listed, but for the two whose real bars end in 2013.
async fn listed(market: &Market) -> Vec<Symbol> {
    let mut symbols = market.listed(usize::MAX, true).await.unwrap().0;
    symbols.retain(|symbol| !["AAPL", "IBM"].contains(&symbol.as_str()));
    assert_eq!(symbols.len(), SYMBOLS);
    symbols
}

/// Does something while the clock goes on, since what is tried again waits before that.
pub(crate) async fn while_time_passes<T>(
    hands: &spence::Hands,
    work: impl Future<Output = T>,
) -> T {
    let mut work = std::pin::pin!(work);
    loop {
        match Clock::system().timeout(Duration::from_millis(5), &mut work).await {
            Some(done) => return done,
            None => hands.advance(Duration::from_millis(100)),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scan_takes_a_call_for_each_session_and_one_for_each_that_is_new() {
    let bench = Bench::at("2024-11-26T23:30:00Z").await;
    let (spence, market) = bench.market(None, None).await;
    let symbols = listed(&market).await;
    assert_eq!(bench.calls(), 1);

    let cold = Arc::new(market.survey(request(symbols.clone()), quietly()).await);
    let told_cold = rows(&cold).await;
    assert!(told_cold.iter().all(|row| row.status == Status::Ok && !row.is_final));
    assert_eq!(bench.calls(), 1 + BARS as u64 + 1, "and one for the splits of the year");
    assert_eq!(cold.progress().calls, BARS + 1);
    assert_eq!(cold.symbols_from(Source::Origin), SYMBOLS);

    let warm = Arc::new(market.survey(request(symbols.clone()), quietly()).await);
    assert_eq!(warm.progress().calls, 0);
    assert_eq!(warm.symbols_from(Source::Memory), SYMBOLS);
    assert_eq!(told(&rows(&warm).await), told(&told_cold));

    // Settled at one in the morning UTC: what was seen before is asked for again, once.
    bench.hands.advance(Duration::from_secs(2 * 3600));
    let settled = Arc::new(market.survey(request(symbols.clone()), quietly()).await);
    assert_eq!(settled.progress().calls, 1);
    assert!(rows(&settled).await.iter().all(|row| row.is_final));
    // Thanksgiving eve: a new session, and the splits might have changed.
    bench.hands.advance(Duration::from_secs(24 * 3600));
    let next = Arc::new(market.survey(request(symbols), quietly()).await);
    assert_eq!(next.progress().calls, 2);
    assert!(rows(&next).await.iter().all(|row| row.is_final && row.scored.is_some()));
    spence.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_single_new_symbol_is_asked_for_by_itself() {
    let bench = Bench::at("2024-11-27T12:00:00Z").await;
    let (spence, market) = bench.market(None, None).await;
    let mut symbols = listed(&market).await;
    Arc::new(market.survey(request(symbols.clone()), quietly()).await);
    let before = bench.calls();
    // One that is known for some days only, one that the listing does not have, one that nobody has.
    let known = spence_market::LastBars::new("MSFT", 5, Some("2024-11-20")).unwrap();
    market.bars(&known).await.unwrap();
    symbols.extend(["MSFT", "ORCL", "NOSUCH"].map(|name| Symbol::new(name).unwrap()));
    let survey = Arc::new(market.survey(request(symbols.clone()), quietly()).await);
    assert_eq!(bench.calls() - before, 1 + 3);
    let statuses: Vec<_> = rows(&survey).await.iter().skip(SYMBOLS).map(|row| row.status).collect();
    assert_eq!(statuses, [Status::Ok, Status::Ok, Status::NoData]);
    Arc::new(market.survey(request(symbols), quietly()).await);
    assert_eq!(bench.calls() - before, 4, "that there is nothing is known too");
    spence.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_bars_give_the_same_scores_from_every_tier() {
    let bench = Bench::at("2024-12-02T12:00:00Z").await;
    let (server, dir) = (RedisServer::start(), tempfile::tempdir().unwrap());
    let mut expected = None;
    for (disk, redis, source) in [
        (Some(dir.path()), Some(&server), Source::Origin),
        (Some(dir.path()), None, Source::Disk),
        (None, Some(&server), Source::Redis),
    ] {
        let (spence, market) = bench.market(disk, redis).await;
        while redis.is_some() && spence.stats().redis.unwrap().away.is_some() {
            Clock::system().sleep(Duration::from_millis(10)).await;
        }
        let symbols = listed(&market).await;
        for source in [source, Source::Memory] {
            let survey = Arc::new(market.survey(request(symbols.clone()), quietly()).await);
            assert_eq!(survey.symbols_from(source), SYMBOLS, "{source:?}");
            let told = told(&rows(&survey).await);
            assert_eq!(*expected.get_or_insert_with(|| told.clone()), told, "{source:?}");
        }
        spence.close().await;
    }
    assert_eq!(bench.calls(), 1 + BARS as u64 + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_the_provider_gone_what_is_held_is_scanned_and_called_stale() {
    let bench = Bench::at("2024-11-27T12:00:00Z").await;
    let (spence, market) = bench.market(None, None).await;
    let symbols = listed(&market).await;
    Arc::new(market.survey(request(symbols.clone()), quietly()).await);
    let hands = Arc::clone(&bench.hands);
    drop(bench.feed);
    // Before the next session nothing new can exist.
    let same = Arc::new(market.survey(request(symbols.clone()), quietly()).await);
    assert!(rows(&same).await.iter().all(|row| row.status == Status::Ok));
    hands.advance(Duration::from_secs(5 * 3600));
    for may_call in [true, false] {
        let request = SurveyRequest { may_call, ..request(symbols.clone()) };
        let survey = Arc::new(while_time_passes(&hands, market.survey(request, quietly())).await);
        for row in rows(&survey).await {
            assert!(row.status == Status::Stale && !row.is_final, "{row:?}");
            assert_eq!(row.scored.unwrap().0.to_string(), "2024-11-26");
            let reason = row.reason.unwrap();
            let expected = if may_call { "provider unreachable" } else { "not up to date" };
            assert!(reason.contains(expected), "{reason}");
        }
    }
    spence.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bars_that_came_one_by_one_over_a_weekend_are_final_as_a_whole() {
    // Friday night, and Monday night.
    let bench = Bench::at("2024-11-23T03:00:00Z").await;
    let (spence, market) = bench.market(None, None).await;
    let symbols = vec![listed(&market).await.remove(0)];
    let name = symbols[0].to_string();
    let last = |bars| spence_market::LastBars::new(&name, bars, None).unwrap();
    assert!(market.bars(&last(3)).await.unwrap().is_final());
    bench.hands.advance(Duration::from_secs(3 * 86_400));
    assert!(market.bars(&last(4)).await.unwrap().is_final());
    let options = ScanOptions { bars: 4, ..ScanOptions::default() };
    let request = SurveyRequest { options, ..request(symbols) };
    let survey = Arc::new(market.survey(request, quietly()).await);
    let rows = rows(&survey).await;
    assert!(rows[0].is_final && rows[0].status == Status::Ok, "{rows:?}");
    assert_eq!(survey.progress().calls, 1, "for the splits");
    spence.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_time_is_over_what_has_come_is_kept_and_no_call_follows() {
    let options = FeedOptions {
        symbols: SYMBOLS,
        latency: Duration::from_millis(200),
        ..FeedOptions::default()
    };
    let feed = Feed::start("127.0.0.1:0".parse().unwrap(), options).await.unwrap();
    let spence = Spence::builder().build().await.unwrap();
    let provider = Provider::new(&feed.base_url(), None).unwrap();
    let market = Market::new(&spence, provider, "feed").unwrap();
    let symbols = market.listed(usize::MAX, true).await.unwrap().0;
    // Thirty calls, eight at a time, take longer; what one scan has brought the next has.
    let request = SurveyRequest {
        end: Some("2024-11-27".parse().unwrap()),
        time_limit: Duration::from_millis(600),
        ..request(symbols)
    };
    let mut over = 0;
    loop {
        let survey = Arc::new(market.survey(request.clone(), quietly()).await);
        if !survey.progress().is_over {
            break;
        }
        over += 1;
        assert!(over < 60, "nothing is kept");
        let calls = feed.calls().total();
        Clock::system().sleep(Duration::from_millis(300)).await;
        assert_eq!(feed.calls().total(), calls, "nothing goes on");
    }
    assert!(over > 0);
    assert_eq!(market.survey_plan(&request).await, (0, 0));
    spence.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_splits_no_row_is_called_right() {
    let bench = Bench::at("2024-11-26T12:00:00Z").await;
    let (spence, market) = bench.market(None, None).await;
    let symbols = listed(&market).await;
    market.survey(request(symbols.clone()), quietly()).await;
    spence.expire(&spence::Target::Namespace("SPLIT".to_owned())).await.unwrap();
    let offline = SurveyRequest { may_call: false, ..request(symbols) };
    let survey = Arc::new(market.survey(offline, quietly()).await);
    for row in rows(&survey).await {
        assert_eq!(row.status, Status::Stale);
        assert!(row.reason.unwrap().contains("splits of 2024 are not up to date"));
    }
    spence.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_listed_is_asked_for_alone_and_whoever_is_gone_is_not() {
    let bench = Bench::at("2024-11-26T23:30:00Z").await;
    let (spence, market) = bench.market(None, None).await;
    let mut symbols = listed(&market).await;
    // Not listed, but there is one; the other was there until 2013.
    symbols.extend(["MSFT", "IBM"].map(|name| Symbol::new(name).unwrap()));
    let survey = Arc::new(market.survey(request(symbols.clone()), quietly()).await);
    let rows = rows(&survey).await;
    let of = |name: &str| rows.iter().find(|row| row.symbol.as_str() == name).unwrap();
    assert_eq!(of("MSFT").status, Status::Ok);
    let last = spence_market::LastBars::new("MSFT", 1, None).unwrap();
    assert_eq!(market.bars(&last).await.unwrap().last().unwrap().date.to_string(), "2024-11-26");
    assert_eq!(of("IBM").status, Status::NoData);

    // The next day: two sessions of all, since the last was not settled, the splits, who is not
    // listed, and nothing for who is gone.
    let calls = bench.calls();
    bench.hands.advance(Duration::from_secs(24 * 3600));
    let survey = Arc::new(market.survey(request(symbols), quietly()).await);
    assert_eq!((survey.progress().calls, bench.calls() - calls), (4, 4));
    assert_eq!(market.bars(&last).await.unwrap().last().unwrap().date.to_string(), "2024-11-27");
    spence.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_anything_does_not_cost_a_call_for_each_line() {
    let bench = Bench::at("2024-11-26T23:30:00Z").await;
    let (spence, market) = bench.market(None, None).await;
    let mut symbols = listed(&market).await;
    let made_up = (0..500).map(|number| Symbol::new(&format!("ZZ{number}")).unwrap());
    symbols.extend(made_up);
    let before = bench.calls();
    let survey = Arc::new(market.survey(request(symbols.clone()), quietly()).await);
    let calls = bench.calls() - before;
    let told = rows(&survey).await;
    let count = |status| told.iter().filter(|row| row.status == status).count();
    assert_eq!(
        (count(Status::Ok), count(Status::NoData), count(Status::Failed)),
        (SYMBOLS, 100, 400)
    );
    let reason = told.last().unwrap().reason.as_deref().unwrap();
    assert!(reason.contains("is not listed"), "{reason}");
    // Those that were asked for are known to be nothing; others have their turn.
    let before = bench.calls();
    let survey = Arc::new(market.survey(request(symbols), quietly()).await);
    let told = rows(&survey).await;
    assert_eq!(told.iter().filter(|row| row.status == Status::NoData).count(), 200);
    // Thirty sessions and the splits; those are known by now.
    assert_eq!((calls - 100, bench.calls() - before), (31, 100));
    spence.close().await;
}
