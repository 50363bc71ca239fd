//! Compares what reads have said with what had been written before.
//!
//! - C1: a read that begins on a node after an invalidation (or insert) has returned there says
//!   that version or a later one.
//! - C8: a read says what an earlier read in the same life of the node has said, or a later one.
//! - C3: a read that begins `max_lag` after an invalidation has reached the cluster says that
//!   version or a later one, or that it is unverified.
//! - C2: once all is well again, every node says the last version that was invalidated, or a later
//!   one; C4 is the same of what had only been queued.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::Path;

use super::register::Register;
use super::worker::names;
use super::{Kind, MAX_LAG, NODES};
use crate::notes;

/// How exact clocks are that decide on the lag: ticks of 1/64 second, and the coarse clock.
const SLACK_NANOS: u64 = 60_000_000;
/// Violations that are told, and how much of what happened around each.
const TOLD: usize = 20;
const TOLD_BEFORE: u64 = 1_500_000_000;
const TOLD_AFTER: u64 = 100_000_000;
/// What is looked for.
const CLAUSES: [&str; 6] = ["C1", "C2", "C3", "C4", "C8", "invented"];

#[derive(Debug, Clone)]
struct Done {
    node: usize,
    life: u32,
    begun: u64,
    ended: u64,
    version: u64,
    /// How a read was labelled, or how far a write has reached.
    word: String,
}

type Key = (Kind, u32);

/// All that was done to each key.
pub(super) struct History {
    reads: HashMap<Key, Vec<Done>>,
    writes: HashMap<Key, Vec<Done>>,
    quiet_from: u64,
}

/// What the check has found.
#[derive(Default)]
pub(super) struct Summary {
    pub(super) operations: usize,
    labels: BTreeMap<String, usize>,
    violations: BTreeMap<&'static str, usize>,
    told: Vec<String>,
}

impl History {
    pub(super) fn read(dir: &Path, quiet_from: u64) -> Self {
        let (mut reads, mut writes) = (HashMap::<_, Vec<_>>::new(), HashMap::<_, Vec<_>>::new());
        for node in 0..NODES {
            let notes = std::fs::read_to_string(dir.join(format!("notes-{node}"))).unwrap();
            for line in notes::whole(&notes) {
                let words: Vec<_> = line.split_whitespace().collect();
                let [what, life, kind, key, begun, ended, version, word] =
                    words.try_into().unwrap();
                let kind = if kind == "0" { Kind::Long } else { Kind::Short };
                let done = Done {
                    node,
                    life: life.parse().unwrap(),
                    begun: begun.parse().unwrap(),
                    ended: ended.parse().unwrap(),
                    version: version.parse().unwrap(),
                    word: word.to_owned(),
                };
                let all = if what == "read" { &mut reads } else { &mut writes };
                all.entry((kind, key.parse().unwrap())).or_default().push(done);
            }
        }
        Self { reads, writes, quiet_from }
    }

    pub(super) fn check(&self, register: &Register) -> Summary {
        let mut summary = Summary::default();
        for (key, reads) in &self.reads {
            let writes = self.writes.get(key).map_or(&[][..], Vec::as_slice);
            summary.operations += reads.len() + writes.len();
            let written = register.version(&names(key.0, key.1).1);
            for done in reads.iter().chain(writes) {
                *summary.labels.entry(done.word.clone()).or_default() += 1;
            }
            for read in reads.iter().filter(|read| read.version > written) {
                summary.violation("invented", *key, read, written);
            }
            for node in 0..NODES {
                self.check_node(node, *key, reads, writes, &mut summary);
            }
        }
        summary
    }

    fn check_node(
        &self,
        node: usize,
        key: Key,
        reads: &[Done],
        writes: &[Done],
        summary: &mut Summary,
    ) {
        let mut reads: Vec<_> = reads.iter().filter(|read| read.node == node).collect();
        reads.sort_by_key(|read| read.begun);
        let own = writes.iter().filter(|write| write.node == node);
        let mut told = Floor::new(own.map(|write| (write.ended, write.version)));
        let lag = u64::try_from(MAX_LAG.as_nanos()).unwrap() + SLACK_NANOS;
        let shared = writes.iter().filter(|write| write.word == "cluster");
        let mut heard = Floor::new(shared.map(|write| (write.ended + lag, write.version)));
        let last = |queued: bool| {
            let settled = writes.iter().filter(|write| (write.word == "queued") == queued);
            let settled = settled.map(|write| (write.ended, write.version));
            Floor::new(settled).until(self.quiet_from)
        };
        let (last, last_queued) = (last(false), last(true));
        let mut seen: HashMap<u32, Floor> = HashMap::new();
        for read in &reads {
            let floor = seen.entry(read.life).or_insert_with(|| Floor::new(std::iter::empty()));
            floor.add(read.ended, read.version);
        }
        for read in reads {
            let mut below = |what, floor: u64| {
                if read.version < floor {
                    summary.violation(what, key, read, floor);
                    summary.tell_around(key, read, self);
                }
            };
            below("C1", told.until(read.begun));
            below("C8", seen.get_mut(&read.life).map_or(0, |floor| floor.until(read.begun)));
            if !read.word.starts_with("unverified") {
                below("C3", heard.until(read.begun));
                if read.begun > self.quiet_from {
                    below("C2", last);
                    below("C4", last_queued);
                }
            }
        }
    }
}

/// The highest version of what has ended by some moment; asked with moments that only grow.
struct Floor {
    ended: Vec<(u64, u64)>,
    sorted: bool,
    next: usize,
    highest: u64,
}

impl Floor {
    fn new(ended: impl Iterator<Item = (u64, u64)>) -> Self {
        Self { ended: ended.collect(), sorted: false, next: 0, highest: 0 }
    }

    fn add(&mut self, ended: u64, version: u64) {
        self.ended.push((ended, version));
    }

    fn until(&mut self, moment: u64) -> u64 {
        if !self.sorted {
            self.ended.sort_unstable();
            self.sorted = true;
        }
        while let Some((ended, version)) = self.ended.get(self.next)
            && *ended < moment
        {
            self.highest = self.highest.max(*version);
            self.next += 1;
        }
        self.highest
    }
}

impl Summary {
    fn violation(&mut self, what: &'static str, key: Key, read: &Done, floor: u64) {
        *self.violations.entry(what).or_default() += 1;
        if self.told.len() < TOLD {
            self.told.push(format!("{what} {key:?}: expected {floor} or later: {read:?}"));
        }
    }

    /// What happened to a key around a read that is wrong.
    fn tell_around(&mut self, key: Key, read: &Done, history: &History) {
        let near = |done: &&Done| {
            done.ended + TOLD_BEFORE > read.begun && done.begun < read.ended + TOLD_AFTER
        };
        let of = |all: &HashMap<Key, Vec<Done>>| {
            all.get(&key).into_iter().flatten().filter(near).cloned().collect::<Vec<_>>()
        };
        let mut all = of(&history.reads);
        all.extend(of(&history.writes));
        all.sort_by_key(|done| done.ended);
        let ms = |moment: u64| (moment as f64 - read.begun as f64) / 1e6;
        self.told.extend(all.iter().take(TOLD).map(|done| {
            let Done { node, life, version, word, .. } = done;
            let (begun, ended) = (ms(done.begun), ms(done.ended));
            format!("    {begun:.2} to {ended:.2} ms: node {node}.{life} version {version} {word}")
        }));
    }

    pub(super) fn is_clean(&self) -> bool {
        self.violations.is_empty()
    }

    pub(super) fn details(&self) -> String {
        self.told.join("\n")
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels = self.labels.iter().map(|(label, times)| format!("{times} {label}"));
        let labels = labels.collect::<Vec<_>>().join(", ");
        writeln!(f, "  {} operations: {labels}", self.operations)?;
        let of = |clause: &&str| self.violations.get(clause).copied().unwrap_or(0);
        let violations = CLAUSES.iter().map(|clause| format!("{} of {clause}", of(clause)));
        let total: usize = self.violations.values().sum();
        write!(f, "  {total} violations: {}", violations.collect::<Vec<_>>().join(", "))
    }
}
