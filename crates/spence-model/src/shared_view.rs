//! What a node sees of the shared tier.

use crate::system::{Node, Stored, System};
use crate::variants::{Failover, Kind, Outage, Variant};

/// Whether a node asks the shared tier at all.
pub(crate) fn is_reached(variant: &Variant, system: &System, node: &Node) -> bool {
    let doubts = variant.outage == Outage::ReplaysAndDoubts && node.owed.is_some();
    system.shared.up && !doubts
}

/// What the shared tier holds, if this node believes it.
pub(crate) fn believable(variant: &Variant, system: &System, node: &Node) -> Option<Stored> {
    let value = system.shared.value.filter(|_| is_reached(variant, system, node))?;
    let is_banned = variant.kind == Kind::Ban && (value.stamp < node.banned || node.banning);
    let is_lost = variant.failover == Failover::Compared && value.stamp < node.known;
    (!is_banned && !is_lost).then_some(value)
}
