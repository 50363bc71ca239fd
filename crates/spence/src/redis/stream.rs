//! Reading the log: what other nodes have invalidated, in order and without a gap.
//!
//! It has a connection of its own, since a read waits for the next record. That it came back, with
//! records or without, proves that until it was sent nothing had been missed; so no node writes a
//! heartbeat.

use std::time::Duration;

use redis::{Pipeline, Value};

use super::link::{number_of, text_of, unexpected};
use super::names::Names;
use super::notice::Notice;
use super::wire::{Connection, Failure, checked, failure};
use crate::clock::Clock;

/// Records that one read takes at most.
const MOST_AT_ONCE: usize = 1_000;
/// How long an answer may take beyond the time that the server waits itself.
const ANSWER: Duration = Duration::from_secs(1);

/// Up to where the log has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) record: String,
    pub(super) position: u64,
}

impl Default for Cursor {
    fn default() -> Self {
        Self { record: "0-0".to_owned(), position: 0 }
    }
}

/// A record of the log.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) cursor: Cursor,
    pub(super) node: String,
    /// `None` for a record that only tries out whether records come through.
    pub(super) notice: Option<Notice>,
}

/// What a read of the log brings.
#[derive(Debug)]
pub(super) struct News {
    pub(super) records: Vec<Record>,
    /// The id of the last entry that was read, be it a record or not.
    pub(super) last: Option<String>,
    /// The state after the records were read; `None` if it is lost.
    pub(super) state: Option<State>,
}

/// The counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct State {
    pub(super) epoch: u64,
    pub(super) position: u64,
    pub(super) turn: u64,
}

impl State {
    /// Of the fields epoch, seq and turn.
    fn read(fields: &[Value]) -> Option<Self> {
        let number = |place: usize| match fields.get(place) {
            Some(Value::Nil) => Some(0),
            other => number_of(other),
        };
        let state = Self { epoch: number(0)?, position: number(1)?, turn: number(2)? };
        (state.epoch > 0).then_some(state)
    }
}

/// Waits up to `block` for what follows `after`.
pub(super) async fn read(
    connection: &Connection,
    clock: &Clock,
    names: &Names,
    after: &Cursor,
    block: Option<Duration>,
) -> Result<News, Failure> {
    let mut calls = Pipeline::with_capacity(2);
    let read = calls.cmd("XREAD").arg("COUNT").arg(MOST_AT_ONCE);
    if let Some(block) = block {
        read.arg("BLOCK").arg(u64::try_from(block.as_millis()).unwrap_or(1).max(1));
    }
    read.arg("STREAMS").arg(&names.log).arg(&after.record);
    calls.cmd("HMGET").arg(&names.state).arg(&["epoch", "seq", "turn"]);
    let mut connection = connection.clone();
    let limit = block.unwrap_or_default() + ANSWER;
    let answers = clock.timeout(limit, connection.call_all(&calls)).await;
    let Some(answers) = answers else {
        return Err(Failure::Away(format!("the log was not read within {limit:?}")));
    };
    let mut answers = answers.map_err(failure)?.into_iter().map(|answer| checked(Ok(answer)));
    let (Some(records), Some(state)) = (answers.next(), answers.next()) else {
        return Err(unexpected("XREAD", &Value::Nil));
    };
    let (records, state) = (records?, state?);
    let state = State::read(state.as_sequence().unwrap_or_default());
    let entries = entries_of(&records)?;
    // What somebody else has put into the log is nothing to us: the positions tell what is missing.
    let records = entries.iter().filter_map(record_of).collect();
    Ok(News { records, last: entries.last().and_then(id_of), state })
}

/// The entries of an answer to XREAD, of one stream.
fn entries_of(answer: &Value) -> Result<&[Value], Failure> {
    match answer {
        Value::Nil => Ok(&[]),
        Value::Map(streams) => {
            let entries = streams.first().and_then(|(_, entries)| entries.as_sequence());
            Ok(entries.unwrap_or_default())
        }
        other => Err(unexpected("XREAD", other)),
    }
}

/// The id of an entry of a stream.
pub(super) fn id_of(entry: &Value) -> Option<String> {
    text_of(entry.as_sequence()?.first())
}

/// A record, as a list of its id and its fields; `None` for what no node has written.
pub(super) fn record_of(entry: &Value) -> Option<Record> {
    let [id, fields] = entry.as_sequence()? else { return None };
    let field = |name: &str| {
        let mut fields = fields.as_map_iter()?;
        fields.find(|(key, _)| text_of(Some(key)).as_deref() == Some(name)).map(|(_, value)| value)
    };
    let cursor = Cursor { record: text_of(Some(id))?, position: number_of(field("s"))? };
    let notice = match field("r") {
        Some(Value::BulkString(body)) if !body.is_empty() => {
            // One that cannot be read is missing, like one that is not there.
            Some(Notice::read(body, number_of(field("a"))?)?)
        }
        _ => None,
    };
    Some(Record { cursor, node: text_of(field("n"))?, notice })
}
