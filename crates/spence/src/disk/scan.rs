//! Reading a segment record by record, through whatever damage there is.
//!
//! The rules are those of docs/formats.md: what identifies a record stands in its header and in
//! its body, each under a checksum of its own, so either will do.

use bytes::Bytes;

use super::format::{ALIGN, RECORD_HEADER_BYTES, RecordHeader, SEGMENT_HEADER_BYTES, record_bytes};
use super::hasher::StoredHasher;
use super::hint::{Contents, Listed};
use crate::ban::{Ban, Effect, What};
use crate::envelope::{self, Body, HEAD_BYTES, RecordKind};

/// What a scan found.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) contents: Contents,
    /// Where the last readable record ends; what follows is a torn tail.
    pub(super) end: usize,
}

/// A record, as far as it can be made out.
struct Found {
    kind: RecordKind,
    seq: u64,
    hash: u64,
    bytes: usize,
    body: Option<Body>,
}

/// Reads a whole segment file.
pub(super) fn scan(file: &Bytes, hasher: StoredHasher) -> Scan {
    let mut contents = Contents::default();
    let mut doubtful_bans = Vec::new();
    let mut in_gap = false;
    let mut end = SEGMENT_HEADER_BYTES;
    let mut at = SEGMENT_HEADER_BYTES;
    while at < file.len() {
        let Some(found) = record_at(file, at, hasher) else {
            in_gap = true;
            at += ALIGN;
            continue;
        };
        if std::mem::take(&mut in_gap) {
            // Whatever stood before may have buried anything older.
            contents.ban(everything_before(found.seq));
        }
        list(&found, at, &mut contents, &mut doubtful_bans);
        at += found.bytes;
        end = at;
    }
    for position in doubtful_bans {
        if !contents.bans.iter().any(|ban| ban.position == position) {
            contents.ban(everything_before(position));
        }
    }
    Scan { contents, end }
}

fn everything_before(position: u64) -> Ban {
    Ban { position, effect: Effect::Invalidate, what: What::Everything }
}

fn list(found: &Found, at: usize, contents: &mut Contents, doubtful_bans: &mut Vec<u64>) {
    let Found { kind, seq, hash, bytes, .. } = *found;
    contents.last_position = contents.last_position.max(seq);
    let (kind, namespace) = match &found.body {
        Some(Body::Ban(ban)) => return contents.ban(ban.clone()),
        None if kind == RecordKind::Ban => return doubtful_bans.push(seq),
        Some(Body::Entry(entry)) => {
            contents.last_position = contents.last_position.max(entry.as_of);
            (RecordKind::Entry, &*entry.namespace)
        }
        Some(Body::Tombstone { namespace, .. }) => (RecordKind::Tombstone, &**namespace),
        // A value that cannot be read still buries what is older.
        None => (RecordKind::Tombstone, ""),
    };
    let namespace = contents.namespace(namespace);
    contents.records.push(Listed::new(kind, (hash, seq), (at, bytes), namespace));
}

fn record_at(file: &Bytes, at: usize, hasher: StoredHasher) -> Option<Found> {
    let body_at = at + RECORD_HEADER_BYTES;
    match RecordHeader::decode(file.get(at..)?) {
        Some(header) => {
            let bytes = header.record_bytes();
            let body_end = body_at.checked_add(header.body_bytes)?;
            if at.checked_add(bytes)? > file.len() {
                return None;
            }
            let body = envelope::read(&file.slice(body_at..body_end));
            let RecordHeader { kind, seq, hash, .. } = header;
            Some(Found { kind, seq, hash, bytes, body })
        }
        None => {
            let head = file.get(body_at..body_at.checked_add(HEAD_BYTES)?)?;
            let (kind, body_bytes) = envelope::measure(head)?;
            let bytes = record_bytes(body_bytes);
            if at.checked_add(bytes)? > file.len() {
                return None;
            }
            let body = envelope::read(&file.slice(body_at..body_at + body_bytes))?;
            let (seq, hash) = match &body {
                Body::Entry(entry) => (entry.seq, hasher.hash(&entry.namespace, &entry.key)),
                Body::Tombstone { namespace, key, seq } => (*seq, hasher.hash(namespace, key)),
                Body::Ban(ban) => (ban.position, 0),
            };
            Some(Found { kind, seq, hash, bytes, body: Some(body) })
        }
    }
}
