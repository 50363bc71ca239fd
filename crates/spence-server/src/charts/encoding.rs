//! In which encoding an answer goes out: RFC 9110, section 12.5.3.

use std::cell::RefCell;
use std::io::{self, Write};

use axum::http::{HeaderMap, HeaderValue, header};
use bytes::Bytes;
use flate2::write::GzEncoder;
use zstd::zstd_safe::{compress_bound, get_frame_content_size};

/// The levels beyond which a chart takes longer without becoming smaller: its coordinates are
/// digits, in which a longer search finds little (zstd 3 takes twice the time of 1 and is larger).
const ZSTD_LEVEL: i32 = 1;
const BROTLI_QUALITY: i32 = 3;
const GZIP_LEVEL: u32 = 5;

/// Bytes that a thread keeps for its next body.
pub(super) const MOST_KEPT: usize = 4 << 20;
/// The longest text that is believed.
const MAX_TEXT: u64 = 64 << 20;

thread_local! {
    /// Where a thread compresses its next body. What is large and lives shortly would lie among
    /// what is kept, and leave holes there.
    static PACKED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// How a body is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Zstd,
    Brotli,
    Gzip,
    Identity,
}

impl Encoding {
    const COMPRESSED: [Encoding; 3] = [Encoding::Zstd, Encoding::Brotli, Encoding::Gzip];

    /// The one that the client likes best; of several the first of zstd, br, gzip. `None` if it
    /// accepts none that there is.
    pub(crate) fn accepted(headers: &HeaderMap) -> Option<Encoding> {
        let given = headers.get_all(header::ACCEPT_ENCODING).iter();
        let texts: Vec<&str> = given.filter_map(|value| value.to_str().ok()).collect();
        let weight = |name: &str| {
            texts.iter().flat_map(|text| text.split(',')).find_map(|item| {
                let (coding, parameters) = item.split_once(';').unwrap_or((item, ""));
                coding.trim().eq_ignore_ascii_case(name).then(|| weight_of(parameters))
            })
        };
        let any = weight("*");
        let mut best = (0.0, None);
        for encoding in Self::COMPRESSED {
            let weight = weight(encoding.name()).or(any).unwrap_or(0.0);
            if weight > best.0 {
                best = (weight, Some(encoding));
            }
        }
        // Always acceptable unless it is excluded.
        let identity = weight("identity").or(any);
        match best.1 {
            Some(encoding) if identity.is_none_or(|identity| best.0 >= identity) => Some(encoding),
            _ if identity == Some(0.0) => None,
            _ => Some(Encoding::Identity),
        }
    }

    /// The word of the header.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Encoding::Zstd => "zstd",
            Encoding::Brotli => "br",
            Encoding::Gzip => "gzip",
            Encoding::Identity => "identity",
        }
    }

    /// The header of an answer, unless it is as it is.
    pub(crate) fn header(self) -> Option<HeaderValue> {
        (self != Encoding::Identity).then(|| HeaderValue::from_static(self.name()))
    }

    /// The body, with no more room than it needs.
    pub(crate) fn compress(self, body: &[u8]) -> io::Result<Bytes> {
        PACKED.with_borrow_mut(|packed| {
            packed.clear();
            packed.shrink_to(MOST_KEPT);
            self.pack(body, packed)?;
            Ok(Bytes::copy_from_slice(packed))
        })
    }

    fn pack(self, body: &[u8], packed: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Encoding::Identity => packed.extend_from_slice(body),
            Encoding::Zstd => {
                packed.reserve(compress_bound(body.len()));
                zstd::bulk::Compressor::new(ZSTD_LEVEL)?.compress_to_buffer(body, packed)?;
            }
            Encoding::Gzip => {
                let mut writer = GzEncoder::new(packed, flate2::Compression::new(GZIP_LEVEL));
                writer.write_all(body)?;
                writer.finish()?;
            }
            Encoding::Brotli => {
                let parameters = brotli::enc::BrotliEncoderParams {
                    quality: BROTLI_QUALITY,
                    size_hint: body.len(),
                    ..Default::default()
                };
                brotli::CompressorWriter::with_params(packed, 65_536, &parameters)
                    .write_all(body)?;
            }
        }
        Ok(())
    }
}

/// Puts what [`Encoding::Zstd`] has made back into `text`.
pub(super) fn unpack_zstd(packed: &[u8], text: &mut Vec<u8>) -> io::Result<()> {
    let size = get_frame_content_size(packed).ok().flatten().filter(|size| *size <= MAX_TEXT);
    let size =
        size.and_then(|size| usize::try_from(size).ok()).ok_or(io::ErrorKind::InvalidData)?;
    text.clear();
    text.shrink_to(MOST_KEPT);
    text.reserve(size);
    zstd::bulk::Decompressor::new()?.decompress_to_buffer(packed, text)?;
    Ok(())
}

/// `q=0.5`; 1 if it is not said, or not sensible.
fn weight_of(parameters: &str) -> f32 {
    let weights = parameters
        .split(';')
        .filter_map(|one| one.trim().strip_prefix("q=").or_else(|| one.trim().strip_prefix("Q=")));
    weights.filter_map(|weight| weight.trim().parse::<f32>().ok()).next().unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_chooses_among_what_there_is() {
        for (accepted, expected) in [
            ("", Some(Encoding::Identity)),
            ("gzip", Some(Encoding::Gzip)),
            ("gzip, deflate, br", Some(Encoding::Brotli)),
            ("gzip, br, zstd", Some(Encoding::Zstd)),
            ("zstd;q=0.1, gzip;q=0.9", Some(Encoding::Gzip)),
            ("deflate", Some(Encoding::Identity)),
            ("*", Some(Encoding::Zstd)),
            ("*;q=0", None),
            ("identity;q=0, deflate", None),
            ("identity, gzip;q=0.5", Some(Encoding::Identity)),
            ("GZIP;q=1.0", Some(Encoding::Gzip)),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(accepted));
            assert_eq!(Encoding::accepted(&headers), expected, "{accepted}");
        }
    }

    #[test]
    fn what_is_compressed_is_smaller_and_reads_back() {
        let body = "[12.5,13.5],".repeat(500).into_bytes();
        for encoding in Encoding::COMPRESSED {
            assert!(encoding.compress(&body).unwrap().len() < body.len() / 10, "{encoding:?}");
        }
        let (packed, mut text) = (Encoding::Zstd.compress(&body).unwrap(), b"before".to_vec());
        unpack_zstd(&packed, &mut text).unwrap();
        assert_eq!(text, body);
        assert!(unpack_zstd(packed.get(..20).unwrap(), &mut text).is_err());
        assert!(unpack_zstd(b"what is this", &mut text).is_err());
    }
}
