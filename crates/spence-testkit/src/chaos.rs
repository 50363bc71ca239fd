//! A device that fails now and then.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use parking_lot::Mutex;
use spence::unstable::Device;

/// Fails one read or write of `one_in`, chosen by a seed: reads with an error or flipped bytes,
/// writes with an error or for want of room, some of them half done.
#[derive(Debug)]
pub struct Chaos {
    state: Mutex<u64>,
    one_in: u64,
}

impl Chaos {
    /// A device that fails one call of `one_in` (at least 2).
    #[must_use]
    pub fn new(seed: u64, one_in: u64) -> Self {
        Self { state: Mutex::new(seed | 1), one_in: one_in.max(2) }
    }

    /// The next number of a xorshift sequence (Marsaglia 2003).
    fn next(&self) -> u64 {
        let mut state = self.state.lock();
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    fn strikes(&self) -> Option<u64> {
        let number = self.next();
        number.is_multiple_of(self.one_in).then_some(number / self.one_in)
    }
}

impl Device for Chaos {
    fn write(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        match self.strikes() {
            None => file.write_all_at(bytes, offset),
            Some(how) => {
                let half = bytes.get(..bytes.len() / 2).unwrap_or_default();
                if how.is_multiple_of(2) {
                    file.write_all_at(half, offset)?;
                }
                let kind = match how % 3 {
                    0 => io::ErrorKind::StorageFull,
                    _ => io::ErrorKind::Other,
                };
                Err(kind.into())
            }
        }
    }

    fn read(&self, file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        file.read_exact_at(buffer, offset)?;
        match self.strikes() {
            None => Ok(()),
            Some(how) if how.is_multiple_of(2) => Err(io::ErrorKind::Other.into()),
            Some(how) => {
                let at = how as usize % buffer.len().max(1);
                if let Some(byte) = buffer.get_mut(at) {
                    *byte ^= 1 << (how % 8);
                }
                Ok(())
            }
        }
    }

    fn read_at_hand(&self, file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        // Half of the reads take the way through the reading threads.
        match self.next().is_multiple_of(2) {
            true => Ok(0),
            false => self.read(file, buffer, offset).map(|()| buffer.len()),
        }
    }
}
