//! What fuzzing feeds to the readers of stored bytes, and what must hold of what they make of it.
//!
//! Nearly all bytes fail a checksum, and nothing behind it would be tried; so each function also
//! takes the bytes as if their checksums were right.

use bytes::Bytes;
use twox_hash::XxHash3_64;

use super::format::{ALIGN, RECORD_HEADER_BYTES, RecordHeader, SEGMENT_HEADER_BYTES};
use super::hasher::StoredHasher;
use super::hint;
use super::scan::scan;
use crate::compress::Packed;
use crate::envelope::{self, Body, HEAD_BYTES, RecordKind};

/// A record's body. What can be read is written as it was read.
///
/// # Panics
/// If it does not hold.
pub fn body(bytes: &[u8]) {
    drop(envelope::read(&Bytes::copy_from_slice(bytes)));
    let Some((&kind, fields)) = bytes.split_first() else { return };
    let sealed = Bytes::from(sealed_body(kind % 4, fields));
    let Some(read) = envelope::read(&sealed) else { return };
    let mut again = Vec::new();
    match &read {
        Body::Entry(entry) => {
            envelope::put_entry(entry, &Packed::plain(&entry.payload), &mut again);
        }
        Body::Tombstone { namespace, key, seq } => {
            envelope::put_tombstone(namespace, key, *seq, &mut again);
        }
        Body::Ban(ban) => envelope::put_ban(ban, &mut again),
    }
    let mut expected = read;
    if let Body::Entry(entry) = &mut expected {
        // It says how the payload was stored, and it is stored plain now.
        entry.compress = false;
    }
    assert_eq!(envelope::read(&again.into()), Some(expected));
}

/// A segment, and its records as if their checksums were right: each begins with kind, position and
/// length, a byte each. What is found lies within the file, and a hint can say it.
///
/// # Panics
/// If it does not hold.
pub fn segment(bytes: &[u8]) {
    let hasher = StoredHasher([7; 16]);
    let mut file = vec![0; SEGMENT_HEADER_BYTES];
    let mut rest = bytes;
    while let [kind, position, length, more @ ..] = rest {
        let (fields, after) = more.split_at(usize::from(*length).min(more.len()));
        let body = sealed_body(kind % 4, fields);
        let header = RecordHeader {
            kind: RecordKind::from_byte(kind % 3 + 1).unwrap_or(RecordKind::Entry),
            // Longer or shorter than it is, now and then.
            body_bytes: body.len() + usize::from(kind >> 6) * 8,
            seq: u64::from(*position),
            hash: u64::from(*length),
        };
        let mut header = header.encode();
        // Damaged, now and then.
        if let Some(byte) = header.get_mut(usize::from(kind >> 4 & 3)) {
            *byte ^= kind >> 2 & 3;
        }
        file.extend_from_slice(&header);
        file.extend_from_slice(&body);
        file.resize(file.len().next_multiple_of(ALIGN), 0);
        rest = after;
    }
    for file in [Bytes::copy_from_slice(bytes), Bytes::from(file)] {
        let found = scan(&file, hasher);
        assert!(found.end <= file.len().max(SEGMENT_HEADER_BYTES));
        for record in &found.contents.records {
            assert!(record.offset() + RECORD_HEADER_BYTES <= found.end);
            assert!(record.offset() + record.length() <= found.end);
            assert!(record.seq <= found.contents.last_position);
            assert!(record.namespace() < found.contents.namespaces.len());
        }
        let encoded = hint::encode(1, file.len() as u64, &found.contents);
        assert_eq!(hint::decode(&encoded, 1, file.len() as u64, Vec::new()), Some(found.contents));
    }
}

/// A hint, also as if it were that of the segment that is looked for. What can be read is written
/// as it was read.
///
/// # Panics
/// If it does not hold.
pub fn hint(bytes: &[u8]) {
    let word = |bytes: &[u8], at: usize| {
        let word = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>());
        word.map_or(0, |word| u64::from_le_bytes(*word))
    };
    let mut sealed = bytes.to_vec();
    seal(&mut sealed);
    for bytes in [bytes, &sealed] {
        let (number, segment_bytes) = (word(bytes, 24), word(bytes, 32));
        let Some(contents) = hint::decode(bytes, number, segment_bytes, Vec::new()) else {
            continue;
        };
        let again = hint::encode(number, segment_bytes, &contents);
        assert_eq!(hint::decode(&again, number, segment_bytes, Vec::new()), Some(contents));
    }
}

/// A body with these fields and the right length and checksum.
fn sealed_body(kind: u8, fields: &[u8]) -> Vec<u8> {
    let mut body = Vec::with_capacity(HEAD_BYTES + fields.len());
    body.extend_from_slice(&[0; 8]);
    body.extend_from_slice(b"SB\x01");
    body.push(kind);
    body.extend_from_slice(&(fields.len() as u32).to_le_bytes());
    body.extend_from_slice(fields);
    seal(&mut body);
    body
}

/// Makes the checksum in the first eight bytes that of the others.
fn seal(bytes: &mut [u8]) {
    let Some((checksum, rest)) = bytes.split_first_chunk_mut::<8>() else { return };
    *checksum = XxHash3_64::oneshot(rest).to_le_bytes();
}
