//! A device that fails now and then.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use parking_lot::Mutex;
use spence::unstable::Device;

/// Fails one read or write of so many, chosen by a seed.
///
/// Reads fail with an error, come late, or have a bit flipped. Writes fail for want of room or with
/// an error, some of them half done; come late; or are lost while the device says that they were
/// made, as a disk does that lies about its cache.
#[derive(Debug)]
pub struct Chaos {
    /// Of a xorshift sequence; never 0.
    state: Mutex<u64>,
    one_in: u64,
    late: Duration,
}

impl Chaos {
    /// A device that fails one call of `one_in` (at least 2); what comes late comes after a tenth
    /// of a millisecond.
    #[must_use]
    pub fn new(seed: u64, one_in: u64) -> Self {
        let late = Duration::from_micros(100);
        Self { state: Mutex::new(seed | 1), one_in: one_in.max(2), late }
    }

    /// How late late is: longer than the reader's deadline, and the device hangs.
    #[must_use]
    pub fn late(self, late: Duration) -> Self {
        Self { late, ..self }
    }

    /// The next number of a xorshift sequence (Marsaglia 2003).
    fn next(&self) -> u64 {
        let mut state = self.state.lock();
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    /// A number that says how the call fails, if it does.
    fn strikes(&self) -> Option<u64> {
        let number = self.next();
        number.is_multiple_of(self.one_in).then_some(number / self.one_in)
    }

    #[expect(clippy::disallowed_methods, reason = "a device that is late blocks its thread")]
    fn be_late(&self) {
        std::thread::sleep(self.late);
    }
}

impl Device for Chaos {
    fn write(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        match self.strikes().map(|how| how % 4) {
            Some(0) => return Err(io::ErrorKind::StorageFull.into()),
            Some(1) => {
                let half = bytes.get(..bytes.len() / 2).unwrap_or_default();
                file.write_all_at(half, offset)?;
                return Err(io::ErrorKind::Other.into());
            }
            // Lost, though it says that it was made.
            Some(2) => return Ok(()),
            Some(_) => self.be_late(),
            None => {}
        }
        file.write_all_at(bytes, offset)
    }

    fn read(&self, file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        file.read_exact_at(buffer, offset)?;
        match self.strikes().map(|how| (how % 3, how / 3)) {
            Some((0, _)) => return Err(io::ErrorKind::Other.into()),
            Some((1, _)) => self.be_late(),
            Some((_, bit)) => {
                let at = bit as usize / 8 % buffer.len().max(1);
                if let Some(byte) = buffer.get_mut(at) {
                    *byte ^= 1 << (bit % 8);
                }
            }
            None => {}
        }
        Ok(())
    }

    fn read_at_hand(&self, file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        // What is at hand is never late; half of the reads are not at hand.
        if self.next().is_multiple_of(2) {
            return Ok(0);
        }
        file.read_exact_at(buffer, offset)?;
        Ok(buffer.len())
    }
}
