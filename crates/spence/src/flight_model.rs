//! The flight table and its slots under every order of steps that two or three threads can take,
//! by loom: `cargo test --package spence --features loom --lib flight_model`.
//!
//! The table is the real one. Around it stands as little as can be: one key, what is held under it,
//! and an origin that is a version, so that "older" can be seen.

use std::sync::Arc;

use loom::thread;

use crate::clock::START;
use crate::error::{Error, ErrorKind};
use crate::flight::{Admission, Boarding, Flight, FlightTable, Ticket};
use crate::log::Log;
use crate::sync::{AtomicU64, Mutex, Ordering};

const HASH: u64 = 7;
const KEY: u32 = 1;

/// What a flight brings: a version.
type Numbers = Flight<u32, u64>;

#[derive(Clone)]
struct World {
    table: Arc<FlightTable>,
    log: Arc<Log>,
    /// The version that the origin has now, from 1 on.
    origin: Arc<AtomicU64>,
    /// How often it was asked.
    calls: Arc<AtomicU64>,
    /// The version that is held; 0 for nothing. Changed under the key's flight-shard mutex.
    held: Arc<Mutex<u64>>,
}

impl World {
    fn new() -> Self {
        Self {
            table: Arc::new(FlightTable::new()),
            log: Arc::new(Log::after(0)),
            origin: Arc::new(AtomicU64::new(1)),
            calls: Arc::new(AtomicU64::new(0)),
            held: Arc::new(Mutex::new(0)),
        }
    }

    /// Reads through the cache, as `fetch.rs` does but for the waiting: `None` for a caller that
    /// would wait for another's flight, or look again.
    fn read(&self) -> Option<u64> {
        let ticket = self.table.ticket(HASH, &self.log);
        let held = *self.held.lock();
        if held > 0 {
            return Some(held);
        }
        match self.board_with(&ticket) {
            Boarding::Lead(flight) => Some(self.fill(&flight)),
            Boarding::Join(_) | Boarding::Full(_) | Boarding::Changed => None,
            Boarding::Failed(error) => panic!("{error}"),
        }
    }

    fn board_with(&self, ticket: &Ticket) -> Boarding<u32, u64> {
        ticket.board(&KEY, START, &self.log, |_| true)
    }

    /// Comes for a value, and finds nothing held.
    fn board(&self) -> (Ticket, Boarding<u32, u64>) {
        let ticket = self.table.ticket(HASH, &self.log);
        let boarding = self.board_with(&ticket);
        (ticket, boarding)
    }

    /// Comes for a value that nobody else may bring.
    fn lead(&self) -> (Ticket, Arc<Numbers>) {
        match self.board() {
            (ticket, Boarding::Lead(flight)) => (ticket, flight),
            _ => panic!("there is none to join, and room"),
        }
    }

    fn fill(&self, flight: &Arc<Numbers>) -> u64 {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let version = self.origin.load(Ordering::SeqCst);
        let mut shard = self.table.lock(HASH);
        shard.land(HASH, flight);
        if matches!(shard.admit(HASH, flight.as_of), Admission::Granted { .. }) {
            *self.held.lock() = version;
            shard.installed(HASH, flight.as_of);
        }
        drop(shard);
        flight.publish(version);
        version
    }

    /// What `promote` does: brings up what a lower tier holds, read under a ticket.
    fn promote(&self, below: &Mutex<u64>) {
        let ticket = self.table.ticket(HASH, &self.log);
        let version = *below.lock();
        let mut shard = self.table.lock(HASH);
        if version > 0 && matches!(shard.admit(HASH, 0), Admission::Granted { .. }) {
            *self.held.lock() = version;
            shard.promoted(HASH, 0);
        }
        drop(shard);
        drop(ticket);
    }

    fn invalidate(&self) {
        let mut shard = self.table.lock(HASH);
        shard.doom(HASH, self.log.next());
        *self.held.lock() = 0;
    }

    /// The origin changes, and says so.
    fn change(&self) -> u64 {
        let version = self.origin.fetch_add(1, Ordering::SeqCst) + 1;
        self.invalidate();
        version
    }

    /// When nothing is going on, nothing is left behind.
    fn end(&self) {
        assert_eq!(self.table.census(), (0, 0), "tickets or flights are left");
    }
}

/// Every order, but for more than `preemptions` of them in one.
fn every_order(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}

#[test]
fn an_invalidation_passes_a_fill() {
    every_order(4, || {
        let world = World::new();
        let reading = thread::spawn({
            let world = world.clone();
            move || world.read()
        });
        let version = world.change();
        if let Some(read) = world.read() {
            assert!(read >= version, "C1: read {read} after the invalidation of {version}");
        }
        reading.join().unwrap();
        let held = *world.held.lock();
        assert!(held == 0 || held >= version, "C2: {held} is held after {version}");
        world.end();
    });
}

#[test]
fn an_invalidation_passes_two_fills() {
    every_order(2, || {
        let world = World::new();
        let readings = [(); 2].map(|()| {
            let world = world.clone();
            thread::spawn(move || world.read())
        });
        let version = world.change();
        for reading in readings {
            reading.join().unwrap();
        }
        let held = *world.held.lock();
        assert!(held == 0 || held >= version, "C2: {held} is held after {version}");
        world.end();
    });
}

#[test]
fn an_invalidation_passes_a_promotion() {
    every_order(4, || {
        let world = World::new();
        // Both in the order of the mutex, as the disk's inbox is.
        let below = Arc::new(Mutex::new(1));
        let promoting = thread::spawn({
            let (world, below) = (world.clone(), Arc::clone(&below));
            move || world.promote(&below)
        });
        let mut shard = world.table.lock(HASH);
        shard.doom(HASH, world.log.next());
        *below.lock() = 0;
        *world.held.lock() = 0;
        drop(shard);
        promoting.join().unwrap();
        assert_eq!(*world.held.lock(), 0, "C2: what was invalidated came up again");
        world.end();
    });
}

#[test]
fn callers_of_one_key_cause_one_call() {
    every_order(3, || {
        let world = World::new();
        let readings = [(); 2].map(|()| {
            let world = world.clone();
            thread::spawn(move || world.read())
        });
        world.read();
        for reading in readings {
            reading.join().unwrap();
        }
        assert_eq!(world.calls.load(Ordering::SeqCst), 1, "C7");
        assert_eq!(*world.held.lock(), 1);
        world.end();
    });
}

/// Who comes after an invalidation does not board a flight that began before it.
#[test]
fn a_passed_flight_is_nobodys_to_join() {
    every_order(3, || {
        let world = World::new();
        let (first, flight) = world.lead();
        let filling = thread::spawn({
            let (world, flight) = (world.clone(), Arc::clone(&flight));
            move || world.fill(&flight)
        });
        world.change();
        let (late, boarding) = world.board();
        match boarding {
            Boarding::Lead(own) => {
                assert!(own.as_of > flight.as_of);
                world.fill(&own);
            }
            Boarding::Join(_) => panic!("it began before the invalidation"),
            Boarding::Full(_) | Boarding::Changed => {}
            Boarding::Failed(error) => panic!("{error}"),
        }
        filling.join().unwrap();
        drop((first, late));
        world.end();
    });
}

/// A failure keeps callers from the origin until the key is invalidated.
#[test]
fn a_failure_is_remembered_until_an_invalidation() {
    every_order(3, || {
        let world = World::new();
        let (first, flight) = world.lead();
        let invalidating = thread::spawn({
            let world = world.clone();
            move || world.invalidate()
        });
        let mut shard = world.table.lock(HASH);
        let is_current = shard.land(HASH, &flight);
        if is_current {
            shard.failures().add(HASH, &Error::new(ErrorKind::Origin, "down"), START, 64, 64);
        }
        drop((shard, first));
        invalidating.join().unwrap();
        let (late, boarding) = world.board();
        match boarding {
            Boarding::Lead(own) => drop(world.fill(&own)),
            Boarding::Failed(_) => panic!("it was invalidated since"),
            Boarding::Join(_) | Boarding::Full(_) | Boarding::Changed => panic!("nobody is there"),
        }
        drop(late);
        world.end();
    });
}

/// At most two flights of a key are on their way, and a passed one's failure is nobody's.
#[test]
fn a_third_flight_waits() {
    every_order(3, || {
        let world = World::new();
        let (_first, one) = world.lead();
        world.invalidate();
        let (_second, two) = world.lead();
        world.invalidate();
        let (third, Boarding::Full(_)) = world.board() else { panic!("two are on their way") };
        drop(third);
        let landing = thread::spawn({
            let (world, one) = (world.clone(), Arc::clone(&one));
            move || {
                let error = Error::new(ErrorKind::Origin, "down");
                let mut shard = world.table.lock(HASH);
                let is_current = shard.land(HASH, &one);
                if is_current {
                    shard.failures().add(HASH, &error, START, 64, 64);
                }
                is_current
            }
        });
        let (_fourth, boarding) = world.board();
        match boarding {
            Boarding::Full(_) => {}
            Boarding::Lead(own) => drop(world.fill(&own)),
            Boarding::Failed(_) => panic!("a passed flight's failure is nobody's"),
            Boarding::Join(_) | Boarding::Changed => panic!("there is none to join"),
        }
        assert!(!landing.join().unwrap(), "it was passed");
        world.fill(&two);
    });
}
