//! In which encoding an answer goes out: RFC 9110, section 12.5.3.

use std::io::{self, Read, Write};

use axum::http::{HeaderMap, HeaderValue, header};
use flate2::read::GzEncoder;

/// The levels beyond which a chart takes longer without becoming smaller: its coordinates are
/// digits, in which a longer search finds little (zstd 3 takes twice the time of 1 and is larger).
const ZSTD_LEVEL: i32 = 1;
const BROTLI_QUALITY: i32 = 3;
const GZIP_LEVEL: u32 = 5;

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

    pub(crate) fn compress(self, body: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Encoding::Identity => Ok(body.to_vec()),
            Encoding::Zstd => zstd::bulk::compress(body, ZSTD_LEVEL),
            Encoding::Gzip => {
                let mut out = Vec::with_capacity(body.len() / 3);
                GzEncoder::new(body, flate2::Compression::new(GZIP_LEVEL)).read_to_end(&mut out)?;
                Ok(out)
            }
            Encoding::Brotli => {
                let mut out = Vec::with_capacity(body.len() / 3);
                let parameters = brotli::enc::BrotliEncoderParams {
                    quality: BROTLI_QUALITY,
                    size_hint: body.len(),
                    ..Default::default()
                };
                let mut writer =
                    brotli::CompressorWriter::with_params(&mut out, 65_536, &parameters);
                writer.write_all(body)?;
                drop(writer);
                Ok(out)
            }
        }
    }
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
        let packed = Encoding::Zstd.compress(&body).unwrap();
        assert_eq!(zstd::stream::decode_all(&*packed).unwrap(), body);
    }
}
