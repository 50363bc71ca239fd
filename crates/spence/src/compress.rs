//! Compression of payloads below memory: LZ4 blocks, where they help.
//!
//! A payload that is small, or that LZ4 does not make an eighth smaller (compressed already,
//! random), is stored as it is: reading it back then costs nothing.

use bytes::Bytes;

/// Payloads below this are stored as they are, in bytes.
const MIN_BYTES: usize = 256;
/// The largest payload that is believed to be behind a compressed one, in bytes: no record holds
/// more.
const MAX_RAW_BYTES: u32 = 64 << 20;

const PLAIN: u8 = 0;
const LZ4: u8 = 1;

/// A payload as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Packed {
    /// How, as docs/formats.md numbers it.
    pub(crate) method: u8,
    pub(crate) raw_length: u32,
    pub(crate) bytes: Bytes,
}

impl Packed {
    /// The payload as it is.
    pub(crate) fn plain(payload: &Bytes) -> Self {
        let raw_length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        Self { method: PLAIN, raw_length, bytes: payload.clone() }
    }

    /// The payload compressed, if that helps.
    pub(crate) fn lz4(payload: &Bytes) -> Self {
        let plain = Self::plain(payload);
        if payload.len() < MIN_BYTES {
            return plain;
        }
        let compressed = lz4_flex::block::compress(payload);
        if compressed.len() + compressed.len() / 8 >= payload.len() {
            return plain;
        }
        Self { method: LZ4, bytes: compressed.into(), ..plain }
    }
}

/// Makes a part of some bytes a value of its own.
pub(crate) type Own<'a> = &'a dyn Fn(&[u8]) -> Bytes;

/// The payload that was packed by `method` into `bytes`, of which `own` makes a value of its own;
/// `None` if it is not what it says.
pub(crate) fn unpack(method: u8, raw_length: u32, bytes: &[u8], own: Own<'_>) -> Option<Bytes> {
    match method {
        PLAIN => (bytes.len() == raw_length as usize).then(|| own(bytes)),
        LZ4 if raw_length <= MAX_RAW_BYTES => {
            let raw = lz4_flex::block::decompress(bytes, raw_length as usize).ok()?;
            (raw.len() == raw_length as usize).then(|| raw.into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpacked(packed: &Packed) -> Option<Bytes> {
        unpack(packed.method, packed.raw_length, &packed.bytes, &Bytes::copy_from_slice)
    }

    #[test]
    fn what_shrinks_is_compressed_and_reads_back() {
        let check = |payload: Vec<u8>, method| {
            let payload = Bytes::from(payload);
            let packed = Packed::lz4(&payload);
            assert_eq!(packed.method, method, "{} bytes", payload.len());
            assert!(packed.bytes.len() <= payload.len());
            assert_eq!(unpacked(&packed), Some(payload));
        };
        check(vec![], PLAIN);
        check(vec![7; 255], PLAIN);
        check(vec![7; 256], LZ4);
        check(b"2012-06-29,569.1,".repeat(1000), LZ4);
        let noise = (0..10_000_u64).map(|i| twox_hash::XxHash3_64::oneshot(&i.to_le_bytes()) as u8);
        check(noise.collect(), PLAIN);
    }

    #[test]
    fn a_length_that_lies_is_refused_before_memory_is_taken() {
        let packed = Packed::lz4(&Bytes::from(vec![7; 1000]));
        for raw_length in [0, 999, 1001, u32::MAX] {
            assert_eq!(unpacked(&Packed { raw_length, ..packed.clone() }), None);
        }
        assert_eq!(unpacked(&Packed { method: 9, ..packed }), None);
    }
}
