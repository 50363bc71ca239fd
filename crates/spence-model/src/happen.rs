//! What each step does.

use crate::events::Event;
use crate::pair::{Pair, Side};
use crate::shared_view::{believable, is_reached};
use crate::system::{
    Fill, Invalidation, Node, Record, Shared, Stage, Stored, System, Version, Who,
};
use crate::variants::{Clause, Crash, Failover, Joining, Kind, Loss, Outage, Stamp, Step, Variant};

/// Lets it happen; the clause that is broken by what a read returns then.
pub fn happen(variant: &Variant, system: &mut System, event: Event) -> Option<Clause> {
    let broken = step(variant, system, event);
    for at in Side::BOTH.into_iter().filter(|_| system.shared.up) {
        if system.nodes[at].term != system.shared.term {
            continue;
        }
        skip_own(&mut system.nodes[at], at, &system.shared);
    }
    broken
}

/// What a node has made itself it need not read.
fn skip_own(node: &mut Node, at: Side, shared: &Shared) {
    while !node.gap && shared.log.get(node.position).is_some_and(|record| record.from == at) {
        node.position += 1;
    }
}

fn step(variant: &Variant, system: &mut System, event: Event) -> Option<Clause> {
    match event {
        Event::Begin(at, number) => begin(variant, system, (at, number)),
        Event::Promote(at, number) | Event::Install(at, number) => {
            return install(variant, &mut system.nodes[at], number);
        }
        Event::Ask(at, number) => {
            let answer = system.origin;
            if let Some(Stage::Asking(lease)) = stage_of(system, (at, number)) {
                stage(system, (at, number), Stage::Asked(answer, lease));
            }
        }
        Event::Store(at, number) => return store(variant, system, (at, number)),
        Event::Write(at) => write(system, at),
        Event::Proceed(at) => proceed(variant, system, at, true),
        Event::ProceedUnheard(at) => proceed(variant, system, at, false),
        Event::Replay(at) => replay(variant, system, at),
        Event::Deliver(at) => deliver(variant, system, at),
        Event::Lose(at) => lose(variant, system, at),
        Event::Notice(at) => notice(system, at),
        Event::Reconnect(at) => reconnect(variant, system, at),
        Event::Join(at) => join(variant, system, at),
        Event::Settle(at) => settle(&mut system.nodes[at]),
        Event::Keep(at) => system.nodes[at].kept_position = system.nodes[at].position,
        Event::Crash(at) => crash(system, at),
        Event::Vanish(true) => system.shared.value = None,
        Event::Vanish(false) => system.shared.lease = None,
        Event::Outage(up) => {
            system.shared.up = up;
            system.mishaps -= u8::from(!up);
        }
        Event::Replicate => system.replica = Some(Box::new(system.shared.clone())),
        Event::Failover => {
            system.mishaps -= 1;
            if let Some(replica) = system.replica.take() {
                let term = system.shared.term + 1;
                system.shared = *replica;
                system.shared.taken_over = system.shared.log.len();
                system.shared.term = term;
            }
        }
    }
    None
}

fn stage_of(system: &System, (at, number): Who) -> Option<Stage> {
    system.nodes[at].fills[number].map(|fill| fill.at)
}

fn stage(system: &mut System, (at, number): Who, stage: Stage) {
    if let Some(fill) = &mut system.nodes[at].fills[number] {
        fill.at = stage;
    }
}

fn begin(variant: &Variant, system: &mut System, who: Who) {
    let (node, shared) = (&system.nodes[who.0], &system.shared);
    // What the disk is to forget is not read any more.
    let own = node.disk.filter(|_| !node.owes_disk);
    let shares = is_reached(variant, system, node);
    let at = match (own, believable(variant, system, node)) {
        // The node's own disk is asked first.
        (Some(version), _) => Stage::Found(version),
        (None, Some(value)) => Stage::Found(value.version),
        (None, None) if !shares || variant.lease && shared.lease.is_some() => Stage::Asking(None),
        (None, None) => {
            let seq = shared.seq;
            system.shared.lease = variant.lease.then_some(who);
            Stage::Asking(Some(seq))
        }
    };
    let node = &mut system.nodes[who.0];
    node.fills_left -= 1;
    node.fills[who.1] = Some(Fill { need: node.must, doomed: false, at });
}

/// Ends a fill: installs what it has, unless that was passed, and returns it.
fn install(variant: &Variant, node: &mut Node, number: Side) -> Option<Clause> {
    let fill = node.fills[number].take()?;
    let (Stage::Found(version) | Stage::Stored(version)) = fill.at else { return None };
    if !(variant.fence && fill.doomed) {
        node.install(version, variant.crash != Crash::Never);
    }
    (version < fill.need).then_some(Clause::C1)
}

fn store(variant: &Variant, system: &mut System, who: Who) -> Option<Clause> {
    let Some(Stage::Asked(version, lease)) = stage_of(system, who) else { return None };
    let Some(began) = lease else {
        // Without a lease it is kept on this node only.
        stage(system, who, Stage::Stored(version));
        return None;
    };
    let shared = &mut system.shared;
    if !shared.up || variant.lease && shared.lease != Some(who) {
        // What is refused is installed nowhere.
        let fill = system.nodes[who.0].fills[who.1].take()?;
        return (version < fill.need).then_some(Clause::C1);
    }
    let stamp = match variant.stamp {
        Stamp::AtLease => began,
        Stamp::AtStore => shared.seq,
    };
    shared.value = Some(Stored { version, stamp });
    shared.lease = None;
    stage(system, who, Stage::Stored(version));
    None
}

fn write(system: &mut System, at: Side) {
    system.writes -= 1;
    system.origin += 1;
    let version = system.origin;
    system.nodes[at].invalidation = Some(Invalidation { version, step: 0, queued: false });
}

fn proceed(variant: &Variant, system: &mut System, at: Side, heard: bool) {
    let (node, shared) = (&mut system.nodes[at], &mut system.shared);
    let Some(invalidation) = &mut node.invalidation else { return };
    let (version, step) = (invalidation.version, variant.steps.get(invalidation.step).copied());
    invalidation.step += 1;
    let is_last = invalidation.step == variant.steps.len();
    let reaches_shared = matches!(step, Some(Step::Delete | Step::Publish | Step::Script));
    if reaches_shared && (!shared.up || !heard) {
        invalidation.queued = true;
    }
    let queued = invalidation.queued;
    match step {
        Some(Step::Drop) => node.memory = None,
        Some(Step::Doom) => {
            node.doom();
            // Until it is known at which position it stands.
            node.banning |= variant.kind == Kind::Ban && (!is_last || queued);
        }
        Some(_) if !shared.up => {}
        Some(Step::Delete) => delete(variant, system),
        Some(Step::Publish) => publish(variant, system, at, version, heard),
        Some(Step::Script) => {
            delete(variant, system);
            publish(variant, system, at, version, heard);
        }
        None => {}
    }
    if is_last {
        let node = &mut system.nodes[at];
        node.invalidation = None;
        node.must = node.must.max(version);
        match queued {
            true if variant.outage == Outage::Forgets => node.banning = false,
            true => node.owed = Some(node.owed.unwrap_or(0).max(version)),
            false => system.acknowledged = system.acknowledged.max(version),
        }
    }
}

fn delete(variant: &Variant, system: &mut System) {
    if variant.kind == Kind::Key {
        system.shared.delete();
    }
}

fn publish(variant: &Variant, system: &mut System, at: Side, version: Version, heard: bool) {
    let seq = system.shared.publish(version, at);
    if variant.kind == Kind::Ban {
        system.shared.ban = seq;
    }
    if heard {
        system.nodes[at].made = Some(Record { seq, version, from: at });
        know(variant, &mut system.nodes[at], seq);
        system.nodes[at].banning = false;
    }
}

/// A node has made an invalidation at this position, or heard of it.
fn know(variant: &Variant, node: &mut Node, seq: u8) {
    if variant.failover == Failover::Compared {
        node.known = node.known.max(seq);
    }
    if variant.kind == Kind::Ban {
        node.banned = node.banned.max(seq);
    }
}

fn replay(variant: &Variant, system: &mut System, at: Side) {
    let Some(version) = system.nodes[at].owed.take() else { return };
    delete(variant, system);
    publish(variant, system, at, version, true);
    system.nodes[at].doom();
    system.acknowledged = system.acknowledged.max(version);
}

fn deliver(variant: &Variant, system: &mut System, at: Side) {
    let node = &mut system.nodes[at];
    let Some(record) = system.shared.log.get(node.position).copied() else { return };
    node.position += 1;
    know(variant, node, record.seq);
    node.heard = node.heard.max(record.version);
    let disk = node.disk;
    node.doom();
    if variant.crash != Crash::Never && disk.is_some() {
        (node.disk, node.owes_disk) = (disk, true);
    }
}

fn settle(node: &mut Node) {
    node.disk = None;
    node.owes_disk = false;
}

fn lose(variant: &Variant, system: &mut System, at: Side) {
    let node = &mut system.nodes[at];
    let Some(record) = system.shared.log.get(node.position).copied() else { return };
    node.position += 1;
    match variant.loss {
        Loss::Noticed => node.gap = true,
        Loss::Never | Loss::Unnoticed => node.heard = node.heard.max(record.version),
    }
}

/// A node knows that it has missed something: it believes nothing that it holds, and reads what
/// stands beside the positions.
fn notice(system: &mut System, at: Side) {
    let (node, shared) = (&mut system.nodes[at], &system.shared);
    node.gap = false;
    node.heard = node.heard.max(shared.newest(node.position, at));
    node.banned = node.banned.max(shared.ban);
    node.doom();
}

/// It may have lost what this node knows of, and what it has made: that is made again, above
/// every position that the node has seen.
fn reconnect(variant: &Variant, system: &mut System, at: Side) {
    let term = system.shared.term;
    let node = &mut system.nodes[at];
    node.term = term;
    node.position = node.position.min(system.shared.taken_over);
    if variant.failover == Failover::Believed {
        return;
    }
    node.doom();
    let known = node.known;
    if let Some(lost) = node.made.filter(|made| made.seq > system.shared.seq) {
        system.shared.seq = system.shared.seq.max(known);
        delete(variant, system);
        publish(variant, system, at, lost.version, true);
        system.nodes[at].doom();
    }
}

fn join(variant: &Variant, system: &mut System, at: Side) {
    let (node, shared) = (&mut system.nodes[at], &system.shared);
    node.joined = true;
    node.position = shared.log.len();
    node.heard = shared.newest(node.position, at);
    if variant.joining == Joining::ReadsBans {
        node.banned = shared.ban;
    }
}

/// What is on disk stays, and what had returned must hold.
fn crash(system: &mut System, at: Side) {
    system.mishaps -= 1;
    let (node, shared) = (&mut system.nodes[at], &system.shared);
    node.memory = None;
    node.fills = Pair::default();
    node.invalidation = None;
    node.owes_disk = false;
    (node.gap, node.banning, node.known, node.banned) = (false, false, 0, shared.ban);
    node.position = node.kept_position;
    node.heard = shared.newest(node.position, at);
}
