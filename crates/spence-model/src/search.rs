//! Breadth-first exploration of everything that may happen.

use std::collections::{HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::events::Event;
use crate::happen::happen;
use crate::holds::broken;
use crate::possible::possible;
use crate::system::System;
use crate::variants::{Bounds, Clause, Joining, Variant};

/// What came of exploring a variant.
#[derive(Debug)]
pub enum Finding {
    /// No order of steps breaks the contract.
    Holds {
        /// States that can be reached.
        states: usize,
    },
    /// The shortest way to break it.
    Breaks {
        /// The clause that is broken by the last step.
        clause: Clause,
        /// The steps.
        path: Vec<Event>,
    },
}

impl Finding {
    /// Whether this is what the variant's entry says.
    #[must_use]
    pub fn is_expected(&self, variant: &Variant) -> bool {
        match self {
            Finding::Holds { .. } => variant.breaks.is_none(),
            Finding::Breaks { clause, .. } => variant.breaks == Some(*clause),
        }
    }
}

/// Tries every order of steps of `variant`.
///
/// Of a state that was seen only 64 bits are kept: among ten million, two that are taken for one
/// are to be expected once in 400,000 runs.
#[must_use]
pub fn explore(variant: &Variant, bounds: Bounds) -> Finding {
    let first = variant.start(bounds);
    let mut seen = HashSet::from([fingerprint(variant, &first)]);
    // How each state was reached, and from which, in the order in which they were found.
    let mut reached: Vec<Option<(u32, Event)>> = vec![None];
    let mut waiting = VecDeque::from([(first, 0)]);
    while let Some((system, at)) = waiting.pop_front() {
        for event in possible(variant, &system) {
            let mut next = system.clone();
            let returned = happen(variant, &mut next, event);
            if let Some(clause) = returned.or_else(|| broken(variant, &next)) {
                let mut path = path(&reached, at);
                path.push(event);
                return Finding::Breaks { clause, path };
            }
            if seen.insert(fingerprint(variant, &next)) {
                waiting.push_back((next, u32::try_from(reached.len()).unwrap_or(u32::MAX)));
                reached.push(Some((at, event)));
            }
        }
    }
    Finding::Holds { states: seen.len() }
}

/// The same for states that differ in names only.
fn fingerprint(variant: &Variant, system: &System) -> u64 {
    let hash = |system: System| {
        let mut hasher = DefaultHasher::new();
        system.sorted().hash(&mut hasher);
        hasher.finish()
    };
    match variant.joining {
        Joining::Never => hash(system.clone()).min(hash(system.clone().mirrored())),
        // The nodes are not alike.
        Joining::ReadsRecords | Joining::ReadsBans => hash(system.clone()),
    }
}

/// How a state was reached.
fn path(reached: &[Option<(u32, Event)>], mut at: u32) -> Vec<Event> {
    let mut path = Vec::new();
    while let Some(Some((from, event))) = reached.get(at as usize) {
        path.push(*event);
        at = *from;
    }
    path.reverse();
    path
}
