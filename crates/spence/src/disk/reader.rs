//! Reading records: at once when the page cache has them, else on a few threads with a deadline.
//!
//! A file read can block for as long as the device likes, so it must not happen on an async
//! thread. `RWF_NOWAIT` gives what is in the page cache without blocking, which is nearly always
//! everything; the rest is read by the threads here, and a caller waits for them only so long.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::index::Place;
use super::segment::Segment;
use crate::clock::Clock;
use crate::compress::Own;
use crate::resilience::Breaker;

/// Records up to this many bytes, nearly all of them, are read into a buffer of the thread: an
/// allocation that is given back at once takes longer than the copy of what is kept.
const SMALL_BYTES: usize = 16 << 10;
const THREADS: usize = 4;
/// More waiting reads than this and the tier counts as too slow: the read is a miss.
const MAX_WAITING: usize = 256;

/// What came of a read.
pub(super) enum Read {
    Record(Vec<u8>),
    /// The device failed or took too long.
    Failed,
    /// It has failed too often lately.
    NotAsked,
}

thread_local! {
    static SMALL: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The threads, and what they are to read.
pub(super) struct Reader {
    shared: Arc<Shared>,
    clock: Clock,
    deadline: Duration,
    breaker: Breaker,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
    closed: bool,
}

struct Job {
    segment: Arc<Segment>,
    place: Place,
    done: oneshot::Sender<Option<Vec<u8>>>,
}

impl Reader {
    pub(super) fn new(clock: Clock, deadline: Duration) -> Self {
        let breaker = Breaker::new(clock.clone());
        Self { shared: Arc::default(), clock, deadline, breaker }
    }

    /// What `take` makes of the bytes of a record, if they are at hand.
    pub(super) fn at_hand<T>(
        segment: &Segment,
        place: Place,
        take: impl FnOnce(&[u8], Own<'_>) -> T,
    ) -> Option<T> {
        let fill = |buffer: &mut [u8]| {
            let read = segment.read_nowait(buffer, place.offset()).ok()?;
            (read == buffer.len()).then_some(())
        };
        if place.length() > SMALL_BYTES {
            let mut record = vec![0; place.length()];
            fill(&mut record)?;
            return Some(Self::whole(record, take));
        }
        let small = |buffer: &RefCell<Vec<u8>>| {
            let mut buffer = buffer.borrow_mut();
            buffer.resize(SMALL_BYTES, 0);
            let record = buffer.get_mut(..place.length())?;
            fill(record)?;
            Some(take(record, &Bytes::copy_from_slice))
        };
        // A thread that is ending has no buffer any more.
        SMALL.try_with(small).ok()?
    }

    /// What `take` makes of a record. A part that is nearly all of it shares it; another would keep
    /// the whole for little of it.
    pub(super) fn whole<T>(record: Vec<u8>, take: impl FnOnce(&[u8], Own<'_>) -> T) -> T {
        let record = Bytes::from(record);
        take(&record, &|part| match part.len() >= record.len() / 8 * 7 {
            true => record.slice_ref(part),
            false => Bytes::copy_from_slice(part),
        })
    }

    /// The bytes of a record that are not at hand. The deadline counts for the wait; a device that
    /// fails or is too slow a few times in a row is not asked for a while.
    pub(super) async fn read(&self, segment: Arc<Segment>, place: Place) -> Read {
        if !self.breaker.is_closed() {
            return Read::NotAsked;
        }
        let read = self.wait_for(segment, place).await;
        match &read {
            Some(_) => self.breaker.succeeded(),
            None => self.breaker.failed(),
        }
        read.map_or(Read::Failed, Read::Record)
    }

    async fn wait_for(&self, segment: Arc<Segment>, place: Place) -> Option<Vec<u8>> {
        let (done, result) = oneshot::channel();
        self.shared.submit(Job { segment, place, done })?;
        self.clock.timeout(self.deadline, result).await?.ok()?
    }

    /// How often the breaker has opened.
    pub(super) fn times_opened(&self) -> u64 {
        self.breaker.times_opened()
    }
}

impl Shared {
    fn submit(self: &Arc<Self>, job: Job) -> Option<()> {
        let mut state = self.state.lock();
        if state.jobs.len() >= MAX_WAITING {
            return None;
        }
        state.jobs.push_back(job);
        let more = state.idle == 0 && state.threads < THREADS;
        state.threads += usize::from(more);
        drop(state);
        self.arrived.notify_one();
        if more {
            let shared = Arc::clone(self);
            let thread = std::thread::Builder::new().name("spence-disk-read".into());
            if thread.spawn(move || shared.work()).is_err() {
                self.state.lock().threads -= 1;
            }
        }
        Some(())
    }

    fn work(&self) {
        loop {
            let mut state = self.state.lock();
            state.idle += 1;
            while state.jobs.is_empty() && !state.closed {
                self.arrived.wait(&mut state);
            }
            state.idle -= 1;
            let Some(Job { segment, place, done }) = state.jobs.pop_front() else { return };
            drop(state);
            let mut buffer = vec![0; place.length()];
            let read = segment.read(&mut buffer, place.offset());
            // Whoever asked may have given up.
            drop(done.send(read.ok().map(|()| buffer)));
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.shared.state.lock().closed = true;
        self.shared.arrived.notify_all();
    }
}
