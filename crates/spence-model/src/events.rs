//! The steps of which a run is made.

use std::fmt;

use crate::pair::Side;

/// Something that happens, on a node, to one of its fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A fill begins: finds a value below memory, or takes the lease, or does without it, since it
    /// waits no longer for another's. (Whoever waits may as well begin later.)
    Begin(Side, Side),
    /// It installs what it found.
    Promote(Side, Side),
    /// It asks the origin.
    Ask(Side, Side),
    /// It stores what the origin answered, if it may.
    Store(Side, Side),
    /// It installs that.
    Install(Side, Side),
    /// The origin's value changes, and its invalidation begins.
    Write(Side),
    /// An invalidation takes its next step.
    Proceed(Side),
    /// As `Proceed`, but the answer of the shared tier is lost.
    ProceedUnheard(Side),
    /// What is owed to the shared tier is told it.
    Replay(Side),
    /// A node reads its next record.
    Deliver(Side),
    /// A node misses its next record.
    Lose(Side),
    /// A node notices that it has missed some.
    Notice(Side),
    /// A node is connected to the replica that has taken over, and sees that it has.
    Reconnect(Side),
    /// A node joins.
    Join(Side),
    /// A node's disk forgets what the last record was about.
    Settle(Side),
    /// A node keeps its position.
    Keep(Side),
    /// A node is killed and starts again.
    Crash(Side),
    /// A value or a lease vanishes from the shared tier.
    Vanish(bool),
    /// The shared tier goes away, or comes back.
    Outage(bool),
    /// The replica copies everything.
    Replicate,
    /// The replica takes over.
    Failover,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let node = |at: Side| match at {
            Side::First => "A",
            Side::Second => "B",
        };
        let fill = |number: Side| match number {
            Side::First => "1",
            Side::Second => "2",
        };
        match *self {
            Event::Begin(at, n) => {
                write!(f, "{}: fill {} begins, and looks below memory", node(at), fill(n))
            }
            Event::Promote(at, n) => {
                write!(f, "{}: fill {} installs what it found", node(at), fill(n))
            }
            Event::Ask(at, n) => write!(f, "{}: fill {} asks the origin", node(at), fill(n)),
            Event::Store(at, n) => write!(f, "{}: fill {} stores, if it may", node(at), fill(n)),
            Event::Install(at, n) => {
                write!(f, "{}: fill {} installs, if it may", node(at), fill(n))
            }
            Event::Write(at) => {
                write!(f, "the origin changes; {}: its invalidation begins", node(at))
            }
            Event::Proceed(at) => write!(f, "{}: the invalidation takes a step", node(at)),
            Event::ProceedUnheard(at) => {
                write!(f, "{}: the invalidation takes a step, the answer is lost", node(at))
            }
            Event::Replay(at) => write!(f, "{}: replays what it owes", node(at)),
            Event::Deliver(at) => write!(f, "{}: reads a record", node(at)),
            Event::Lose(at) => write!(f, "{}: misses a record", node(at)),
            Event::Notice(at) => write!(f, "{}: notices that it has missed records", node(at)),
            Event::Reconnect(at) => {
                write!(f, "{}: sees that the replica has taken over", node(at))
            }
            Event::Join(at) => write!(f, "{}: joins", node(at)),
            Event::Settle(at) => write!(f, "{}: the disk forgets what was read", node(at)),
            Event::Keep(at) => write!(f, "{}: keeps its position", node(at)),
            Event::Crash(at) => write!(f, "{}: is killed and starts again", node(at)),
            Event::Vanish(true) => f.write_str("the shared value vanishes"),
            Event::Vanish(false) => f.write_str("the lease vanishes"),
            Event::Outage(true) => f.write_str("the shared tier comes back"),
            Event::Outage(false) => f.write_str("the shared tier goes away"),
            Event::Replicate => f.write_str("the replica copies everything"),
            Event::Failover => f.write_str("the replica takes over"),
        }
    }
}
