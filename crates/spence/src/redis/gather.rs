//! Reads that are asked for at the same time go to the server as one.
//!
//! While few are under way, each goes at once, by itself: the server answers them while others are
//! being asked for. Beyond that the first to come starts a task that lets whatever is ready to ask
//! as well do so, and sends all as one `MGET`: one command to write, to answer and to wait for,
//! instead of one for each. It is a task of its own since nobody else's read may depend on whether
//! a caller goes on being polled.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use redis::{Cmd, Value};
use tokio::sync::oneshot;

use super::link::{bytes_of, unexpected};
use super::wire::{Failure, Wire, late};
use crate::spawn::Spawner;
use crate::sync::{AtomicUsize, Mutex, Ordering};

/// So many reads may be under way each by itself.
const FEW_READS: usize = 16;
/// The most reads that go as one.
const MOST_READS: usize = 128;
/// What they may bring, by the sizes of what was read lately, so that one answer does not hold up
/// all others.
const MOST_BYTES: usize = 256 << 10;

type Answer = Result<Option<Bytes>, Failure>;

/// The reads of a link.
pub(super) struct Gatherer {
    reads: Arc<Reads>,
    spawner: Arc<dyn Spawner>,
}

/// What its tasks share.
struct Reads {
    wire: Wire,
    deadline: Duration,
    /// Reads that are waiting for their answers.
    under_way: AtomicUsize,
    /// Reads that a task is about to send.
    gathered: Mutex<Vec<Read>>,
    /// Bytes of what was read lately, as a moving average.
    typical_bytes: AtomicUsize,
}

/// A read that a task sends.
struct Read {
    name: String,
    answer: oneshot::Sender<Answer>,
}

impl Gatherer {
    pub(super) fn new(wire: Wire, deadline: Duration, spawner: Arc<dyn Spawner>) -> Self {
        let (under_way, typical_bytes) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let reads = Reads { wire, deadline, under_way, gathered: Mutex::default(), typical_bytes };
        Self { reads: Arc::new(reads), spawner }
    }

    /// The value under a name, as it is.
    pub(super) async fn get(&self, name: String) -> Answer {
        let reads = &self.reads;
        let are_few = reads.under_way.fetch_add(1, Ordering::Relaxed) < FEW_READS;
        let _under_way = UnderWay(&reads.under_way);
        // In a cluster keys are rarely together on one server.
        if are_few || reads.wire.is_cluster() {
            return reads.get_one(&name).await;
        }
        let (answer, answered) = oneshot::channel();
        let is_first = {
            let mut gathered = reads.gathered.lock();
            gathered.push(Read { name, answer });
            gathered.len() == 1
        };
        if is_first {
            self.spawner.spawn(Box::pin(Arc::clone(reads).send()));
        }
        // The task has a deadline, but the runtime that is to run it may be blocked, or gone.
        let limit = 2 * reads.deadline;
        match reads.wire.clock().timeout(limit, answered).await {
            Some(Ok(answer)) => answer,
            Some(Err(_)) => Err(Failure::Away("the runtime is closing".to_owned())),
            None => Err(Failure::Away(late(limit).to_string())),
        }
    }
}

impl Reads {
    /// Sends what is gathered.
    async fn send(self: Arc<Self>) {
        // Whoever is ready to ask as well does so now.
        tokio::task::yield_now().await;
        let mut reads = std::mem::take(&mut *self.gathered.lock());
        let most = self.most();
        if reads.len() <= most {
            return self.answer(reads).await;
        }
        let mut parts = Vec::new();
        while !reads.is_empty() {
            let rest = reads.split_off(most.min(reads.len()));
            parts.push(self.answer(std::mem::replace(&mut reads, rest)));
        }
        join_all(parts).await;
    }

    async fn get_one(&self, name: &str) -> Answer {
        let mut get = Cmd::with_capacity(2, name.len() + 3);
        get.arg("GET").arg(name);
        let value = match self.wire.call(&get, self.deadline).await {
            // What somebody else has put there; `MGET` calls it nothing.
            Err(Failure::Refused(why)) if why.contains("WRONGTYPE") => return Ok(None),
            value => value?,
        };
        self.learn(std::slice::from_ref(&value));
        Ok(bytes_of(value))
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
                // It may have been too much.
                let typical = 2 * MOST_BYTES / reads.len().max(1);
                self.typical_bytes.fetch_max(typical, Ordering::Relaxed);
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
        let found = values.iter().filter_map(|value| match value {
            Value::BulkString(bytes) => Some(bytes.len()),
            _ => None,
        });
        let (count, bytes) = found.fold((0, 0), |(count, sum), bytes| (count + 1, sum + bytes));
        if let Some(mean) = bytes.checked_div(count) {
            let before = self.typical_bytes.load(Ordering::Relaxed);
            self.typical_bytes.store((before * 3 + mean) / 4, Ordering::Relaxed);
        }
    }
}

/// One read among those under way.
struct UnderWay<'a>(&'a AtomicUsize);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
