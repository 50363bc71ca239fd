//! Joining the others: is the server fit, and what has been missed?
//!
//! A server that comes back may have lost what it had acknowledged: it was restarted from an older
//! snapshot, or a replica took its place. So before a link is used, the state is compared with
//! what this node knows of it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{try_join, try_join_all};
use redis::Value;

use super::Shared;
use super::fit::fit;
use super::link::{Link, Stamp, new_epoch, number_of, text_of};
use super::notice::Notice;
use super::script::{Script, Scripts};
use super::stream::{Cursor, id_of, record_of};
use super::wire::{Connection, Failure, Wire, failure};
use crate::ban::{Ban, Effect, What};

/// How long it may take to find out what to connect to, and to connect.
const CONNECTED: Duration = Duration::from_secs(2);
/// How long each question may take that is asked before the link is used.
pub(super) const GREETING: Duration = Duration::from_secs(1);

/// Connected, and up to date but for what the log still has.
pub(super) struct Joined {
    pub(super) link: Arc<Link>,
    pub(super) tail: Connection,
    /// From where the log is to be read.
    pub(super) cursor: Cursor,
    /// The log must be read up to here before the link is used.
    pub(super) probe: u64,
    /// If records were missed: the bans among them. Of the keys among them nothing is known.
    pub(super) missed: Option<Vec<Ban>>,
}

/// What this node knew before it asked.
struct Known {
    newest: Cursor,
    turn: u64,
    /// The log cannot be read on from where it was.
    gap: bool,
}

/// What the server says of the state.
struct Found {
    epoch: u64,
    position: u64,
    turn: u64,
    bans: Vec<Ban>,
    /// The newest record.
    last: Option<String>,
    /// Whether the newest record that this node knows of is there still.
    has_newest: bool,
}

impl Shared {
    /// Connects, and compares what the server has with what this node knows; `cursor` is up to
    /// where it has read the log, and `gap` whether it cannot go on from there.
    pub(super) async fn join(&self, cursor: &Cursor, gap: bool) -> Result<Joined, Failure> {
        let (calls, tail) = self.connect().await?;
        let calls = Wire::new(calls, self.clock.clone());
        let other = Wire::new(tail.clone(), self.clock.clone());
        let (fit, other) = try_join(fit(&calls), fit(&other)).await?;
        if fit.identity != other.identity {
            return Err(Failure::Away("two connections reach two servers".to_owned()));
        }
        let scripts = Scripts::new(fit.version);
        try_join_all(scripts.all().map(|script| load(&calls, script))).await?;
        let (names, deadline) = (Arc::clone(&self.names), self.settings.deadline);
        let spawner = Arc::clone(&self.spawner);
        let link = Arc::new(Link::new(calls, scripts, names, deadline, spawner));
        let known = Known {
            newest: self.newest.lock().clone(),
            turn: self.belief.read().newest_turn(),
            gap,
        };
        let found = self.ask_state(&link, &known.newest).await?;
        let epoch = self.belief.read().epoch();
        let is_resumed =
            epoch == 0 && self.left.as_ref().is_some_and(|left| left.epoch == found.epoch);
        let (cursor, missed) = if epoch == found.epoch {
            self.compare(&link, cursor, &known, &found, fit.identity).await?
        } else if is_resumed && (found.has_newest || found.position == known.newest.position) {
            (cursor.clone(), self.resume(&found, fit.identity, link.is_cluster()))
        } else {
            self.begin_anew(&found, fit.identity)
        };
        // Whether what this node tells comes through to it, as it does to all others.
        let stamp = Stamp { notice: None, node: &self.node };
        let probe = link.forget(None, &stamp, GREETING).await?.position;
        Ok(Joined { link, tail, cursor, probe, missed })
    }

    /// Connects twice: for calls, and to follow the log.
    async fn connect(&self) -> Result<(Connection, Connection), Failure> {
        let connecting = async {
            let peer = self.address.find().await?;
            try_join(peer.connect(), peer.connect()).await
        };
        match self.clock.timeout(CONNECTED, connecting).await {
            Some(connected) => connected.map_err(failure),
            None => Err(Failure::Away(format!("no connection within {CONNECTED:?}"))),
        }
    }

    async fn ask_state(&self, link: &Link, newest: &Cursor) -> Result<Found, Failure> {
        let known = if newest.position > 0 { newest.record.as_str() } else { "" };
        let mut cmd = link.scripts.join.call(&[&link.names.state, &link.names.log]);
        let foreign = |why: &str| {
            let state = &link.names.state;
            Failure::Refused(format!("{state} is not ours; is redis.prefix another's? ({why})"))
        };
        let answer = link.call(cmd.arg(new_epoch()).arg(known), GREETING).await;
        let answer = answer.map_err(|failure| match failure {
            Failure::Refused(why) => foreign(&why),
            failure => failure,
        })?;
        Found::read(&answer, newest).ok_or_else(|| foreign("other fields than expected"))
    }

    /// The state is that in which an earlier process has left it: nothing is missed.
    fn resume(&self, found: &Found, identity: String, is_cluster: bool) -> Option<Vec<Ban>> {
        let mut belief = self.belief.write();
        let is_untouched = belief.is_untouched();
        belief.begin(found.epoch);
        if !is_untouched || is_cluster {
            // Of a cluster another server than that of the log may have gone back meanwhile.
            belief.disbelieve_up_to(found.turn);
        }
        found.bans.iter().for_each(|ban| belief.ban(ban.clone()));
        *self.identity.lock() = identity;
        None
    }

    /// The state is of another epoch than what is known: nothing that is known counts.
    fn begin_anew(&self, found: &Found, identity: String) -> (Cursor, Option<Vec<Ban>>) {
        let mut belief = self.belief.write();
        let (is_first, is_untouched) = (belief.epoch() == 0, belief.is_untouched());
        belief.begin(found.epoch);
        found.bans.iter().for_each(|ban| belief.ban(ban.clone()));
        if !is_untouched {
            // What this node has filled without it is newer than what others have stored there.
            belief.disbelieve_up_to(found.turn);
        }
        drop(belief);
        if !is_first {
            tracing::warn!("redis tier: the server has lost its state, or is another");
            self.owed.lock().tell_again();
        }
        let cursor = found.end(found.position);
        *self.newest.lock() = cursor.clone();
        *self.identity.lock() = identity;
        (cursor, Some(found.bans.clone()))
    }

    /// Compares the state with what is known of it.
    async fn compare(
        &self,
        link: &Link,
        cursor: &Cursor,
        known: &Known,
        found: &Found,
        identity: String,
    ) -> Result<(Cursor, Option<Vec<Ban>>), Failure> {
        let (newest, newest_turn) = (known.newest.position, known.turn);
        let is_same = *self.identity.lock() == identity;
        let lost =
            found.position < newest || found.turn < newest_turn || (!is_same && !found.has_newest);
        if lost {
            tracing::warn!("redis tier: the server has gone back to an earlier state");
            let mut raise = link.scripts.raise.call(&[&link.names.state]);
            link.call(raise.arg(newest).arg(newest_turn), GREETING).await?;
        }
        // The log of a cluster does not tell what its other servers have lost.
        if lost || (!is_same && link.is_cluster()) {
            self.owed.lock().tell_again();
        }
        let mut belief = self.belief.write();
        if lost || !is_same {
            // It may have values that are older than some that this node has seen.
            belief.disbelieve_up_to(found.turn.max(newest_turn));
        }
        found.bans.iter().for_each(|ban| belief.ban(ban.clone()));
        drop(belief);
        *self.identity.lock() = identity;
        if !(lost || known.gap || (found.position > cursor.position && !found.has_newest)) {
            return Ok((cursor.clone(), None));
        }
        let end = found.end(found.position.max(newest));
        *self.newest.lock() = end.clone();
        let new = found.bans.iter().filter(|ban| ban.position > cursor.position);
        Ok((end, Some(new.cloned().collect())))
    }
}

async fn load(wire: &Wire, script: &Script) -> Result<(), Failure> {
    let mut load = redis::cmd("SCRIPT");
    wire.call(load.arg("LOAD").arg(&script.code), GREETING).await.map(drop)
}

impl Found {
    fn read(answer: &Value, newest: &Cursor) -> Option<Self> {
        let [state, last, known] = answer.as_sequence()? else { return None };
        let (mut epoch, mut position, mut turn) = (None, 0, 0);
        let (mut bans, mut unreadable) = (Vec::new(), false);
        for (field, value) in state.as_map_iter()? {
            let Value::BulkString(name) = field else { return None };
            match name.as_slice() {
                b"epoch" => epoch = number_of(Some(value)),
                b"seq" => position = number_of(Some(value))?,
                b"turn" => turn = number_of(Some(value))?,
                name if Notice::is_field(name) => {
                    let ban = Notice::ban_of_field(name, &text_of(Some(value))?);
                    unreadable |= ban.is_none();
                    bans.extend(ban);
                }
                _ => {}
            }
        }
        if unreadable {
            // Nobody knows what it covers.
            bans.push(Ban { position, effect: Effect::Invalidate, what: What::Everything });
        }
        let first = |list| Value::as_sequence(list)?.first();
        let is_newest = |known: &Value| match record_of(known) {
            Some(record) => record.cursor == *newest,
            // An entry of somebody else's, after the newest record.
            None => id_of(known).as_ref() == Some(&newest.record),
        };
        let has_newest = newest.position == 0 || first(known).is_some_and(is_newest);
        let last = first(last).and_then(id_of);
        Some(Self { epoch: epoch?, position, turn, bans, last, has_newest })
    }

    /// The end of the log, which is at `position`.
    fn end(&self, position: u64) -> Cursor {
        let start = || Cursor::default().record;
        Cursor { record: self.last.clone().unwrap_or_else(start), position }
    }
}
