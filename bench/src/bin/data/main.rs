//! A day of a financial data layer: a dashboard of 20 tickers and all types of data, refreshed
//! every minute of a session and hourly outside, from a cold start, with a provider that takes
//! 600 ms to answer.
//!
//! The day is told by a manual clock. An answer has taken what passed on that clock, on which the
//! provider takes its time, and on the machine's, on which everything else does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use clap::Parser;
use futures_util::future::join_all;
use jiff::{SignedDuration, Span, Timestamp};
use spence::{Clock, Hands, PolicyLayer, Source, Spence};
use spence_benches::machine::resident_bytes;
use spence_benches::report::Row;
use spence_benches::{Options, Report, Target};
use spence_config::Sources;
use spence_feed::{Feed, FeedOptions};
use spence_market::{DataQuestion, DataType, Fred, Market, Provider, Providers, Subject};

/// New York, the whole of a Thursday in October: its midnight, its session, its next midnight.
const MIDNIGHT: &str = "2026-10-29T04:00:00Z";
const OPEN: &str = "2026-10-29T13:30:00Z";
const CLOSE: &str = "2026-10-29T20:00:00Z";
const LATENCY: Duration = Duration::from_millis(600);
const TICKERS: usize = 20;
/// How far the clock goes at a time while a provider is waited for.
const TICK: Duration = Duration::from_millis(20);

#[derive(Parser)]
#[command(about = "Measures a day of a financial data layer against the same without a cache")]
struct Arguments {
    #[command(flatten)]
    options: Options,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Arguments { options } = Arguments::parse();
    let dir = tempfile::tempdir()?;
    let before = resident_bytes();
    let day = Day::of(Some(dir.path())).await?;
    let answers = day.dashboard().await?;
    let stats = day.spence.stats();
    let resident = resident_bytes().saturating_sub(before);
    let calls = day.feed.calls().total();
    day.spence.close().await;
    // The same dashboard once, without a cache.
    let without = Day::of(None).await?;
    let direct = without.refresh(at(MIDNIGHT)).await?;

    let hits: Vec<&Answer> = answers.iter().filter(|one| one.source != Source::Origin).collect();
    let median = |answers: &[&Answer]| -> f64 {
        let mut took: Vec<_> = answers.iter().map(|one| one.took.as_secs_f64() * 1e3).collect();
        took.sort_by(f64::total_cmp);
        took.get(took.len() / 2).copied().unwrap_or(f64::NAN)
    };
    let (all, uncached): (Vec<_>, Vec<_>) = (answers.iter().collect(), direct.iter().collect());
    let worst = hits.iter().map(|one| one.took).max().unwrap_or_default();
    let mut report = Report::new("data", &options);
    report.set("day", "2026-10-29, New York; refreshed each minute of the session, else hourly");
    report.set("questions", format!("{} a refresh: {TICKERS} tickers, all types", direct.len()));
    report.set("provider", "600 ms an answer, on the clock of the day");
    report.set("memory_budget", "100 MB");
    report.set("disk_budget", "1 GB");
    report.row(Row::told("answers", answers.len() as f64, "in a day"));
    let hit_ratio = hits.len() as f64 / answers.len() as f64;
    report.row(Row::told("hit ratio", hit_ratio, "of all").to_reach(Target::AtLeast(0.8)));
    let (ours, theirs) = (median(&all), median(&uncached));
    let mut row = Row::told("median answer", ours, "ms").beside("without a cache", theirs);
    // Of times, the peer's by ours: how many times as fast.
    row.ratio = Some(theirs / ours);
    report.row(row.to_reach(Target::RatioAtLeast(10.0)));
    let worst = worst.as_secs_f64() * 1e3;
    report.row(Row::told("worst hit", worst, "ms").to_reach(Target::AtMost(50.0)));
    let (memory, disk) =
        (stats.total.memory_bytes as f64 / 1e6, stats.total.disk_bytes as f64 / 1e6);
    report.row(Row::told("memory that is held", memory, "MB").to_reach(Target::AtMost(100.0)));
    let grown = resident as f64 / 1e6;
    report
        .row(Row::told("resident, with the provider", grown, "MB").to_reach(Target::AtMost(100.0)));
    report.row(Row::told("disk", disk, "MB").to_reach(Target::AtMost(1_000.0)));
    report.row(Row::told("calls", calls as f64, "in a day"));
    report.print(&options);
    Ok(())
}

/// A cache and a provider on the clock of the day.
struct Day {
    spence: Spence,
    market: Market,
    feed: Feed,
    clock: Clock,
    hands: Arc<Hands>,
    tickers: Vec<String>,
}

/// What became of a question.
struct Answer {
    source: Source,
    took: Duration,
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a moment")
}

impl Day {
    /// With a cache as it is without any settings, in this directory; else with none.
    async fn of(dir: Option<&std::path::Path>) -> anyhow::Result<Self> {
        let (clock, hands) = Clock::manual();
        hands.step_wall_clock(at(MIDNIGHT).as_millisecond() - clock.unix_ms().cast_signed());
        let symbols = TICKERS + 2;
        let options = FeedOptions {
            latency: LATENCY,
            clock: clock.clone(),
            symbols,
            ..FeedOptions::default()
        };
        let feed = Feed::start(([127, 0, 0, 1], 0).into(), options).await?;
        let mut sources = Sources::default();
        if let Some(dir) = dir {
            sources.flags.disk.dir = Some(dir.to_owned());
        } else {
            sources.flags.disk.enabled = Some(false);
        }
        let mut builder = sources.resolve()?.engine().clock(clock.clone());
        if dir.is_none() {
            builder = builder.defaults(PolicyLayer::new().no_store(true));
        }
        let spence = builder.build().await?;
        let unlimited = std::num::NonZeroU32::MAX;
        let massive = Provider::new(&feed.base_url(), None)?.calls_per_minute(unlimited);
        let fred = Fred::new(&feed.base_url(), None)?.calls_per_minute(unlimited);
        let types: Vec<_> =
            DataType::ALL.iter().filter(|one| !one.is_computed()).copied().collect();
        let providers = Providers::default().with("fred", &types[3..], fred);
        let providers = providers.with("massive", &types[..3], massive);
        let market = Market::with_providers(&spence, providers)?;
        let mut tickers = spence_feed::Universe::listed(symbols);
        // Whose bars are real, and of other years.
        tickers.retain(|ticker| !["AAPL", "IBM"].contains(&ticker.as_str()));
        Ok(Self { spence, market, feed, clock, hands, tickers })
    }

    /// The whole day.
    async fn dashboard(&self) -> anyhow::Result<Vec<Answer>> {
        let end = at(MIDNIGHT) + SignedDuration::from_hours(24);
        let mut answers = Vec::new();
        let mut next = at(MIDNIGHT);
        while next < end {
            self.go_to(next);
            answers.extend(self.refresh(next).await?);
            let is_open = (at(OPEN)..at(CLOSE)).contains(&next);
            let minutes = if is_open { 1 } else { 60 };
            let later = next + SignedDuration::from_mins(minutes);
            // The session's first minute is not slept through.
            next = if next < at(OPEN) { later.min(at(OPEN)) } else { later };
        }
        Ok(answers)
    }

    fn go_to(&self, moment: Timestamp) {
        let left = moment.as_millisecond() - self.clock.unix_ms().cast_signed();
        self.hands.advance(Duration::from_millis(u64::try_from(left).unwrap_or(0)));
    }

    /// Asks all questions of the dashboard at once.
    async fn refresh(&self, moment: Timestamp) -> anyhow::Result<Vec<Answer>> {
        let questions = self.questions(moment)?;
        let mut asked = Box::pin(join_all(questions.iter().map(|one| self.ask(one))));
        let answers = loop {
            match Clock::system().timeout(Duration::from_millis(1), &mut asked).await {
                Some(answers) => break answers,
                None => self.hands.advance(TICK),
            }
        };
        answers.into_iter().collect()
    }

    async fn ask(&self, question: &DataQuestion) -> anyhow::Result<Answer> {
        let (on_clock, really) = (self.clock.stopwatch(), Instant::now());
        let data = self.market.get_data(question).await?;
        ensure!(!data.freshness().is_stale(), "stale: {question:?}");
        let (waited, real) = (on_clock.elapsed(), really.elapsed());
        // While the provider is waited for, the machine only turns the clock.
        let took = if waited.is_zero() { real } else { waited };
        Ok(Answer { source: data.source(), took })
    }

    fn questions(&self, moment: Timestamp) -> anyhow::Result<Vec<DataQuestion>> {
        let today = moment.in_tz("America/New_York")?.date();
        let ask = |data_type: DataType, ticker: Option<&str>, years: i64, frequency: &str| {
            let start = today.checked_sub(Span::new().years(years))?.to_string();
            let (name, end) = (data_type.as_str(), today.to_string());
            anyhow::Ok(DataQuestion::new(name, &start, &end, ticker, frequency, [])?)
        };
        let mut questions = Vec::new();
        for data_type in DataType::ALL {
            match data_type.subject() {
                Subject::Economy => questions.push(ask(*data_type, None, 10, "daily")?),
                Subject::Ticker => {
                    for ticker in &self.tickers {
                        questions.push(ask(*data_type, Some(ticker), 1, "daily")?);
                    }
                }
            }
        }
        for ticker in &self.tickers {
            questions.push(ask(DataType::Ohlcv, Some(ticker), 0, "5m")?);
        }
        Ok(questions)
    }
}
