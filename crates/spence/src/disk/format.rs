//! Fixed-size headers of segments and records, as docs/formats.md describes them.

use twox_hash::XxHash3_64;

use crate::envelope::RecordKind;

/// Records begin at multiples of this, and a record's length is counted in it.
pub(super) const ALIGN: usize = 16;
/// Bytes of a segment before its first record.
pub(super) const SEGMENT_HEADER_BYTES: usize = 64;
/// Bytes of a record before its body.
pub(super) const RECORD_HEADER_BYTES: usize = 32;
/// The segment format that this code writes, and the newest that it reads.
pub(super) const SEGMENT_VERSION: u16 = 1;

const SEGMENT_MAGIC: [u8; 8] = *b"SPENCESG";
const RECORD_MAGIC: [u8; 4] = *b"SREC";
const RECORD_VERSION: u8 = 1;

/// Begins a segment file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    pub(super) version: u16,
    pub(super) number: u64,
    pub(super) hash_key: [u8; 16],
    pub(super) created_ms: u64,
}

impl SegmentHeader {
    pub(super) fn encode(&self) -> [u8; SEGMENT_HEADER_BYTES] {
        let mut bytes = [0; SEGMENT_HEADER_BYTES];
        bytes[8..16].copy_from_slice(&SEGMENT_MAGIC);
        bytes[16..18].copy_from_slice(&self.version.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.number.to_le_bytes());
        bytes[32..48].copy_from_slice(&self.hash_key);
        bytes[48..56].copy_from_slice(&self.created_ms.to_le_bytes());
        let checksum = XxHash3_64::oneshot(&bytes[8..]);
        bytes[0..8].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// `None` if the bytes are not an undamaged header; of whatever version it is.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.first_chunk::<SEGMENT_HEADER_BYTES>()?;
        if bytes[8..16] != SEGMENT_MAGIC || u64_at(bytes, 0) != XxHash3_64::oneshot(&bytes[8..]) {
            return None;
        }
        Some(Self {
            version: u16::from_le_bytes([bytes[16], bytes[17]]),
            number: u64_at(bytes, 24),
            hash_key: *bytes[32..].first_chunk::<16>()?,
            created_ms: u64_at(bytes, 48),
        })
    }
}

/// Begins a record. Repeats what identifies the record, so that a damaged body does not hide it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RecordHeader {
    pub(super) kind: RecordKind,
    pub(super) body_bytes: usize,
    pub(super) seq: u64,
    pub(super) hash: u64,
}

impl RecordHeader {
    pub(super) fn encode(&self) -> [u8; RECORD_HEADER_BYTES] {
        let mut bytes = [0; RECORD_HEADER_BYTES];
        let body_bytes = u32::try_from(self.body_bytes).unwrap_or(u32::MAX);
        bytes[4..8].copy_from_slice(&RECORD_MAGIC);
        bytes[8] = self.kind as u8;
        bytes[9] = RECORD_VERSION;
        bytes[12..16].copy_from_slice(&body_bytes.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.seq.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.hash.to_le_bytes());
        let checksum = XxHash3_64::oneshot(&bytes[4..]) as u32;
        bytes[0..4].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// `None` if the bytes are not an undamaged header.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.first_chunk::<RECORD_HEADER_BYTES>()?;
        let checksum = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        let genuine = bytes[4..8] == RECORD_MAGIC
            && bytes[9] == RECORD_VERSION
            && checksum == XxHash3_64::oneshot(&bytes[4..]) as u32;
        if !genuine {
            return None;
        }
        Some(Self {
            kind: RecordKind::from_byte(bytes[8])?,
            body_bytes: u32::from_le_bytes([bytes[12], bytes[13], bytes[14], bytes[15]]) as usize,
            seq: u64_at(bytes, 16),
            hash: u64_at(bytes, 24),
        })
    }

    /// Bytes from this record to the next.
    pub(super) fn record_bytes(&self) -> usize {
        record_bytes(self.body_bytes)
    }
}

/// Bytes that a record with such a body takes in a segment.
pub(super) fn record_bytes(body_bytes: usize) -> usize {
    (RECORD_HEADER_BYTES + body_bytes).next_multiple_of(ALIGN)
}

fn u64_at<const N: usize>(bytes: &[u8; N], at: usize) -> u64 {
    let eight = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>());
    eight.map_or(0, |eight| u64::from_le_bytes(*eight))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_read_back_and_notice_any_flipped_bit() {
        let record = RecordHeader { kind: RecordKind::Tombstone, body_bytes: 99, seq: 7, hash: 8 };
        let good = record.encode();
        assert_eq!(RecordHeader::decode(&good), Some(record));
        for position in 0..good.len() {
            let mut bad = good;
            bad[position] ^= 1 << (position % 8);
            assert_eq!(RecordHeader::decode(&bad), None, "byte {position}");
        }

        let segment = SegmentHeader { version: 9, number: 3, hash_key: [5; 16], created_ms: 11 };
        let good = segment.encode();
        assert_eq!(SegmentHeader::decode(&good), Some(segment));
        for position in 0..good.len() {
            let mut bad = good;
            bad[position] ^= 1 << (position % 8);
            assert_eq!(SegmentHeader::decode(&bad), None, "byte {position}");
        }
    }
}
