//! Does operations on an engine and on the model, and compares.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use spence::{
    Batch, Cache, Cached, Clock, Error, ErrorKind, Fill, FillCx, Fills, Hands, PolicyLayer, Spence,
    Target,
};
use tempfile::TempDir;

use crate::model::{Expected, Model};
use crate::op::{Answer, Many, Op};
use crate::setup::{Reached, Setup, layer, open};

type Numbers = Cache<String, u64>;

/// Runs a list from an empty cache on.
///
/// # Errors
/// The first operation whose answer the model does not allow, or the violated invariant.
pub fn run(setup: Setup, list: &[Op]) -> Result<Reached, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("runtime: {error}"))?;
    runtime.block_on(async {
        let mut runner = Runner::start(setup).await?;
        for (number, op) in list.iter().enumerate() {
            runner
                .step(op)
                .await
                .map_err(|error| format!("operation {number}, {op:?}: {error}"))?;
            runner.reached.operations += 1;
        }
        runner.spence.check_invariants()?;
        runner.collect();
        runner.spence.close().await;
        Ok(runner.reached)
    })
}

struct Runner {
    setup: Setup,
    dir: TempDir,
    hands: Arc<Hands>,
    clock: Clock,
    spence: Spence,
    numbers: Numbers,
    model: Model,
    short: bool,
    /// The value that the origin gives next.
    next: u64,
    reached: Reached,
}

impl Runner {
    async fn start(setup: Setup) -> Result<Self, String> {
        let failed = |error: &dyn std::fmt::Display| format!("start: {error}");
        let dir = tempfile::tempdir().map_err(|error| failed(&error))?;
        let (clock, hands) = Clock::manual();
        let spence = open(setup, &dir, &clock, false).await.map_err(|error| failed(&error))?;
        let numbers = spence.cache("numbers").build().map_err(|error| failed(&error))?;
        let (model, reached) = (Model::new(), Reached::default());
        Ok(Self {
            setup,
            dir,
            hands,
            clock,
            spence,
            numbers,
            model,
            short: false,
            next: 1,
            reached,
        })
    }

    async fn step(&mut self, op: &Op) -> Result<(), String> {
        match op {
            Op::Get { key } => {
                let expected = self.model.get(key);
                let got = self.numbers.get(key).await;
                self.check_read(expected, got.as_ref())
            }
            Op::Peek { key } => {
                let expected = self.model.get(key);
                match (self.numbers.peek(key), self.setup) {
                    // It is in memory, or not, as memory likes.
                    (None, _) => Ok(()),
                    (got, _) => self.check_read(expected, got.as_ref()),
                }
            }
            Op::Fetch { key, answer } => self.fetch(key, answer).await,
            Op::FetchMany { group, answer } => self.fetch_many(group, answer).await,
            Op::Insert { key, tags } => {
                let number = self.number();
                self.model.insert(key, number, tags);
                let fill = Fill::new(number).tags(tags.iter().copied());
                let inserted = self.numbers.insert_fill(key.clone(), fill).await;
                inserted.map_err(|error| error.to_string())
            }
            Op::Invalidate { key } => {
                self.model.invalidate(key);
                let invalidated = self.numbers.invalidate(key).await;
                self.permit(invalidated.map(|_| ()))
            }
            Op::Expire { key } => {
                self.model.expire(key);
                let expired = self.numbers.expire(key).await;
                self.permit(expired.map(|_| ()))
            }
            Op::Ban { target } => {
                for key in self.model.covered(target) {
                    self.model.invalidate(&key);
                }
                let banned = self.spence.invalidate(&many(target)).await;
                self.permit(banned.map(|_| ()))
            }
            Op::ExpireMany { target } => {
                for key in self.model.covered(target) {
                    self.model.expire(&key);
                }
                let expired = self.spence.expire(&many(target)).await;
                self.permit(expired.map(|_| ()))
            }
            Op::Advance { seconds } => {
                self.model.advance(*seconds);
                self.hands.advance(Duration::from_secs(*seconds));
                Ok(())
            }
            Op::SwapPolicy { short } => {
                self.model.swap_policy(*short);
                self.short = *short;
                let named = BTreeMap::from([("numbers".to_owned(), layer(*short))]);
                let swapped = self.spence.set_policies(PolicyLayer::new(), named);
                swapped.map_err(|error| error.to_string())
            }
            Op::Reopen => self.reopen().await,
        }
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Only a failing disk may fail to record something; it counts in this process all the same.
    fn permit(&self, outcome: Result<(), Error>) -> Result<(), String> {
        match (outcome, self.setup) {
            (Ok(()), _) | (Err(_), Setup::Chaos(_)) => Ok(()),
            (Err(error), _) => Err(error.to_string()),
        }
    }

    fn is_lossy(&self) -> bool {
        matches!(self.setup, Setup::Chaos(_))
    }

    fn check_read(&mut self, expected: Expected, got: Option<&Cached<u64>>) -> Result<(), String> {
        let got = got.map(|got| (**got, got.freshness().is_stale()));
        match (expected, got) {
            (Expected::Fresh(value), Some((v, false))) if v == value => Ok(()),
            (Expected::Stale(value), Some((v, true))) if v == value => Ok(()),
            (Expected::Nothing | Expected::NotFound, None) => Ok(()),
            (Expected::Fresh(_) | Expected::Stale(_), None) if self.is_lossy() => {
                // The next read may find it again.
                self.reached.lost += 1;
                Ok(())
            }
            (expected, got) => Err(format!("expected {expected:?}, got {got:?} (value, stale)")),
        }
    }

    async fn fetch(&mut self, key: &str, answer: &Answer) -> Result<(), String> {
        let number = self.number();
        let before = self.spence.stats().total.origin_calls;
        let fill = filling(answer.clone(), number);
        let got =
            self.numbers.get_or_fetch(&key.to_owned(), move |cx| async move { fill(&cx) }).await;
        self.settle().await;
        let called = self.spence.stats().total.origin_calls > before;
        self.check_fetched(key, answer, number, called, &got)
    }

    async fn fetch_many(&mut self, group: &str, answer: &Answer) -> Result<(), String> {
        let keys: Vec<String> = (0..4).map(|number| format!("{group}:{number}")).collect();
        let first = self.next + 1;
        self.next += 4;
        let number_of =
            move |key: &str| first + u64::from(key.as_bytes().last().map_or(0, |b| b - b'0'));
        let asked = Arc::new(parking_lot::Mutex::new(Vec::new()));
        let fill = {
            let (answer, asked) = (answer.clone(), Arc::clone(&asked));
            move |missing: Vec<FillCx<String, u64>>| {
                let (answer, asked) = (answer.clone(), Arc::clone(&asked));
                async move {
                    let mut fills = Fills::new();
                    for cx in &missing {
                        asked.lock().push(cx.key().clone());
                        match filling(answer.clone(), number_of(cx.key()))(cx) {
                            Ok(fill) => fills.put(cx.key().clone(), fill),
                            Err(error) => fills.fail(cx.key().clone(), error),
                        }
                    }
                    Ok::<_, String>(fills)
                }
            }
        };
        let got = self.numbers.get_many_or_fetch(&keys, Batch::chunks(3).parallel(1), fill).await;
        self.settle().await;
        let asked = asked.lock().clone();
        for (key, got) in keys.iter().zip(&got) {
            // A panic takes its whole chunk with it; those after it were never asked for.
            let panicked = matches!(got, Err(e) if e.kind() == ErrorKind::OriginPanicked);
            let missed = *answer == Answer::Panic && (panicked || self.model.asks(key));
            let called = asked.contains(key) || missed;
            self.check_fetched(key, answer, number_of(key), called, got)
                .map_err(|error| format!("{key}: {error}"))?;
        }
        Ok(())
    }

    /// Whether the answer is the model's; or, where values may be lost, that of a model that has
    /// lost this one.
    fn check_fetched(
        &mut self,
        key: &str,
        answer: &Answer,
        number: u64,
        called: bool,
        got: &Result<Cached<u64>, Error>,
    ) -> Result<(), String> {
        let mut whole = self.model.clone();
        let told = match_model(&mut whole, key, answer, number, called, got);
        let mut lost = self.model.clone();
        lost.invalidate(key);
        let may_be_lost = told.is_err()
            && self.is_lossy()
            && match_model(&mut lost, key, answer, number, called, got).is_ok();
        if !may_be_lost {
            self.model = whole;
            return told;
        }
        self.reached.lost += 1;
        if !matches!(answer, Answer::Failure | Answer::Panic | Answer::NotModified) {
            self.model = lost;
        }
        Ok(())
    }

    /// Lets fills that nobody waits for end.
    async fn settle(&self) {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }

    async fn reopen(&mut self) -> Result<(), String> {
        if self.is_lossy() {
            // What a failing disk could not record may come back in another process, and says so
            // (`Storage`); that is for tests of their own.
            return Ok(());
        }
        self.spence.check_invariants()?;
        self.spence.close().await;
        self.collect();
        let failed = |error: Error| format!("reopen: {error}");
        self.spence = open(self.setup, &self.dir, &self.clock, self.short).await.map_err(failed)?;
        self.numbers = self.spence.cache("numbers").build().map_err(failed)?;
        if self.setup == Setup::Memory {
            self.model.lose_everything();
        }
        Ok(())
    }

    fn collect(&mut self) {
        let stats = self.spence.stats();
        self.reached.hits += stats.total.hits;
        self.reached.stale_hits += stats.total.stale_hits;
        self.reached.negative_hits += stats.total.negative_hits;
        self.reached.misses += stats.total.misses;
        self.reached.origin_calls += stats.total.origin_calls;
        self.reached.evictions += stats.total.evictions;
        self.reached.bans += stats.bans;
        self.reached.disk_errors += stats.disk_errors;
    }
}

fn many(target: &Many) -> Target {
    let namespace = || "numbers".to_owned();
    match target {
        Many::Tag(tag) => Target::Tag((*tag).to_owned()),
        Many::Prefix(prefix) => Target::Prefix { namespace: namespace(), prefix: prefix.clone() },
        Many::Glob(glob) => Target::Glob { namespace: namespace(), pattern: glob.clone() },
        Many::Namespace => Target::Namespace(namespace()),
        Many::Everything => Target::Everything,
    }
}

/// The origin's answer as a fill gives it.
fn filling(
    answer: Answer,
    number: u64,
) -> impl FnOnce(&FillCx<String, u64>) -> Result<Fill<u64>, String> + Send + 'static {
    move |_| match answer {
        Answer::Value { tags, ttl_seconds } => {
            let fill = Fill::new(number).tags(tags);
            Ok(match ttl_seconds {
                Some(seconds) => fill.ttl(Duration::from_millis(seconds * 1000 + 500)),
                None => fill,
            })
        }
        Answer::NotFound => Ok(Fill::not_found()),
        Answer::NotModified => Ok(Fill::not_modified()),
        Answer::NoStore => Ok(Fill::new(number).no_store()),
        Answer::Failure => Err("the origin failed".to_owned()),
        // Not by the macro, whose hook would print it.
        Answer::Panic => std::panic::resume_unwind(Box::new("the origin panicked")),
    }
}

fn match_model(
    model: &mut Model,
    key: &str,
    answer: &Answer,
    number: u64,
    called: bool,
    got: &Result<Cached<u64>, Error>,
) -> Result<(), String> {
    if called != model.asks(key) {
        return Err(format!("the origin was asked: {called}, expected {}", !called));
    }
    match (model.fetch(key, answer, number), got) {
        (Expected::Fresh(value), Ok(got)) if **got == value && !got.freshness().is_stale() => {
            Ok(())
        }
        (Expected::Stale(value), Ok(got)) if **got == value && got.freshness().is_stale() => Ok(()),
        (Expected::NotFound, Err(error)) if error.is_not_found() => Ok(()),
        (Expected::Nothing, Err(error)) if !error.is_not_found() => Ok(()),
        (expected, got) => Err(format!("expected {expected:?}, got {got:?}")),
    }
}
