//! A connection to a server that has been found fit, and what is asked over it.
//!
//! Every call has a deadline of its own. Whatever goes wrong with one ends the link's use (see
//! `keeper.rs`); only what the server itself refuses does not.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use redis::{Cmd, Value};

use super::fit::fit;
use super::gather::Gatherer;
use super::names::Names;
use super::notice::Notice;
use super::number::Number;
use super::script::Scripts;
use super::wire::{Failure, Wire};
use crate::spawn::Spawner;

/// The most records that the log keeps, roughly; a node that was away for longer counts what it
/// holds as unverified.
const MOST_RECORDS: u64 = 100_000;
/// Room for the words of a call beside the key.
const CALL_BYTES: usize = 128;
/// What a store or a lease takes in the place of a value's first bytes: nothing begins with it.
const NOTHING: &[u8] = &[];

/// A usable connection.
pub(super) struct Link {
    wire: Wire,
    reads: Gatherer,
    pub(super) scripts: Scripts,
    pub(super) names: Arc<Names>,
    pub(super) deadline: Duration,
}

/// Names a key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Id<'a> {
    pub(crate) namespace: &'a str,
    pub(crate) key: &'a str,
}

/// The right to store a value, for as long as nobody takes it away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(super) token: String,
    pub(crate) epoch: u64,
    /// The log's position when it was taken.
    pub(crate) position: u64,
    /// Its number; a later lease has a higher one.
    pub(crate) turn: u64,
}

/// What comes of asking for a lease.
#[derive(Debug)]
pub(super) enum Asked {
    /// Somebody has stored this meanwhile.
    Value(Bytes),
    Lease(Lease),
    /// Somebody else has it; the last turn is this.
    Busy {
        turn: u64,
    },
    /// The server has lost its state.
    Lost,
}

/// Where in the log a notice came to stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Published {
    pub(super) epoch: u64,
    pub(super) position: u64,
    pub(super) record: String,
    /// Fields of the state, which are bans but for a few.
    pub(super) fields: u64,
}

/// What comes of putting a value in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Placed {
    Published(Published),
    /// Another node is putting one in, and began later.
    Superseded,
    /// The lease was lost.
    Lost,
}

impl Link {
    pub(super) fn new(
        wire: Wire,
        scripts: Scripts,
        names: Arc<Names>,
        deadline: Duration,
        spawner: Arc<dyn Spawner>,
    ) -> Self {
        let reads = Gatherer::new(wire.clone(), deadline, spawner);
        Self { wire, reads, scripts, names, deadline }
    }

    /// One call, within `deadline`.
    pub(super) async fn call(&self, cmd: &Cmd, deadline: Duration) -> Result<Value, Failure> {
        self.wire.call(cmd, deadline).await
    }

    /// The value of a key, as it is.
    pub(super) async fn get(&self, id: Id<'_>) -> Result<Option<Bytes>, Failure> {
        self.reads.get(self.names.value(id.namespace, id.key)).await
    }

    /// The values of several keys, as they are.
    pub(super) async fn get_many(&self, ids: &[Id<'_>]) -> Result<Vec<Option<Bytes>>, Failure> {
        let mut get = Cmd::with_capacity(1 + ids.len(), ids.len() * CALL_BYTES);
        get.arg("MGET");
        let mut name = String::with_capacity(CALL_BYTES);
        for id in ids {
            self.names.write_value(id.namespace, id.key, &mut name);
            get.arg(&name);
        }
        match self.call(&get, self.deadline).await? {
            Value::Array(values) => Ok(values.into_iter().map(bytes_of).collect()),
            other => Err(unexpected("MGET", &other)),
        }
    }

    /// Whether each of some leases is held by anybody.
    pub(super) async fn are_held(&self, leases: &[&str]) -> Result<Vec<bool>, Failure> {
        match self.call(redis::cmd("MGET").arg(leases), self.deadline).await? {
            Value::Array(values) if values.len() == leases.len() => {
                Ok(values.iter().map(|value| *value != Value::Nil).collect())
            }
            other => Err(unexpected("MGET", &other)),
        }
    }

    /// Asks for the lease of a key. A value that begins with `refused` counts as none. The future
    /// goes on after the deadline if it is still polled, so that a lease that comes late can be
    /// given back.
    pub(super) fn lease(
        &self,
        id: Id<'_>,
        token: &str,
        term: Duration,
        refused: Option<&[u8]>,
        seize: bool,
    ) -> impl Future<Output = Result<Asked, Failure>> + Send + use<> {
        let ([value, lease], state) = (self.names_of(id), &self.names.state);
        let is_apart = self.wire.is_cluster();
        let mut cmd = match is_apart {
            false => self.scripts.lease.call(&[&value, &lease, state]),
            true => self.scripts.hold.call(&[&value, &lease]),
        };
        cmd.arg(token).arg(millis(term)).arg(refused.unwrap_or(NOTHING)).arg(u8::from(seize));
        let (wire, token) = (self.wire.clone(), token.to_owned());
        let number = is_apart.then(|| Number {
            draw: self.scripts.draw.call(&[state]),
            release: self.scripts.release.call(&[&value, &lease]),
        });
        async move {
            let answer = wire.clone().call_unlimited(cmd).await?;
            match number {
                Some(number) => number.of(answer, wire, token).await,
                None => asked(answer, token),
            }
        }
    }

    /// Whether the lease was held still; it is for another `term` then.
    pub(super) async fn renew(
        &self,
        id: Id<'_>,
        lease: &Lease,
        term: Duration,
    ) -> Result<bool, Failure> {
        let mut cmd = self.scripts.renew.call(&[&self.names.lease(id.namespace, id.key)]);
        let answer = self.call(cmd.arg(&lease.token).arg(millis(term)), self.deadline).await?;
        Ok(answer == Value::Int(1))
    }

    /// Whether the value was taken, since the lease was held still.
    pub(super) async fn store(
        &self,
        id: Id<'_>,
        lease: &Lease,
        value: &[u8],
        term: Duration,
    ) -> Result<bool, Failure> {
        Ok(self.try_to_store(id, lease, value, term).await? == Value::Int(1))
    }

    async fn try_to_store(
        &self,
        id: Id<'_>,
        lease: &Lease,
        value: &[u8],
        term: Duration,
    ) -> Result<Value, Failure> {
        let [name, own] = self.names_of(id);
        let mut cmd = self.scripts.store.call(&[&name, &own]);
        cmd.arg(&lease.token).arg(value).arg(millis(term));
        self.call(&cmd, self.deadline).await
    }

    /// As [`Link::store`], and the other nodes are told that there is something newer.
    pub(super) async fn put(
        &self,
        id: Id<'_>,
        lease: &Lease,
        value: &[u8],
        term: Duration,
        stamp: &Stamp<'_>,
    ) -> Result<Placed, Failure> {
        if self.wire.is_cluster() {
            return match self.try_to_store(id, lease, value, term).await? {
                Value::Int(1) => {
                    self.forget(None, stamp, self.deadline).await.map(Placed::Published)
                }
                Value::Int(2) => Ok(Placed::Superseded),
                _ => Ok(Placed::Lost),
            };
        }
        let [name, own] = self.names_of(id);
        let keys = [&*name, &own, &self.names.state, &self.names.log];
        let mut cmd = self.scripts.put.call(&keys);
        cmd.arg(&lease.token).arg(value).arg(millis(term));
        stamp.add_to(&mut cmd);
        match self.call(&cmd, self.deadline).await? {
            Value::Int(2) => Ok(Placed::Superseded),
            Value::Int(_) => Ok(Placed::Lost),
            answer => published(&answer).map(Placed::Published),
        }
    }

    /// Gives a lease back, and deletes the value as well if `with_value`.
    pub(super) async fn release(
        &self,
        id: Id<'_>,
        lease: &Lease,
        with_value: bool,
    ) -> Result<(), Failure> {
        let [value, own] = self.names_of(id);
        let mut cmd = self.scripts.release.call(&[&value, &own]);
        cmd.arg(&lease.token).arg(u8::from(with_value));
        self.call(&cmd, self.deadline).await.map(drop)
    }

    /// Deletes what a notice is about, if that is a key, and tells every node, within `deadline`.
    pub(super) async fn forget(
        &self,
        id: Option<Id<'_>>,
        stamp: &Stamp<'_>,
        deadline: Duration,
    ) -> Result<Published, Failure> {
        let mut own = id.map(|id| self.names_of(id));
        if let Some(names) = own.take_if(|_| self.wire.is_cluster()) {
            // First this: whoever reads the log must not find it any more.
            self.call(redis::cmd("DEL").arg(&names), deadline).await?;
        }
        let mut keys = vec![&*self.names.state, &self.names.log];
        keys.extend(own.iter().flatten().map(String::as_str));
        let mut cmd = self.scripts.forget.call(&keys);
        stamp.add_to(&mut cmd);
        published(&self.call(&cmd, deadline).await?)
    }

    /// Whether what belongs to a key and what all share may be on different servers.
    pub(super) fn is_cluster(&self) -> bool {
        self.wire.is_cluster()
    }

    /// Which servers these are; another text after a restart or a failover of any.
    pub(super) async fn identity(&self) -> Result<String, Failure> {
        fit(&self.wire).await.map(|fit| fit.identity)
    }

    /// Whether the server answers at all.
    pub(super) async fn ping(&self, deadline: Duration) -> Result<(), Failure> {
        self.call(&redis::cmd("PING"), deadline).await.map(drop)
    }

    fn names_of(&self, id: Id<'_>) -> [String; 2] {
        [self.names.value(id.namespace, id.key), self.names.lease(id.namespace, id.key)]
    }
}

/// A notice on its way into the log.
pub(super) struct Stamp<'a> {
    /// `None` for a record that only tries out whether records come through.
    pub(super) notice: Option<&'a Notice>,
    pub(super) node: &'a str,
}

/// The highest epoch: Lua counts in floating point.
const EPOCHS: u64 = 1 << 53;

/// An epoch that was never before, for a server that has lost its state.
pub(super) fn new_epoch() -> u64 {
    (crate::key::random_seed() % EPOCHS).max(1)
}

impl Stamp<'_> {
    fn add_to(&self, cmd: &mut Cmd) {
        let body = self.notice.map(Notice::body).unwrap_or_default();
        let at_ms = self.notice.map_or(0, Notice::at_ms);
        let field = self.notice.map(|notice| notice.field(&body)).unwrap_or_default();
        let is_of_everything = self.notice.is_some_and(Notice::is_of_everything);
        cmd.arg(new_epoch()).arg(self.node).arg(body).arg(at_ms).arg(MOST_RECORDS);
        cmd.arg(field).arg(u8::from(is_of_everything));
    }
}

fn millis(term: Duration) -> u64 {
    u64::try_from(term.as_millis()).unwrap_or(u64::MAX).max(1)
}

pub(super) fn unexpected(what: &str, answer: &Value) -> Failure {
    let answer = match answer {
        Value::BulkString(_) | Value::SimpleString(_) => "a text".to_owned(),
        _ => "something else than expected".to_owned(),
    };
    Failure::Refused(format!("{what}: answered by {answer}"))
}

pub(super) fn bytes_of(value: Value) -> Option<Bytes> {
    match value {
        Value::BulkString(bytes) => Some(bytes.into()),
        _ => None,
    }
}

/// The text of an answer, or of a number.
pub(super) fn text_of(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::BulkString(bytes) => String::from_utf8(bytes.clone()).ok(),
        Value::SimpleString(text) => Some(text.clone()),
        Value::Int(number) => Some(number.to_string()),
        _ => None,
    }
}

pub(super) fn number_of(value: Option<&Value>) -> Option<u64> {
    text_of(value)?.parse().ok()
}

pub(super) fn asked(answer: Value, token: String) -> Result<Asked, Failure> {
    let Value::Array(mut items) = answer else { return Err(unexpected("lease", &answer)) };
    let what = text_of(items.first());
    let number = |place: usize| number_of(items.get(place));
    let read = match what.as_deref() {
        Some("value") => match items.pop() {
            Some(Value::BulkString(bytes)) => Some(Asked::Value(bytes.into())),
            _ => None,
        },
        Some("leased") => (|| {
            let (epoch, position, turn) = (number(1)?, number(2)?, number(3)?);
            Some(Asked::Lease(Lease { token, epoch, position, turn }))
        })(),
        Some("busy") => number(1).map(|turn| Asked::Busy { turn }),
        Some("lost") => Some(Asked::Lost),
        _ => None,
    };
    read.ok_or_else(|| unexpected("lease", &Value::Nil))
}

fn published(answer: &Value) -> Result<Published, Failure> {
    let items = answer.as_sequence().unwrap_or_default();
    let number = |place: usize| number_of(items.get(place));
    let read = (|| {
        let (epoch, position, fields) = (number(0)?, number(1)?, number(3)?);
        Some(Published { epoch, position, record: text_of(items.get(2))?, fields })
    })();
    read.ok_or_else(|| unexpected("forget", answer))
}
