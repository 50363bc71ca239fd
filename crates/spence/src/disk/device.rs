//! What a segment asks of the operating system, so that tests can stand a failing device in.

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::io::{Errno, ReadWriteFlags, preadv2};

/// Reads, writes and deletes segment files. The provided methods are the real ones.
pub trait Device: Send + Sync + 'static {
    /// Writes all of `bytes` at `offset`.
    ///
    /// # Errors
    /// As the system says; the file may then have been written in part.
    fn write(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        file.write_all_at(bytes, offset)
    }

    /// Fills `buffer` from `offset`, however long it takes.
    ///
    /// # Errors
    /// As the system says; `UnexpectedEof` when the file is too short.
    fn read(&self, file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        file.read_exact_at(buffer, offset)
    }

    /// Reads what is at hand without waiting for the device, and says how many bytes that is.
    ///
    /// # Errors
    /// As the system says.
    fn read_at_hand(&self, file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut parts = [IoSliceMut::new(buffer)];
        match preadv2(file, &mut parts, offset, ReadWriteFlags::NOWAIT) {
            Ok(read) => Ok(read),
            Err(Errno::AGAIN | Errno::OPNOTSUPP) => Ok(0),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits until what was written has reached the device.
    ///
    /// # Errors
    /// As the system says.
    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    /// Deletes a file.
    ///
    /// # Errors
    /// As the system says.
    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }
}

/// The operating system's files.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Files;

impl Device for Files {}
