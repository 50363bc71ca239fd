//! A connection to a server, and what can go wrong with a call over it.

use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{Cmd, ErrorKind, RedisError, ServerErrorKind, Value};

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

/// A connection whose calls are limited in time.
#[derive(Clone)]
pub(super) struct Wire {
    connection: MultiplexedConnection,
    clock: Clock,
}

impl Wire {
    pub(super) fn new(connection: MultiplexedConnection, clock: Clock) -> Self {
        Self { connection, clock }
    }

    /// One call, within `deadline`.
    pub(super) async fn call(&self, cmd: &Cmd, deadline: Duration) -> Result<Value, Failure> {
        let mut connection = self.connection.clone();
        let call = connection.req_packed_command(cmd);
        let answer = self.clock.timeout(deadline, call).await;
        checked(answer.unwrap_or_else(|| Err(late(deadline))))
    }

    /// One call, for as long as it is polled.
    pub(super) async fn call_unlimited(mut self, cmd: Cmd) -> Result<Value, Failure> {
        checked(self.connection.req_packed_command(&cmd).await)
    }
}

fn late(deadline: Duration) -> RedisError {
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
    match error.kind() {
        _ if error.code() == Some("OOM") => Failure::Full,
        ErrorKind::Server(ServerErrorKind::ResponseError | ServerErrorKind::CrossSlot) => {
            Failure::Refused(error.to_string())
        }
        ErrorKind::Extension => Failure::Refused(error.to_string()),
        // It loads its data, has become a replica, has lost the scripts, does not let us do that.
        ErrorKind::Server(_) | ErrorKind::AuthenticationFailed => Failure::Unfit(error.to_string()),
        _ => Failure::Away(error.to_string()),
    }
}
