//! What may happen next.

use crate::events::Event;
use crate::pair::Side;
use crate::system::{Node, Stage, System, Who};
use crate::variants::{Crash, Failover, Loss, Outage, Variant};

/// What may happen now.
#[must_use]
pub fn possible(variant: &Variant, system: &System) -> Vec<Event> {
    let mut events = Vec::new();
    for (at, node) in system.nodes.each() {
        if !node.joined {
            events.push(Event::Join(at));
            continue;
        }
        for fill in Side::BOTH {
            events.extend(of_fill(node, (at, fill)));
        }
        events.extend(of_node(variant, system, node, at));
    }
    let shared = &system.shared;
    // A lease expires when nobody is there any more to renew it.
    let is_left = shared.lease.is_some_and(|(at, number)| {
        let fill = system.nodes[at].fills[number].map(|fill| fill.at);
        !matches!(fill, Some(Stage::Asking(Some(_)) | Stage::Asked(_, Some(_))))
    });
    let may_expire = shared.lease.is_some() && variant.vanishes || is_left;
    events.extend(may_expire.then_some(Event::Vanish(false)));
    events.extend((variant.vanishes && shared.value.is_some()).then_some(Event::Vanish(true)));
    if variant.outage != Outage::Never && (system.mishaps > 0 || !shared.up) {
        events.push(Event::Outage(!shared.up));
    }
    if variant.failover != Failover::Never && system.mishaps > 0 {
        let behind = system.replica.as_deref() != Some(shared);
        events.extend(behind.then_some(Event::Replicate));
        events.extend((behind && system.replica.is_some()).then_some(Event::Failover));
    }
    events
}

fn of_fill(node: &Node, (at, number): Who) -> Vec<Event> {
    let Some(fill) = node.fills[number] else {
        // Fills are alike, so the first free place will do.
        let is_first = number == Side::First || node.fills[Side::First].is_some();
        let may = node.fills_left > 0 && is_first;
        return may.then_some(Event::Begin(at, number)).into_iter().collect();
    };
    match fill.at {
        Stage::Found(_) => vec![Event::Promote(at, number)],
        Stage::Asking(_) => vec![Event::Ask(at, number)],
        Stage::Asked(..) => vec![Event::Store(at, number)],
        Stage::Stored(_) => vec![Event::Install(at, number)],
    }
}

fn of_node(variant: &Variant, system: &System, node: &Node, at: Side) -> Vec<Event> {
    let mut events = Vec::new();
    match node.invalidation {
        None if system.writes > 0 => events.push(Event::Write(at)),
        None => {}
        Some(_) => {
            events.push(Event::Proceed(at));
            let may_go_unheard = variant.outage != Outage::Never && system.mishaps > 0;
            events.extend(may_go_unheard.then_some(Event::ProceedUnheard(at)));
        }
    }
    if node.owed.is_some() && system.shared.up && variant.outage != Outage::Forgets {
        events.push(Event::Replay(at));
    }
    let is_behind = node.term != system.shared.term;
    let has_unread = node.position < system.shared.log.len() && system.shared.up && !is_behind;
    if has_unread && !node.gap && !node.owes_disk {
        events.push(Event::Deliver(at));
    }
    if has_unread && variant.loss != Loss::Never && !node.owes_disk {
        events.push(Event::Lose(at));
    }
    events.extend(node.gap.then_some(Event::Notice(at)));
    events.extend(is_behind.then_some(Event::Reconnect(at)));
    if variant.crash != Crash::Never {
        events.extend(node.owes_disk.then_some(Event::Settle(at)));
        let may_keep = variant.crash == Crash::PositionFirst || !node.owes_disk;
        events.extend((may_keep && node.kept_position < node.position).then_some(Event::Keep(at)));
        events.extend((system.mishaps > 0).then_some(Event::Crash(at)));
    }
    events
}
