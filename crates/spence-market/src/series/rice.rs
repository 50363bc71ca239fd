//! Small whole numbers in few bits: Rice codes (R. F. Rice and J. R. Plaunt, "Adaptive
//! variable-length coding", IEEE Transactions on Communications 19, 1971).
//!
//! A number is its upper part in unary, a zero, and its lower `k` bits. Which `k` serves a column
//! best is found by trying.

/// Upper parts of this size or more are not written in unary: so many ones, then all 64 bits.
const ESCAPE: u32 = 24;
/// The largest `k`: prices and volumes have fewer bits than doubles have exactly.
pub(crate) const MAX_K: u32 = 40;

/// Bits, the first being the highest of the first byte.
#[derive(Debug, Default)]
pub(crate) struct BitWriter {
    bytes: Vec<u8>,
    /// What has not filled a byte yet, in the lowest bits.
    pending: u64,
    bits: u32,
}

impl BitWriter {
    /// Writes the lowest `count` bits (56 at most) of a number.
    pub(crate) fn put(&mut self, value: u64, count: u32) {
        self.pending = (self.pending << count) | (value & ones(count));
        self.bits += count;
        while self.bits >= 8 {
            self.bits -= 8;
            self.bytes.push((self.pending >> self.bits) as u8);
        }
        self.pending &= ones(self.bits);
    }

    /// Writes all of a number.
    pub(crate) fn put_whole(&mut self, value: u64) {
        self.put(value >> 32, 32);
        self.put(value, 32);
    }

    /// Writes a number as a Rice code.
    pub(crate) fn put_rice(&mut self, value: u64, k: u32) {
        match u32::try_from(value >> k) {
            Ok(upper) if upper < ESCAPE => {
                self.put(ones(upper) << 1, upper + 1);
                self.put(value, k);
            }
            Ok(_) | Err(_) => {
                self.put(ones(ESCAPE), ESCAPE);
                self.put_whole(value);
            }
        }
    }

    /// Everything, the last byte filled up with zeros.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        if self.bits > 0 {
            self.put(0, 8 - self.bits);
        }
        self.bytes
    }
}

/// The `k` by which all of these take the fewest bits.
pub(crate) fn best_k(values: &[u64]) -> u32 {
    let bits = |k: u32| -> u64 {
        let one = |value: &u64| match value >> k {
            upper if upper < u64::from(ESCAPE) => upper + 1 + u64::from(k),
            _ => u64::from(ESCAPE) + 64,
        };
        values.iter().map(one).sum()
    };
    // About the logarithm of the mean.
    let sum: u128 = values.iter().map(|value| u128::from(*value)).sum();
    let mean = sum / values.len().max(1) as u128;
    let near = (128 - mean.leading_zeros()).min(MAX_K);
    (near.saturating_sub(4)..=near).min_by_key(|k| bits(*k)).unwrap_or(0)
}

/// Reads what [`BitWriter`] has written. After the end there are zeros, and [`BitReader::is_over`]
/// says that there was too little.
#[derive(Debug)]
pub(crate) struct BitReader<'a> {
    rest: &'a [u8],
    /// The next bits, from the highest on; zeros after them.
    window: u64,
    bits: u32,
    over: bool,
}

impl<'a> BitReader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, window: 0, bits: 0, over: false }
    }

    /// Whether more was read than there was.
    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    #[inline]
    fn fill(&mut self) {
        if self.bits > 56 {
            return;
        }
        if let Some((eight, _)) = self.rest.split_first_chunk::<8>() {
            self.window |= u64::from_be_bytes(*eight) >> self.bits;
            let taken = (64 - self.bits) / 8;
            self.rest = self.rest.get(taken as usize..).unwrap_or_default();
            self.bits += taken * 8;
            // What was seen of the byte that was not taken is seen again.
            self.window &= !(u64::MAX.checked_shr(self.bits).unwrap_or(0));
            return;
        }
        while self.bits <= 56 {
            let Some((byte, rest)) = self.rest.split_first() else { return };
            self.window |= u64::from(*byte) << (56 - self.bits);
            (self.rest, self.bits) = (rest, self.bits + 8);
        }
    }

    #[inline]
    fn skip(&mut self, count: u32) {
        self.over |= count > self.bits;
        self.window <<= count;
        self.bits = self.bits.saturating_sub(count);
    }

    /// Reads `count` bits, 56 at most.
    #[inline]
    pub(crate) fn take(&mut self, count: u32) -> u64 {
        if self.bits < count {
            self.fill();
        }
        let value = if count == 0 { 0 } else { self.window >> (64 - count) };
        self.skip(count);
        value
    }

    pub(crate) fn take_whole(&mut self) -> u64 {
        let upper = self.take(32);
        (upper << 32) | self.take(32)
    }

    #[inline]
    pub(crate) fn take_rice(&mut self, k: u32) -> u64 {
        if self.bits <= ESCAPE + k {
            self.fill();
        }
        let upper = self.window.leading_ones();
        let whole = upper + 1 + k;
        if upper >= ESCAPE || whole > self.bits || whole >= u64::BITS {
            return self.take_rice_apart(k);
        }
        let lower = (self.window << (upper + 1)).checked_shr(u64::BITS - k).unwrap_or(0);
        self.window <<= whole;
        self.bits -= whole;
        (u64::from(upper) << k) | lower
    }

    /// A code that does not lie in the window as a whole.
    #[cold]
    fn take_rice_apart(&mut self, k: u32) -> u64 {
        self.fill();
        let upper = self.window.leading_ones();
        if upper >= ESCAPE {
            self.skip(ESCAPE);
            return self.take_whole();
        }
        self.skip(upper + 1);
        (u64::from(upper) << k) | self.take(k)
    }
}

fn ones(count: u32) -> u64 {
    u64::MAX.checked_shr(64 - count).unwrap_or(0)
}

/// Numbers of either sign as numbers without: 0, -1, 1, -2, 2 and so on.
pub(crate) fn zigzag(value: i64) -> u64 {
    (value.cast_unsigned() << 1) ^ (value >> 63).cast_unsigned()
}

/// The number that [`zigzag`] was given.
#[inline]
pub(crate) fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(
            values in prop::collection::vec((any::<u64>(), 0u32..64), 0..300),
            k in 0..=MAX_K,
        ) {
            let values: Vec<u64> = values.into_iter().map(|(value, by)| value >> by).collect();
            let mut writer = BitWriter::default();
            values.iter().for_each(|value| writer.put_rice(*value, k));
            let bytes = writer.finish();
            let mut reader = BitReader::new(&bytes);
            for value in &values {
                prop_assert_eq!(reader.take_rice(k), *value);
            }
            prop_assert!(!reader.is_over());
            let _ = [reader.take(32), reader.take(32), reader.take(32)];
            prop_assert!(reader.is_over(), "a byte was filled up, not three words");
        }

        #[test]
        fn signs_are_kept(value in any::<i64>()) {
            prop_assert_eq!(unzigzag(zigzag(value)), value);
        }

        #[test]
        fn no_k_is_better(values in prop::collection::vec(0u64..100_000, 1..100)) {
            let length = |k| {
                let mut writer = BitWriter::default();
                values.iter().for_each(|value| writer.put_rice(*value, k));
                writer.finish().len()
            };
            let best = (0..=MAX_K).map(length).min().unwrap();
            // Close enough: it is looked for near the mean.
            prop_assert!(length(best_k(&values)) <= best + best / 16 + 1);
        }
    }
}
