//! Hint files: what a segment holds, so that opening it need not read it.

use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_64;

use super::format::ALIGN;
use crate::ban::Ban;
use crate::envelope::{self, Body, RecordKind};

const MAGIC: [u8; 8] = *b"SPENCEHT";
const VERSION: u16 = 1;
const HEAD_BYTES: usize = 64;
const SLOT_BYTES: usize = 24;
const MAX_NAMESPACES: usize = 1 << 10;

/// A record of a segment, without its content. The lists of the newest segment stay in memory, so
/// it is packed as in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) hash: u64,
    pub(super) seq: u64,
    /// Lowest first: 22 bits offset / 16, 22 bits length / 16, 10 bits namespace, 2 bits kind;
    /// then 6 bits of namespaces that no hint file can say (see [`Contents::fits_a_hint`]).
    packed: u64,
}

impl Listed {
    /// Offset and length are multiples of 16 below 64 MiB, `namespace` is a position in
    /// [`Contents::namespaces`].
    pub(super) fn new(
        kind: RecordKind,
        (hash, seq): (u64, u64),
        (offset, length): (usize, usize),
        namespace: u16,
    ) -> Self {
        debug_assert!(offset.is_multiple_of(ALIGN) && offset < 1 << 26);
        debug_assert!(length.is_multiple_of(ALIGN) && length < 1 << 26);
        let (offset, length) = ((offset / ALIGN) as u64, (length / ALIGN) as u64);
        let namespace = u64::from(namespace);
        let (low, high) = (namespace & 0x3FF, namespace >> 10);
        let packed = offset | length << 22 | low << 44 | (kind as u64) << 54 | high << 56;
        Self { hash, seq, packed }
    }

    pub(super) fn kind(self) -> Option<RecordKind> {
        RecordKind::from_byte((self.packed >> 54 & 3) as u8)
    }

    pub(super) fn offset(self) -> usize {
        (self.packed & 0x3F_FFFF) as usize * ALIGN
    }

    pub(super) fn length(self) -> usize {
        (self.packed >> 22 & 0x3F_FFFF) as usize * ALIGN
    }

    pub(super) fn namespace(self) -> usize {
        (self.packed >> 44 & 0x3FF | self.packed >> 56 << 10) as usize
    }
}

/// What a segment holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Contents {
    pub(super) records: Vec<Listed>,
    pub(super) namespaces: Vec<Arc<str>>,
    pub(super) bans: Vec<Ban>,
    /// The highest log position that occurs.
    pub(super) last_position: u64,
}

#[derive(Serialize, Deserialize)]
struct Tail<'a> {
    #[serde(borrow)]
    namespaces: Vec<&'a str>,
    /// Bodies of bans.
    bans: Vec<Vec<u8>>,
}

impl Contents {
    /// The position of a name in [`Contents::namespaces`], added if it is new.
    pub(super) fn namespace(&mut self, name: &str) -> u16 {
        let known = self.namespaces.iter().position(|known| **known == *name);
        let position = known.unwrap_or_else(|| {
            self.namespaces.push(name.into());
            self.namespaces.len() - 1
        });
        u16::try_from(position).unwrap_or(u16::MAX)
    }

    /// Adds a ban; the second copy of one, which comes right after it, adds nothing.
    pub(super) fn ban(&mut self, ban: Ban) {
        if self.bans.last() != Some(&ban) {
            self.bans.push(ban);
        }
    }

    /// Whether a hint file can say it: a record names its namespace in ten bits.
    pub(super) fn fits_a_hint(&self) -> bool {
        self.namespaces.len() <= MAX_NAMESPACES
    }

    /// The size of the hint file, at most.
    pub(super) fn hint_bytes(&self) -> u64 {
        let names: usize = self.namespaces.iter().map(|name| name.len() + 5).sum();
        let bans: usize = self.bans.iter().map(|ban| ban_body(ban).len() + 5).sum();
        (HEAD_BYTES + self.records.len() * SLOT_BYTES + names + bans + 16) as u64
    }
}

/// Writes the hint of segment `number`, which is `segment_bytes` long; returns its size.
pub(super) fn write(
    path: &Path,
    number: u64,
    segment_bytes: u64,
    contents: &Contents,
) -> io::Result<u64> {
    let bytes = encode(number, segment_bytes, contents);
    let unfinished = path.with_extension("hint.tmp");
    let written = fs::write(&unfinished, &bytes).and_then(|()| fs::rename(&unfinished, path));
    if let Err(error) = written {
        // Nothing half-written stays; if it does, it is removed at the next start.
        drop(fs::remove_file(&unfinished));
        return Err(error);
    }
    Ok(bytes.len() as u64)
}

/// Reads the hint of segment `number`, if it is undamaged and describes `segment_bytes` of it.
/// Takes the room of `bytes` and `records`, whatever is in them.
pub(super) fn read(
    path: &Path,
    number: u64,
    segment_bytes: u64,
    bytes: &mut Vec<u8>,
    records: &mut Vec<Listed>,
) -> Option<Contents> {
    bytes.clear();
    fs::File::open(path).and_then(|mut file| file.read_to_end(bytes)).ok()?;
    decode(bytes, number, segment_bytes, std::mem::take(records))
}

pub(super) fn encode(number: u64, segment_bytes: u64, contents: &Contents) -> Vec<u8> {
    let tail = Tail {
        namespaces: contents.namespaces.iter().map(|name| &**name).collect(),
        bans: contents.bans.iter().map(ban_body).collect(),
    };
    let tail = postcard::to_stdvec(&tail).expect("a vector takes any number of bytes");
    let records = u32::try_from(contents.records.len()).unwrap_or(u32::MAX);
    let tail_bytes = u32::try_from(tail.len()).unwrap_or(u32::MAX);

    let mut out = Vec::with_capacity(HEAD_BYTES + contents.records.len() * SLOT_BYTES + tail.len());
    out.extend_from_slice(&[0; 8]);
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&u64::from(VERSION).to_le_bytes());
    out.extend_from_slice(&number.to_le_bytes());
    out.extend_from_slice(&segment_bytes.to_le_bytes());
    out.extend_from_slice(&contents.last_position.to_le_bytes());
    out.extend_from_slice(&records.to_le_bytes());
    out.extend_from_slice(&tail_bytes.to_le_bytes());
    out.extend_from_slice(&[0; 8]);
    debug_assert_eq!(out.len(), HEAD_BYTES);
    for record in &contents.records {
        out.extend_from_slice(&record.hash.to_le_bytes());
        out.extend_from_slice(&record.seq.to_le_bytes());
        out.extend_from_slice(&record.packed.to_le_bytes());
    }
    out.extend_from_slice(&tail);
    let checksum = XxHash3_64::oneshot(out.get(8..).unwrap_or_default());
    if let Some((first, _)) = out.split_first_chunk_mut::<8>() {
        *first = checksum.to_le_bytes();
    }
    out
}

pub(super) fn decode(
    bytes: &[u8],
    number: u64,
    segment_bytes: u64,
    mut records: Vec<Listed>,
) -> Option<Contents> {
    let (checksum, rest) = bytes.split_first_chunk::<8>()?;
    if u64::from_le_bytes(*checksum) != XxHash3_64::oneshot(rest) {
        return None;
    }
    let (head, rest) = bytes.split_first_chunk::<HEAD_BYTES>()?;
    let word = |at: usize| head.get(at..)?.first_chunk::<8>().map(|w| u64::from_le_bytes(*w));
    let counts = word(48)?;
    let fits = head[8..16] == MAGIC
        && word(16)? == u64::from(VERSION)
        && word(24)? == number
        && word(32)? == segment_bytes;
    if !fits {
        return None;
    }
    let slots_bytes = (counts as u32 as usize).checked_mul(SLOT_BYTES)?;
    let (slots, tail) = rest.split_at_checked(slots_bytes)?;
    if tail.len() != (counts >> 32) as usize {
        return None;
    }
    let tail: Tail<'_> = postcard::from_bytes(tail).ok()?;
    let bans: Option<Vec<Ban>> = tail.bans.into_iter().map(ban_of).collect();
    let (slots, _) = slots.as_chunks::<SLOT_BYTES>();
    records.clear();
    records.extend(slots.iter().map(unpack));
    if records.iter().any(|record| record.kind().is_none()) {
        return None;
    }
    Some(Contents {
        records,
        namespaces: tail.namespaces.into_iter().map(Into::into).collect(),
        bans: bans?,
        last_position: word(40)?,
    })
}

fn unpack(slot: &[u8; SLOT_BYTES]) -> Listed {
    let [hash, seq, packed] = std::array::from_fn(|i| {
        let word = slot.get(i * 8..).and_then(|rest| rest.first_chunk::<8>());
        word.map_or(0, |word| u64::from_le_bytes(*word))
    });
    Listed { hash, seq, packed }
}

fn ban_body(ban: &Ban) -> Vec<u8> {
    let mut body = Vec::new();
    envelope::put_ban(ban, &mut body);
    body
}

fn ban_of(body: Vec<u8>) -> Option<Ban> {
    match envelope::read(&Bytes::from(body))? {
        Body::Ban(ban) => Some(ban),
        Body::Entry(_) | Body::Tombstone { .. } => None,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::ban::{Effect, What};

    pub(crate) fn sample() -> Contents {
        let listed = |kind, hash, seq, offset, namespace| {
            Listed::new(kind, (hash, seq), (offset, 160), namespace)
        };
        Contents {
            records: vec![
                listed(RecordKind::Entry, 0xAAAA, 1, 64, 0),
                listed(RecordKind::Tombstone, 0xBBBB, 2, 224, 1),
            ],
            namespaces: vec!["OHLCV".into(), "features".into()],
            bans: vec![Ban {
                position: 3,
                effect: Effect::Invalidate,
                what: What::Tag("AAPL".into()),
            }],
            last_position: 3,
        }
    }

    #[test]
    fn hints_read_back_and_notice_any_flipped_bit() {
        let contents = sample();
        let good = encode(7, 384, &contents);
        assert!(good.len() as u64 <= contents.hint_bytes());
        assert_eq!(decode(&good, 7, 384, Vec::new()), Some(contents));
        assert_eq!(decode(&good, 8, 384, Vec::new()), None);
        assert_eq!(decode(&good, 7, 400, Vec::new()), None);
        for position in 0..good.len() {
            let mut bad = good.clone();
            bad[position] ^= 1 << (position % 8);
            assert_eq!(decode(&bad, 7, 384, Vec::new()), None, "byte {position}");
        }
    }
}
