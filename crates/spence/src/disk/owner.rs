//! Who owns the directory: one process at a time, which holds the lock on its file `LOCK`.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::Path;

use crate::error::{Error, ErrorKind};
use crate::key::{StoredHasher, random_seed};

/// The directory is ours until this is dropped.
#[derive(Debug)]
pub(super) struct Owner(File);

impl Owner {
    pub(super) fn take(dir: &Path) -> Result<Self, Error> {
        let path = dir.join("LOCK");
        let shown = dir.display();
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = file.map_err(|error| {
            let message = format!("disk directory {shown}: open LOCK: {error}");
            Error::with_source(ErrorKind::Storage, message, error)
        })?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let read = file.read_to_string(&mut text);
                let owner = read.ok().and_then(|_| text.lines().next()).unwrap_or("unknown");
                let message = format!("disk directory {shown} is in use by process {owner}");
                Err(Error::new(ErrorKind::Storage, message))
            }
            Err(TryLockError::Error(error)) => {
                let message = format!("disk directory {shown}: lock: {error}");
                Err(Error::with_source(ErrorKind::Storage, message, error))
            }
        }
    }

    /// The hasher of the directory's keys: `key` as a segment has it, else as the lock file notes
    /// it, else a new one. Notes it in the lock file, with our process number.
    pub(super) fn hasher(&mut self, key: Option<[u8; 16]>) -> io::Result<StoredHasher> {
        let lock = &mut self.0;
        let mut text = String::new();
        // A lock file that is not text is as good as none.
        let noted = lock.read_to_string(&mut text).ok().and_then(|_| {
            let digits = text.lines().nth(1)?;
            u128::from_str_radix(digits, 16).ok().map(u128::to_be_bytes)
        });
        let key = key.or(noted).unwrap_or_else(|| {
            let half = || random_seed().to_le_bytes();
            let mut key = [0; 16];
            key[..8].copy_from_slice(&half());
            key[8..].copy_from_slice(&half());
            key
        });
        let digits = u128::from_be_bytes(key);
        lock.set_len(0)?;
        lock.rewind()?;
        writeln!(lock, "{}\n{digits:032x}", std::process::id())?;
        Ok(StoredHasher(key))
    }
}

impl Drop for Owner {
    /// Closing alone would not do: a child process that is being started shares the open file,
    /// and with it the lock, until its program is loaded.
    fn drop(&mut self) {
        if let Err(error) = self.0.unlock() {
            tracing::warn!(%error, "disk: unlock");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Owner;

    #[test]
    fn dropped_gives_up_the_directory_even_if_a_child_still_holds_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let owner = Owner::take(dir.path()).unwrap();
        let inherited = owner.0.try_clone().unwrap();
        assert!(Owner::take(dir.path()).is_err());
        drop(owner);
        assert!(Owner::take(dir.path()).is_ok());
        drop(inherited);
    }
}
