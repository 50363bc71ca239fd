//! Reads that are asked for at the same time go to the server as one.
//!
//! A read that is alone goes at once, by itself. While others are under way, the first to come
//! leads: it lets whatever is ready to ask as well do so, and sends all as one `MGET`. That is one
//! command to write, to answer and to wait for, instead of one for each.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use redis::{Cmd, Value};
use tokio::sync::oneshot;

use super::link::{bytes_of, unexpected};
use super::wire::{Failure, Wire};
use crate::sync::{AtomicUsize, Mutex, Ordering};

/// The most reads that go as one.
const MOST_READS: usize = 128;
/// What they may bring, by the sizes of what was read lately, so that one answer does not hold up
/// all others.
const MOST_BYTES: usize = 256 << 10;

type Answer = Result<Option<Bytes>, Failure>;

/// The reads of a link.
pub(super) struct Gatherer {
    wire: Wire,
    deadline: Duration,
    /// Reads that are waiting for their answers.
    under_way: AtomicUsize,
    /// Reads that somebody is about to send.
    gathered: Mutex<Vec<Read>>,
    /// Bytes of what was read lately, as a moving average.
    typical_bytes: AtomicUsize,
}

/// A read that somebody else sends.
struct Read {
    name: String,
    answer: oneshot::Sender<Answer>,
}

impl Gatherer {
    pub(super) fn new(wire: Wire, deadline: Duration) -> Self {
        let (under_way, typical_bytes) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self { wire, deadline, under_way, gathered: Mutex::default(), typical_bytes }
    }

    /// The value under the name that `name` makes, as it is.
    pub(super) async fn get(&self, name: impl Fn() -> String) -> Answer {
        let is_alone = self.under_way.fetch_add(1, Ordering::Relaxed) == 0;
        let _under_way = UnderWay(&self.under_way);
        // In a cluster keys are rarely together on one server.
        if is_alone || self.wire.is_cluster() {
            return self.get_one(&name()).await;
        }
        let (answer, answered) = oneshot::channel();
        let leads = {
            let mut gathered = self.gathered.lock();
            gathered.push(Read { name: name(), answer });
            gathered.len() == 1
        };
        if leads {
            Leader(Some(self)).lead().await;
        }
        match answered.await {
            Ok(answer) => answer,
            // Whoever was to send it has gone.
            Err(_) => self.get_one(&name()).await,
        }
    }

    fn take(&self) -> Vec<Read> {
        std::mem::take(&mut *self.gathered.lock())
    }

    async fn get_one(&self, name: &str) -> Answer {
        let mut get = Cmd::with_capacity(2, name.len() + 3);
        get.arg("GET").arg(name);
        Ok(bytes_of(self.wire.call(&get, self.deadline).await?))
    }

    async fn answer(&self, reads: Vec<Read>) {
        match self.get_all(&reads).await {
            Ok(values) => {
                for (read, value) in reads.into_iter().zip(values) {
                    // Whoever asked may not be waiting any more.
                    drop(read.answer.send(Ok(bytes_of(value))));
                }
            }
            Err(failure) => {
                for read in reads {
                    drop(read.answer.send(Err(failure.clone())));
                }
            }
        }
    }

    async fn get_all(&self, reads: &[Read]) -> Result<Vec<Value>, Failure> {
        let bytes = reads.iter().map(|read| read.name.len()).sum();
        let mut get = Cmd::with_capacity(1 + reads.len(), bytes);
        get.arg("MGET");
        for read in reads {
            get.arg(&read.name);
        }
        match self.wire.call(&get, self.deadline).await? {
            Value::Array(values) if values.len() == reads.len() => {
                self.learn(&values);
                Ok(values)
            }
            other => Err(unexpected("MGET", &other)),
        }
    }

    /// How many reads may go as one.
    fn most(&self) -> usize {
        let typical = self.typical_bytes.load(Ordering::Relaxed).max(1);
        (MOST_BYTES / typical).clamp(1, MOST_READS)
    }

    fn learn(&self, values: &[Value]) {
        let bytes_in = |value: &Value| match value {
            Value::BulkString(bytes) => bytes.len(),
            _ => 0,
        };
        let mean = values.iter().map(bytes_in).sum::<usize>() / values.len().max(1);
        let before = self.typical_bytes.load(Ordering::Relaxed);
        self.typical_bytes.store((before * 3 + mean) / 4, Ordering::Relaxed);
    }
}

/// Whoever sends what is gathered. If it goes away before, the others send for themselves.
struct Leader<'a>(Option<&'a Gatherer>);

impl Leader<'_> {
    async fn lead(mut self) {
        // Whoever is ready to ask as well does so now.
        tokio::task::yield_now().await;
        let Some(gatherer) = self.0.take() else { return };
        let mut reads = gatherer.take();
        let most = gatherer.most();
        if reads.len() <= most {
            return gatherer.answer(reads).await;
        }
        let mut parts = Vec::new();
        while !reads.is_empty() {
            let rest = reads.split_off(most.min(reads.len()));
            parts.push(gatherer.answer(std::mem::replace(&mut reads, rest)));
        }
        join_all(parts).await;
    }
}

impl Drop for Leader<'_> {
    fn drop(&mut self) {
        self.0.map(Gatherer::take);
    }
}

/// One read among those under way.
struct UnderWay<'a>(&'a AtomicUsize);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
