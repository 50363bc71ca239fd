//! The body of a stored record: what every tier below memory keeps about a key, or about many.
//!
//! The layout is described in docs/formats.md; change it there first. Only what is here and in
//! `bans.rs` is serialised, apart from the values that users cache. Nothing here trusts
//! its input: whatever cannot be read is `None`, and a miss.

mod bans;

use std::cell::Cell;
use std::io::Write as _;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_64;

use crate::ban::Ban;
use crate::compress::{Own, Packed, unpack};

pub(crate) use bans::put_ban;

/// Bytes before the fields.
pub(crate) const HEAD_BYTES: usize = 16;
const MAGIC: [u8; 2] = *b"SB";
const VERSION: u8 = 1;

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum RecordKind {
    Entry = 1,
    Tombstone = 2,
    Ban = 3,
}

impl RecordKind {
    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(RecordKind::Entry),
            2 => Some(RecordKind::Tombstone),
            3 => Some(RecordKind::Ban),
            _ => None,
        }
    }
}

/// How the payload's bytes mean a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CodecId {
    pub(crate) id: u8,
    pub(crate) version: u8,
}

/// What lets the origin say "not modified".
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Validator {
    #[default]
    None,
    ETag(String),
    LastModified(String),
}

/// An entry as stored.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StoredEntry {
    pub(crate) namespace: Arc<str>,
    pub(crate) fingerprint: u64,
    pub(crate) key: Arc<str>,
    pub(crate) seq: u64,
    /// Of the shared tier that it lies in; 0 elsewhere.
    pub(crate) epoch: u64,
    pub(crate) as_of: u64,
    pub(crate) born_ms: u64,
    pub(crate) ttl_ms: Option<u64>,
    pub(crate) expired_at_ms: Option<u64>,
    pub(crate) negative: bool,
    pub(crate) tags: Box<[Box<str>]>,
    pub(crate) fetch_micros: u32,
    pub(crate) cost_micro_usd: u64,
    pub(crate) validator: Validator,
    pub(crate) codec: CodecId,
    /// Whether the payload is worth compressing, as its policy says; not stored itself.
    pub(crate) compress: bool,
    pub(crate) payload: Bytes,
}

impl StoredEntry {
    /// Whether this is the entry of that key.
    pub(crate) fn is(&self, namespace: &str, key: &str) -> bool {
        *self.key == *key && *self.namespace == *namespace
    }

    /// Ends the freshness at `at_ms` at the latest.
    pub(crate) fn expire(&mut self, at_ms: u64) {
        self.expired_at_ms = Some(self.expired_at_ms.map_or(at_ms, |before| before.min(at_ms)));
    }
}

/// What a body says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Body {
    Entry(Box<StoredEntry>),
    Tombstone { namespace: Arc<str>, key: Arc<str>, seq: u64 },
    Ban(Ban),
}

#[derive(Serialize, Deserialize)]
struct EntryFields<'a> {
    namespace: &'a str,
    fingerprint: u64,
    key: &'a str,
    seq: u64,
    epoch: u64,
    as_of: u64,
    born_ms: u64,
    ttl_ms: Option<u64>,
    fresh_until_ms: Option<u64>,
    expired_at_ms: Option<u64>,
    negative: bool,
    #[serde(borrow)]
    tags: Vec<&'a str>,
    fetch_micros: u32,
    cost_micro_usd: u64,
    validator: Validator,
    codec: u8,
    codec_version: u8,
    compression: u8,
    raw_length: u32,
}

#[derive(Serialize, Deserialize)]
struct TombstoneFields<'a> {
    namespace: &'a str,
    key: &'a str,
    seq: u64,
}

/// Appends the body of an entry with its payload as `packed`.
pub(crate) fn put_entry(entry: &StoredEntry, packed: &Packed, out: &mut Vec<u8>) {
    let fields = EntryFields {
        namespace: &entry.namespace,
        fingerprint: entry.fingerprint,
        key: &entry.key,
        seq: entry.seq,
        epoch: entry.epoch,
        as_of: entry.as_of,
        born_ms: entry.born_ms,
        ttl_ms: entry.ttl_ms,
        fresh_until_ms: None,
        expired_at_ms: entry.expired_at_ms,
        negative: entry.negative,
        tags: entry.tags.iter().map(|tag| &**tag).collect(),
        fetch_micros: entry.fetch_micros,
        cost_micro_usd: entry.cost_micro_usd,
        validator: entry.validator.clone(),
        codec: entry.codec.id,
        codec_version: entry.codec.version,
        compression: packed.method,
        raw_length: packed.raw_length,
    };
    put(RecordKind::Entry, &fields, &packed.bytes, out);
}

/// Appends the body of a tombstone.
pub(crate) fn put_tombstone(namespace: &str, key: &str, seq: u64, out: &mut Vec<u8>) {
    put(RecordKind::Tombstone, &TombstoneFields { namespace, key, seq }, &[], out);
}

fn put(kind: RecordKind, fields: &impl Serialize, payload: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0; HEAD_BYTES]);
    postcard::to_io(fields, &mut *out).expect("a vector takes any number of bytes");
    out.write_all(payload).expect("a vector takes any number of bytes");
    let length = u32::try_from(out.len() - start - HEAD_BYTES).expect("records are below 64 MB");
    let Some(body) = out.get_mut(start..) else { return };
    let Some((head, _)) = body.split_first_chunk_mut::<HEAD_BYTES>() else { return };
    head[8..10].copy_from_slice(&MAGIC);
    head[10] = VERSION;
    head[11] = kind as u8;
    head[12..16].copy_from_slice(&length.to_le_bytes());
    let checksum = XxHash3_64::oneshot(body.get(8..).unwrap_or_default());
    if let Some((first, _)) = body.split_first_chunk_mut::<8>() {
        *first = checksum.to_le_bytes();
    }
}

/// The length of the whole body that begins with `head`, and its kind, if it can be one.
/// Nothing but the magic and the version has been checked.
pub(crate) fn measure(head: &[u8]) -> Option<(RecordKind, usize)> {
    let head = head.first_chunk::<HEAD_BYTES>()?;
    if head[8..10] != MAGIC || head[10] != VERSION {
        return None;
    }
    let length = u32::from_le_bytes([head[12], head[13], head[14], head[15]]) as usize;
    Some((RecordKind::from_byte(head[11])?, HEAD_BYTES + length))
}

/// Reads a body, checksum first. `bytes` is exactly the body; a payload shares it.
pub(crate) fn read(bytes: &Bytes) -> Option<Body> {
    let (kind, fields) = open(bytes)?;
    match kind {
        RecordKind::Entry => {
            let entry = read_entry(fields, None, &|payload| bytes.slice_ref(payload))?;
            Some(Body::Entry(Box::new(entry)))
        }
        RecordKind::Tombstone => {
            let fields: TombstoneFields<'_> = postcard::from_bytes(fields).ok()?;
            Some(Body::Tombstone {
                namespace: fields.namespace.into(),
                key: fields.key.into(),
                seq: fields.seq,
            })
        }
        RecordKind::Ban => bans::read_ban(fields).map(Body::Ban),
    }
}

/// As [`read`], of an entry. If it has these names, namespace and key, it shares them; `own` makes
/// a payload of its own.
pub(crate) fn entry(
    bytes: &[u8],
    names: Option<(&Arc<str>, &Arc<str>)>,
    own: Own<'_>,
) -> Option<StoredEntry> {
    let (kind, fields) = open(bytes)?;
    matches!(kind, RecordKind::Entry).then(|| read_entry(fields, names, own))?
}

/// As [`entry`], of bytes that nobody else needs: a payload that is stored as it is keeps their
/// block.
pub(crate) fn take_entry(
    mut bytes: Bytes,
    names: Option<(&Arc<str>, &Arc<str>)>,
) -> Option<StoredEntry> {
    let plain = Cell::new(None);
    let own = |payload: &[u8]| {
        plain.set(Some(payload.len()));
        Bytes::new()
    };
    let mut stored = entry(&bytes, names, &own)?;
    if let Some(length) = plain.get() {
        // A body ends with its payload.
        bytes.advance(bytes.len() - length);
        stored.payload = bytes;
    }
    Some(stored)
}

/// The kind and the fields of an undamaged body.
fn open(bytes: &[u8]) -> Option<(RecordKind, &[u8])> {
    let (kind, length) = measure(bytes)?;
    let (checksum, rest) = bytes.split_first_chunk::<8>()?;
    let is_whole =
        length == bytes.len() && u64::from_le_bytes(*checksum) == XxHash3_64::oneshot(rest);
    is_whole.then_some((kind, bytes.get(HEAD_BYTES..)?))
}

fn read_entry(
    fields: &[u8],
    names: Option<(&Arc<str>, &Arc<str>)>,
    own: Own<'_>,
) -> Option<StoredEntry> {
    let shared = |known: Option<&Arc<str>>, name: &str| match known {
        Some(known) if **known == *name => Arc::clone(known),
        _ => name.into(),
    };
    let (fields, payload) = postcard::take_from_bytes::<EntryFields<'_>>(fields).ok()?;
    Some(StoredEntry {
        namespace: shared(names.map(|names| names.0), fields.namespace),
        fingerprint: fields.fingerprint,
        key: shared(names.map(|names| names.1), fields.key),
        seq: fields.seq,
        epoch: fields.epoch,
        as_of: fields.as_of,
        born_ms: fields.born_ms,
        ttl_ms: fields.ttl_ms,
        expired_at_ms: fields.expired_at_ms,
        negative: fields.negative,
        tags: fields.tags.into_iter().map(Into::into).collect(),
        fetch_micros: fields.fetch_micros,
        cost_micro_usd: fields.cost_micro_usd,
        validator: fields.validator,
        codec: CodecId { id: fields.codec, version: fields.codec_version },
        // If it is written anew, then as it was.
        compress: fields.compression != 0,
        payload: unpack(fields.compression, fields.raw_length, payload, own)?,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::ban::{Effect, What};

    pub(crate) fn sample() -> StoredEntry {
        StoredEntry {
            namespace: "OHLCV".into(),
            fingerprint: 0xFEED,
            key: "AAPL:90".into(),
            seq: 1001,
            epoch: 0,
            as_of: 1000,
            born_ms: 1_341_000_000_000,
            ttl_ms: Some(300_000),
            expired_at_ms: None,
            negative: false,
            tags: Box::new(["AAPL".into(), "nasdaq".into()]),
            fetch_micros: 52_000,
            cost_micro_usd: 400,
            validator: Validator::ETag("\"v1\"".into()),
            codec: CodecId { id: 1, version: 1 },
            compress: false,
            payload: Bytes::from_static(b"payload"),
        }
    }

    fn encoded(entry: &StoredEntry) -> Bytes {
        let mut out = Vec::new();
        put_entry(entry, &Packed::plain(&entry.payload), &mut out);
        out.into()
    }

    #[test]
    fn bodies_read_back() {
        let entry = sample();
        assert_eq!(read(&encoded(&entry)), Some(Body::Entry(Box::new(entry))));

        let mut out = Vec::new();
        put_tombstone("OHLCV", "AAPL:90", 7, &mut out);
        let tombstone =
            Body::Tombstone { namespace: "OHLCV".into(), key: "AAPL:90".into(), seq: 7 };
        assert_eq!(read(&out.into()), Some(tombstone));

        for what in [
            What::Tag("AAPL".into()),
            What::Prefix { namespace: "n".into(), prefix: "AAPL:".into() },
            What::Glob { namespace: "n".into(), pattern: "*:90".into() },
            What::Namespace("n".into()),
            What::Everything,
        ] {
            let ban = Ban { position: 9, effect: Effect::Expire { at_ms: 5 }, what };
            let mut out = Vec::new();
            put_ban(&ban, &mut out);
            assert_eq!(read(&out.into()), Some(Body::Ban(ban)));
        }
    }

    #[test]
    fn a_payload_keeps_the_block_that_it_came_in() {
        let payload = Bytes::from("2012-06-29,569.1,".repeat(40));
        let entry = StoredEntry { payload, ..sample() };
        for packed in [Packed::plain(&entry.payload), Packed::lz4(&entry.payload)] {
            let mut out = Vec::new();
            put_entry(&entry, &packed, &mut out);
            let bytes = Bytes::from(out);
            let block = bytes.as_ptr_range();
            let taken = take_entry(bytes, None).unwrap();
            assert_eq!((&taken.payload, &*taken.key), (&entry.payload, "AAPL:90"));
            assert_eq!(block.contains(&taken.payload.as_ptr()), packed.method == 0);
        }
    }

    #[test]
    fn any_flipped_bit_is_noticed() {
        let good = encoded(&sample());
        for position in 0..good.len() {
            let mut bad = good.to_vec();
            bad[position] ^= 1 << (position % 8);
            assert_eq!(read(&bad.into()), None, "byte {position}");
        }
    }

    #[test]
    fn any_cut_is_noticed() {
        let good = encoded(&sample());
        (0..good.len()).for_each(|length| assert_eq!(read(&good.slice(..length)), None));
    }
}
