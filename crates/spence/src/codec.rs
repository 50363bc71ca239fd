//! How values become bytes for the tiers below memory.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::envelope::CodecId;
use crate::error::{Error, ErrorKind};

/// Turns values into bytes and back. Bytes that another version or another codec wrote are not
/// shown to it: they carry another fingerprint and are a miss.
pub trait Codec<V>: Send + Sync + 'static {
    /// Which layout this is: 0 to 127 are Spence's own (docs/formats.md), use 128 to 255 for yours.
    fn id(&self) -> u8;

    /// The version of the layout; count it up whenever old bytes should become misses.
    fn version(&self) -> u8;

    /// The bytes of a value.
    ///
    /// # Errors
    /// When the value has no bytes in this layout; it then stays in memory only.
    fn encode(&self, value: &V) -> Result<Bytes, Error>;

    /// The value of bytes that [`Codec::encode`] made; `None`, and a miss, if they are not. They
    /// may be kept. A slice of them keeps all of them, so copy what is much smaller.
    fn decode(&self, bytes: Bytes) -> Option<V>;
}

/// The default: postcard, a compact binary form for any serde type. Field names are not stored,
/// so a change to the type's fields must come with a new `CacheBuilder::schema` number.
#[derive(Debug, Clone, Copy, Default)]
pub struct Postcard;

impl<V: Serialize + DeserializeOwned> Codec<V> for Postcard {
    fn id(&self) -> u8 {
        1
    }

    fn version(&self) -> u8 {
        1
    }

    fn encode(&self, value: &V) -> Result<Bytes, Error> {
        postcard::to_stdvec(value).map(Bytes::from).map_err(|error| {
            Error::with_source(ErrorKind::InvalidArgument, format!("encode: {error}"), error)
        })
    }

    fn decode(&self, bytes: Bytes) -> Option<V> {
        postcard::from_bytes(&bytes).ok()
    }
}

/// For values that are bytes already: stored as they are.
#[derive(Debug, Clone, Copy, Default)]
pub struct Raw;

impl Codec<Bytes> for Raw {
    fn id(&self) -> u8 {
        0
    }

    fn version(&self) -> u8 {
        1
    }

    fn encode(&self, value: &Bytes) -> Result<Bytes, Error> {
        Ok(value.clone())
    }

    fn decode(&self, bytes: Bytes) -> Option<Bytes> {
        Some(bytes)
    }
}

/// The codec's mark in a stored entry.
pub(crate) fn mark<V: 'static>(codec: &dyn Codec<V>) -> CodecId {
    CodecId { id: codec.id(), version: codec.version() }
}

/// What a stored entry must carry to be readable by a cache.
pub(crate) fn fingerprint(namespace: &str, schema: u32, codec: CodecId, origin: &str) -> u64 {
    let mut bytes = Vec::with_capacity(namespace.len() + 8);
    bytes.extend_from_slice(&schema.to_le_bytes());
    bytes.extend_from_slice(&[codec.id, codec.version]);
    bytes.extend_from_slice(namespace.as_bytes());
    if !origin.is_empty() {
        // Not part of any name.
        bytes.push(0);
        bytes.extend_from_slice(origin.as_bytes());
    }
    twox_hash::XxHash3_64::oneshot(&bytes)
}
