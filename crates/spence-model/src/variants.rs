//! The protocols that are explored, and what is expected of each.

use crate::system::System;

/// A clause of the contract, as far as the model sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clause {
    /// A read that begins after an invalidation has returned on its node yields nothing older.
    C1,
    /// What is older than an invalidation enters no tier after it: neither the shared one once that
    /// has acknowledged it, nor a node's own once that has heard of it.
    C2,
}

/// A step of an invalidation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Memory forgets; fills that run are not stopped.
    Drop,
    /// The fence: memory forgets, and fills that run now install nothing on this node.
    Doom,
    /// The shared tier deletes value and lease.
    Delete,
    /// The shared tier appends a record for the other nodes.
    Publish,
    /// `Delete` and `Publish` in one script.
    Script,
}

/// What is invalidated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One key: the shared tier deletes it.
    Key,
    /// Many keys: the shared tier only notes the ban at its position.
    Ban,
}

/// The position that a stored value goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stamp {
    /// That at which its fill began.
    AtLease,
    /// That at which it is stored.
    AtStore,
}

/// Whether a node may miss records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// It misses none.
    Never,
    /// It misses some, and takes those after them for all there were.
    Unnoticed,
    /// It misses some, notices a gap in the positions, and believes nothing that it holds then.
    Noticed,
}

/// What a node knows that joins late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joining {
    /// Both nodes are there from the beginning.
    Never,
    /// It reads the records from now on; those before have been trimmed.
    ReadsRecords,
    /// It reads the bans that stand beside the positions too.
    ReadsBans,
}

/// What is done while the shared tier is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outage {
    /// It is never away.
    Never,
    /// An invalidation reaches what it can.
    Forgets,
    /// It is journalled and replayed.
    Replays,
    /// As `Replays`, and what the shared tier has is not believed here before.
    ReplaysAndDoubts,
}

/// What is done when a replica takes over that has not got everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failover {
    /// None does.
    Never,
    /// The replica is believed.
    Believed,
    /// A node that is connected to it believes nothing that it holds, makes its own newest
    /// invalidation again if that was lost, and believes no value from before a position that it
    /// knows of.
    Compared,
}

/// What a crash leaves on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crash {
    /// There is no disk.
    Never,
    /// The position in the log is kept before the disk has forgotten what was read.
    PositionFirst,
    /// The disk forgets first.
    TombstoneFirst,
}

/// A protocol, and the trouble it is put to.
#[derive(Debug, Clone, Copy)]
pub struct Variant {
    /// What is different about it.
    pub name: &'static str,
    /// What is expected; `None`: it holds.
    pub breaks: Option<Clause>,
    /// Whether a fill that was passed on its node installs nothing there.
    pub fence: bool,
    /// Whether only the holder of a lease that still stands may store in the shared tier.
    pub lease: bool,
    /// The steps of an invalidation.
    pub steps: &'static [Step],
    /// What is invalidated.
    pub kind: Kind,
    /// The position that a stored value goes by.
    pub stamp: Stamp,
    /// Whether value and lease may vanish at any moment, by expiry or eviction.
    pub vanishes: bool,
    /// Whether a node may miss records.
    pub loss: Loss,
    /// What a node knows that joins late.
    pub joining: Joining,
    /// What is done while the shared tier is away.
    pub outage: Outage,
    /// What is done when a replica takes over.
    pub failover: Failover,
    /// What a crash leaves on disk.
    pub crash: Crash,
}

/// How much may happen.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Writes, each followed by an invalidation.
    pub writes: u8,
    /// Fills of each node.
    pub fills: u8,
}

impl Variant {
    /// Before anything has happened.
    #[must_use]
    pub fn start(&self, bounds: Bounds) -> System {
        let mishaps = [
            self.outage != Outage::Never,
            self.failover != Failover::Never,
            self.crash != Crash::Never,
        ];
        let mishaps = u8::from(mishaps.contains(&true));
        System::new(bounds.writes, bounds.fills, mishaps, self.joining == Joining::Never)
    }
}

/// The protocol that is to be built.
const SPENCE: Variant = Variant {
    name: "doom, delete and publish, doom",
    breaks: None,
    fence: true,
    lease: true,
    steps: &[Step::Doom, Step::Script, Step::Doom],
    kind: Kind::Key,
    stamp: Stamp::AtLease,
    vanishes: false,
    loss: Loss::Never,
    joining: Joining::Never,
    outage: Outage::Never,
    failover: Failover::Never,
    crash: Crash::Never,
};

/// The same on a server on which one script cannot reach two keys.
const CLUSTER: Variant =
    Variant { steps: &[Step::Doom, Step::Delete, Step::Publish, Step::Doom], ..SPENCE };

/// All of them.
pub const VARIANTS: &[Variant] = &[
    SPENCE,
    Variant { name: "doom, delete, publish, doom (two steps, as on Redis Cluster)", ..CLUSTER },
    Variant {
        name: "no fence, no lease: drop, delete, publish",
        breaks: Some(Clause::C2),
        fence: false,
        lease: false,
        steps: &[Step::Drop, Step::Delete, Step::Publish],
        ..SPENCE
    },
    Variant { name: "fence, no lease", breaks: Some(Clause::C2), lease: false, ..SPENCE },
    Variant { name: "lease, no fence", breaks: Some(Clause::C1), fence: false, ..SPENCE },
    Variant {
        name: "doom, delete and publish (the usual order)",
        breaks: Some(Clause::C1),
        steps: &[Step::Doom, Step::Script],
        ..SPENCE
    },
    Variant {
        name: "publish before delete",
        breaks: Some(Clause::C2),
        steps: &[Step::Doom, Step::Publish, Step::Delete, Step::Doom],
        ..SPENCE
    },
    Variant { name: "delete and publish, doom", steps: &[Step::Script, Step::Doom], ..SPENCE },
    Variant {
        name: "delete, publish, doom (two steps)",
        steps: &[Step::Delete, Step::Publish, Step::Doom],
        ..SPENCE
    },
    Variant {
        name: "doom, delete, publish (two steps, no doom after them)",
        breaks: Some(Clause::C1),
        steps: &[Step::Doom, Step::Delete, Step::Publish],
        ..SPENCE
    },
    Variant {
        name: "records lost, unnoticed",
        breaks: Some(Clause::C2),
        loss: Loss::Unnoticed,
        ..SPENCE
    },
    Variant { name: "records lost, the gap noticed", loss: Loss::Noticed, ..SPENCE },
    Variant { name: "two steps, records lost, the gap noticed", loss: Loss::Noticed, ..CLUSTER },
    Variant {
        name: "value and lease vanish, records lost, the gap noticed",
        loss: Loss::Noticed,
        vanishes: true,
        ..SPENCE
    },
    Variant {
        name: "two steps, value and lease vanish, records lost, the gap noticed",
        loss: Loss::Noticed,
        vanishes: true,
        ..CLUSTER
    },
    Variant { name: "ban, values stamped when their fill begins", kind: Kind::Ban, ..SPENCE },
    Variant {
        name: "ban, values stamped when they are stored",
        breaks: Some(Clause::C2),
        kind: Kind::Ban,
        stamp: Stamp::AtStore,
        ..SPENCE
    },
    Variant {
        name: "ban, records lost, the gap noticed, value and lease vanish",
        kind: Kind::Ban,
        loss: Loss::Noticed,
        vanishes: true,
        ..SPENCE
    },
    Variant {
        name: "ban, a node joins late and reads the records from then on",
        breaks: Some(Clause::C2),
        kind: Kind::Ban,
        joining: Joining::ReadsRecords,
        ..SPENCE
    },
    Variant {
        name: "ban, a node joins late and reads the bans too",
        kind: Kind::Ban,
        joining: Joining::ReadsBans,
        ..SPENCE
    },
    Variant { name: "a node joins late", joining: Joining::ReadsBans, ..SPENCE },
    Variant {
        name: "outage, the invalidation is forgotten",
        breaks: Some(Clause::C1),
        outage: Outage::Forgets,
        ..SPENCE
    },
    Variant {
        name: "outage, the invalidation is replayed, what is there is believed",
        breaks: Some(Clause::C1),
        outage: Outage::Replays,
        ..SPENCE
    },
    Variant {
        name: "outage, the invalidation is replayed, and nothing believed before",
        outage: Outage::ReplaysAndDoubts,
        ..SPENCE
    },
    Variant {
        name: "outage, ban, replayed, and nothing believed before",
        kind: Kind::Ban,
        outage: Outage::ReplaysAndDoubts,
        ..SPENCE
    },
    Variant {
        name: "failover to a replica that lags, believed",
        breaks: Some(Clause::C1),
        failover: Failover::Believed,
        ..SPENCE
    },
    Variant {
        name: "failover to a replica that lags, positions compared",
        failover: Failover::Compared,
        ..SPENCE
    },
    Variant {
        name: "crash, the position kept before the tombstone",
        breaks: Some(Clause::C2),
        crash: Crash::PositionFirst,
        ..SPENCE
    },
    Variant {
        name: "crash, the tombstone kept before the position",
        crash: Crash::TombstoneFirst,
        ..SPENCE
    },
];
