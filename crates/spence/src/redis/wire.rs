//! A connection to a server, and what can go wrong with a call over it.

use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{MultipleNodeRoutingInfo, RoutingInfo};
use redis::{Cmd, ErrorKind, Pipeline, RedisError, RedisFuture, ServerErrorKind, Value};

use crate::clock::Clock;

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// The server does not answer, or not in time.
    Away(String),
    /// It answers that it cannot serve us, or not any more: another link is needed.
    Unfit(String),
    /// The server has no memory left for a value.
    Full,
    /// The server refuses this call, or answers what it should not.
    Refused(String),
}

/// A connection to a server, or to all of a cluster.
#[derive(Clone)]
pub(super) enum Connection {
    Server(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Connection {
    fn call<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::Server(connection) => connection.req_packed_command(cmd),
            Self::Cluster(connection) => connection.req_packed_command(cmd),
        }
    }

    /// Several calls, which are about keys of one slot; as many answers as there are calls.
    pub(super) fn call_all<'a>(&'a mut self, calls: &'a Pipeline) -> RedisFuture<'a, Vec<Value>> {
        let count = calls.len();
        match self {
            Self::Server(connection) => connection.req_packed_commands(calls, 0, count),
            Self::Cluster(connection) => connection.req_packed_commands(calls, 0, count),
        }
    }
}

/// A connection whose calls are limited in time.
#[derive(Clone)]
pub(super) struct Wire {
    connection: Connection,
    clock: Clock,
}

impl Wire {
    pub(super) fn new(connection: Connection, clock: Clock) -> Self {
        Self { connection, clock }
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Whether what all keys share may be on another server than a key.
    pub(super) fn is_cluster(&self) -> bool {
        matches!(self.connection, Connection::Cluster(_))
    }

    /// One call, within `deadline`.
    pub(super) async fn call(&self, cmd: &Cmd, deadline: Duration) -> Result<Value, Failure> {
        let mut connection = self.connection.clone();
        let call = connection.call(cmd);
        let answer = self.clock.timeout(deadline, call).await;
        checked(answer.unwrap_or_else(|| Err(late(deadline))))
    }

    /// What each server says of itself: the one, or the masters of a cluster.
    pub(super) async fn info(&self, deadline: Duration) -> Result<Vec<String>, Failure> {
        let info = redis::cmd("INFO");
        let answer = match self.connection.clone() {
            Connection::Server(_) => return Ok(vec![text(self.call(&info, deadline).await?)]),
            Connection::Cluster(mut connection) => {
                let masters = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
                self.clock.timeout(deadline, connection.route_command(info, masters)).await
            }
        };
        match checked(answer.unwrap_or_else(|| Err(late(deadline))))? {
            Value::Map(answers) => {
                Ok(answers.into_iter().map(|(_, answer)| text(answer)).collect())
            }
            _ => Err(Failure::Refused("INFO: not answered by each master".to_owned())),
        }
    }

    /// One call, for as long as it is polled.
    pub(super) async fn call_unlimited(mut self, cmd: Cmd) -> Result<Value, Failure> {
        checked(self.connection.call(&cmd).await)
    }
}

fn text(answer: Value) -> String {
    match answer {
        Value::VerbatimString { text, .. } | Value::SimpleString(text) => text,
        Value::BulkString(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        _ => String::new(),
    }
}

/// A call that took longer.
pub(super) fn late(deadline: Duration) -> RedisError {
    let message = format!("no answer within {deadline:?}");
    std::io::Error::new(std::io::ErrorKind::TimedOut, message).into()
}

/// An answer, if it is not an error.
pub(super) fn checked(answer: Result<Value, RedisError>) -> Result<Value, Failure> {
    match answer {
        Ok(Value::ServerError(error)) => Err(failure(error.into())),
        Ok(value) => Ok(value),
        Err(error) => Err(failure(error)),
    }
}

/// What an error means for the link.
pub(super) fn failure(error: RedisError) -> Failure {
    // A server that does not know a command repeats its arguments, passwords among them.
    let text = error.to_string();
    let why = text.split("with args beginning").next().unwrap_or_default().to_owned();
    match error.kind() {
        _ if error.code() == Some("OOM") => Failure::Full,
        _ if error.code() == Some("NOAUTH") => {
            Failure::Unfit("it needs a login, and redis.url has none".to_owned())
        }
        ErrorKind::Parse => Failure::Away("it does not answer as Redis does".to_owned()),
        ErrorKind::Server(ServerErrorKind::ResponseError | ServerErrorKind::CrossSlot) => {
            Failure::Refused(why)
        }
        ErrorKind::Extension => Failure::Refused(why),
        // It loads its data, has become a replica, has lost the scripts, does not let us do that.
        ErrorKind::Server(_) | ErrorKind::AuthenticationFailed => Failure::Unfit(why),
        _ => Failure::Away(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_repeats_of_a_command_is_left_out() {
        let said = "ERR unknown command 'HELLO', with args beginning with: '3' 'AUTH' 'u' 'secret'";
        let error = RedisError::from((ErrorKind::Extension, "refused", said.to_owned()));
        let Failure::Refused(why) = failure(error) else { panic!("another kind of failure") };
        assert!(why.contains("HELLO") && !why.contains("secret"), "{why}");
    }
}
