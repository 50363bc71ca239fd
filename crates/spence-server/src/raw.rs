//! Raw values: bytes with a content type, in namespaces that are made by putting something there.

use axum::http::HeaderValue;
use bytes::{BufMut, Bytes, BytesMut};
use spence::{Cache, Codec, Error, Spence, Weigh, allocation};

/// The type of a value that was put in without one.
const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// Bytes and what they are; with the headers that each answer has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RawValue {
    pub(crate) content_type: HeaderValue,
    pub(crate) etag: HeaderValue,
    pub(crate) body: Bytes,
}

impl RawValue {
    /// `content_type` is empty for none; `None` if it cannot be one.
    pub(crate) fn new(content_type: &[u8], body: Bytes) -> Option<Self> {
        let content_type = match content_type {
            [] => OCTETS,
            given => HeaderValue::from_bytes(given).ok()?,
        };
        let hash = twox_hash::XxHash3_64::oneshot(&body);
        let etag = HeaderValue::try_from(format!("\"{hash:016x}\"")).ok()?;
        Some(Self { content_type, etag, body })
    }
}

pub(crate) type RawCache = Cache<String, RawValue>;

/// Length of the content type as u16, content type, body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawCodec;

impl Weigh for RawValue {
    fn heap_bytes(&self) -> usize {
        // Each is a block of its own.
        let header = |value: &HeaderValue| allocation(value.len()) + 32;
        header(&self.content_type) + header(&self.etag) + self.body.heap_bytes()
    }
}

impl Codec<RawValue> for RawCodec {
    fn id(&self) -> u8 {
        128
    }

    fn version(&self) -> u8 {
        1
    }

    fn encode(&self, value: &RawValue) -> Result<Bytes, Error> {
        let content_type = value.content_type.as_bytes();
        let mut out = BytesMut::with_capacity(2 + content_type.len() + value.body.len());
        // Header values are shorter than that by far.
        out.put_u16_le(u16::try_from(content_type.len()).unwrap_or(0));
        out.put_slice(content_type);
        out.put_slice(&value.body);
        Ok(out.freeze())
    }

    fn decode(&self, mut bytes: Bytes) -> Option<RawValue> {
        let (length, _) = bytes.split_first_chunk::<2>()?;
        let body_at = 2 + usize::from(u16::from_le_bytes(*length));
        let head = (bytes.len() >= body_at).then(|| bytes.split_to(body_at))?;
        RawValue::new(head.get(2..)?, bytes)
    }
}

/// The raw cache of this name, made if need be; a conflict if the name belongs to a typed one.
pub(crate) fn raw_cache(spence: &Spence, namespace: &str) -> Result<RawCache, Error> {
    match spence.existing(namespace) {
        Some(cache) => Ok(cache),
        None => spence.cache(namespace).codec(RawCodec).build(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_values_read_back_and_anything_else_is_a_miss() {
        for (content_type, body) in [("", ""), ("text/plain", "hello"), ("a/b", "")] {
            let value = RawValue::new(content_type.as_bytes(), body.into()).unwrap();
            let bytes = RawCodec.encode(&value).unwrap();
            assert_eq!(RawCodec.decode(bytes), Some(value));
        }
        for wrong in [&b""[..], b"\x01", b"\x05\x00abc", b"\x01\x00\x0A"] {
            assert_eq!(RawCodec.decode(Bytes::from_static(wrong)), None);
        }
    }
}
