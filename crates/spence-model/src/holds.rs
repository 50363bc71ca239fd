//! What must hold at every moment.

use crate::system::{Node, System, Version};
use crate::variants::{Clause, Failover, Variant};

/// The clause that does not hold any more.
#[must_use]
pub fn broken(variant: &Variant, system: &System) -> Option<Clause> {
    let older = |held: Option<Version>, than: Version| held.is_some_and(|held| held < than);
    // A read from memory may happen at any moment.
    if system.nodes.each().any(|(_, node)| older(node.memory, node.must)) {
        return Some(Clause::C1);
    }
    if system.nodes.each().any(|(_, node)| older(node.memory, node.heard)) {
        return Some(Clause::C2);
    }
    // What a replica has lost comes back once the nodes have noticed that it took over.
    let has_noticed = |node: &Node| node.term == system.shared.term;
    let is_whole = system.nodes.each().all(|(_, node)| has_noticed(node))
        && variant.failover != Failover::Believed;
    let alive = system.shared.value.filter(|value| value.stamp >= system.shared.ban);
    let held = alive.map(|value| value.version);
    (is_whole && older(held, system.acknowledged)).then_some(Clause::C2)
}
