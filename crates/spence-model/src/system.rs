//! What there is: an origin, a shared tier, and nodes with fills and invalidations under way.

use crate::pair::{Pair, Side};

/// A version of the origin's value; 0 is the first.
pub type Version = u8;
/// A position of the shared log; the first record stands at 1.
pub type Seq = u8;
/// Which node, and which of its fills.
pub type Who = (Side, Side);

/// Everything, at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct System {
    /// What the origin would answer.
    pub origin: Version,
    /// Writes that are still to come.
    pub writes: u8,
    /// The shared tier.
    pub shared: Shared,
    /// What a replica of it has, which may take its place.
    pub replica: Option<Box<Shared>>,
    /// Outages, failovers and crashes that are still to come.
    pub mishaps: u8,
    /// The newest version that an invalidation wrote which the shared tier has acknowledged.
    pub acknowledged: Version,
    /// The nodes.
    pub nodes: Pair<Node>,
}

/// The shared tier.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Shared {
    /// Whether it answers.
    pub up: bool,
    /// The value under the key.
    pub value: Option<Stored>,
    /// Who has the right to store one.
    pub lease: Option<Who>,
    /// The last position given out.
    pub seq: Seq,
    /// The position of the newest ban, as the hash beside `seq` has it.
    pub ban: Seq,
    /// The records, oldest first.
    pub log: Vec<Record>,
    /// How often a replica has taken over, as nodes see when they are connected anew.
    pub term: u8,
    /// How many records it had when it did; nodes that had read more were ahead of it.
    pub taken_over: usize,
}

/// A value in the shared tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stored {
    /// Its version.
    pub version: Version,
    /// The position of the log that its fill goes by.
    pub stamp: Seq,
}

/// An invalidation, as the other nodes hear of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Record {
    /// Its position.
    pub seq: Seq,
    /// The version that had been written before it.
    pub version: Version,
    /// Who made it.
    pub from: Side,
}

/// One node.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Node {
    /// Whether it takes part yet.
    pub joined: bool,
    /// What its memory holds.
    pub memory: Option<Version>,
    /// What its disk holds.
    pub disk: Option<Version>,
    /// No read that begins now may return an older version: an invalidation has returned here.
    pub must: Version,
    /// The newest version in the records that it counts as read.
    pub heard: Version,
    /// How many records it has read.
    pub position: usize,
    /// How many it would count as read after a crash.
    pub kept_position: usize,
    /// Whether the disk has yet to forget what it holds; it is not read meanwhile.
    pub owes_disk: bool,
    /// It has missed a record and not noticed yet.
    pub gap: bool,
    /// The newest ban that it knows of.
    pub banned: Seq,
    /// A ban of its own is on its way.
    pub banning: bool,
    /// The term of the shared tier that it knows of.
    pub term: u8,
    /// Its own newest invalidation that the shared tier has acknowledged.
    pub made: Option<Record>,
    /// The newest position of an invalidation that it made or heard of.
    pub known: Seq,
    /// The version of an invalidation that the shared tier has yet to be told.
    pub owed: Option<Version>,
    /// Fills that are still to come.
    pub fills_left: u8,
    /// Fills under way.
    pub fills: Pair<Option<Fill>>,
    /// An invalidation under way.
    pub invalidation: Option<Invalidation>,
}

/// A fill under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fill {
    /// What the node's `must` was when it began: it may not return an older version.
    pub need: Version,
    /// Whether an invalidation has passed it on its node.
    pub doomed: bool,
    /// How far it is.
    pub at: Stage,
}

/// How far a fill is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// It found this below memory and has yet to install it.
    Found(Version),
    /// It may ask the origin; `Some` if it has the lease.
    Asking(Option<Seq>),
    /// The origin has answered; `Some` if it has the lease.
    Asked(Version, Option<Seq>),
    /// It has stored what it could and has yet to install it here.
    Stored(Version),
}

/// An invalidation under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Invalidation {
    /// The version that was written before it.
    pub version: Version,
    /// Its next step.
    pub step: usize,
    /// Whether the shared tier could not be told, so that it is owed.
    pub queued: bool,
}

impl System {
    /// Nothing has happened; node 1 takes part if `all_joined`.
    #[must_use]
    pub fn new(writes: u8, fills: u8, mishaps: u8, all_joined: bool) -> Self {
        let node = |joined| Node::new(joined, fills);
        Self {
            origin: 0,
            writes,
            shared: Shared::default(),
            replica: None,
            mishaps,
            acknowledged: 0,
            nodes: Pair(node(true), node(all_joined)),
        }
    }
}

impl System {
    /// The same, told otherwise: which of a node's fills is which makes no difference.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        for at in Side::BOTH {
            let Pair(first, second) = &mut self.nodes[at].fills;
            if first > second {
                std::mem::swap(first, second);
                self.rename(|(node, fill)| (node, if node == at { fill.other() } else { fill }));
            }
        }
        self
    }

    /// The same, with each node in the other's place.
    #[must_use]
    pub fn mirrored(mut self) -> Self {
        let Pair(first, second) = &mut self.nodes;
        std::mem::swap(first, second);
        self.rename(|(node, fill)| (node.other(), fill));
        for shared in std::iter::once(&mut self.shared).chain(self.replica.as_deref_mut()) {
            shared.log.iter_mut().for_each(|record| record.from = record.from.other());
        }
        for made in self.nodes.each_mut().filter_map(|node| node.made.as_mut()) {
            made.from = made.from.other();
        }
        self
    }

    /// Calls the holders of leases by another name.
    fn rename(&mut self, name: impl Fn(Who) -> Who) {
        for shared in std::iter::once(&mut self.shared).chain(self.replica.as_deref_mut()) {
            shared.lease = shared.lease.map(&name);
        }
    }
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            up: true,
            value: None,
            lease: None,
            seq: 0,
            ban: 0,
            log: Vec::new(),
            term: 0,
            taken_over: 0,
        }
    }
}

impl Shared {
    /// Appends a record; returns its position.
    pub fn publish(&mut self, version: Version, from: Side) -> Seq {
        self.seq += 1;
        self.log.push(Record { seq: self.seq, version, from });
        self.seq
    }

    /// The newest version in the first `count` records that others than `node` made.
    #[must_use]
    pub fn newest(&self, count: usize, node: Side) -> Version {
        let others = self.log.iter().take(count).filter(|record| record.from != node);
        others.map(|record| record.version).max().unwrap_or(0)
    }

    /// Deletes the value and the lease.
    pub fn delete(&mut self) {
        self.value = None;
        self.lease = None;
    }
}

impl Node {
    fn new(joined: bool, fills_left: u8) -> Self {
        Self {
            joined,
            memory: None,
            disk: None,
            must: 0,
            heard: 0,
            position: 0,
            kept_position: 0,
            owes_disk: false,
            gap: false,
            banned: 0,
            banning: false,
            term: 0,
            made: None,
            known: 0,
            owed: None,
            fills_left,
            fills: Pair::default(),
            invalidation: None,
        }
    }

    /// The fence: memory and disk forget, and fills that run now install nothing here.
    pub fn doom(&mut self) {
        self.memory = None;
        self.disk = None;
        self.fills.each_mut().flatten().for_each(|fill| fill.doomed = true);
    }

    /// Puts a value into the node's own tiers.
    pub fn install(&mut self, version: Version, has_disk: bool) {
        self.memory = Some(version);
        if has_disk {
            (self.disk, self.owes_disk) = (Some(version), false);
        }
    }
}
