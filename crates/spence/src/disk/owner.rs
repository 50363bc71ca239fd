//! Who owns the directory: one process at a time, which holds the lock on its file `LOCK`.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::Durability;
use super::hasher::StoredHasher;
use crate::error::{Error, ErrorKind};
use crate::key::random_seed;

/// The directory is ours until this is dropped.
#[derive(Debug)]
pub(super) struct Owner {
    lock: File,
    /// What the last owner left behind.
    left: Note,
}

/// What the lock file says, a line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Note {
    /// The directory's hash key.
    pub(super) hash_key: Option<[u8; 16]>,
    /// Which start of the machine it was written in.
    pub(super) boot: Option<String>,
    pub(super) state: State,
    /// What was stored up to this position may have been invalidated by something that was lost
    /// with the power.
    pub(super) unverified_until: u64,
}

/// What a power cut after the note was written would have cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Writing; what was written lately may not have reached the device.
    Open,
    /// Writing; what was accepted has reached the device.
    Synced,
    /// Not writing; everything has reached the device.
    Clean,
}

impl Note {
    fn parse(text: &str) -> Self {
        let mut lines = text.lines().skip(1);
        let digits = lines.next().and_then(|line| u128::from_str_radix(line, 16).ok());
        let boot = lines.next().map(str::to_owned);
        let state = match lines.next() {
            Some("open") => State::Open,
            Some("synced") => State::Synced,
            // Before there were states, nothing was known about them.
            _ => State::Clean,
        };
        let unverified_until = lines.next().and_then(|line| line.parse().ok()).unwrap_or(0);
        Self { hash_key: digits.map(u128::to_be_bytes), boot, state, unverified_until }
    }

    fn text(&self) -> String {
        let key = u128::from_be_bytes(self.hash_key.unwrap_or_default());
        let boot = self.boot.as_deref().unwrap_or("unknown");
        let state = match self.state {
            State::Open => "open",
            State::Synced => "synced",
            State::Clean => "clean",
        };
        let (pid, until) = (std::process::id(), self.unverified_until);
        format!("{pid}\n{key:032x}\n{boot}\n{state}\n{until}\n")
    }

    /// Whether the power may have gone while something had not reached the device.
    fn lost_power(&self) -> bool {
        self.state == State::Open && self.boot.is_some() && self.boot != boot()
    }
}

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
            Ok(()) => {
                let mut text = String::new();
                // A lock file that is not text is as good as none.
                let left = file.read_to_string(&mut text).map_or("", |_| text.as_str());
                Ok(Self { left: Note::parse(left), lock: file })
            }
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
    /// it, else a new one.
    pub(super) fn hasher(&self, key: Option<[u8; 16]>) -> StoredHasher {
        StoredHasher(key.or(self.left.hash_key).unwrap_or_else(|| {
            let half = || random_seed().to_le_bytes();
            let mut key = [0; 16];
            key[..8].copy_from_slice(&half());
            key[8..].copy_from_slice(&half());
            key
        }))
    }

    /// Notes that the directory is being written to; returns up to which position what it holds is
    /// unverified. `last` is the last position that was found there.
    pub(super) fn begin(
        &mut self,
        hasher: StoredHasher,
        last: u64,
        durability: Durability,
    ) -> io::Result<u64> {
        let unverified_until =
            if self.left.lost_power() { last } else { self.left.unverified_until };
        let state = match (durability, self.left.state) {
            // What the last owner wrote may not have reached the device yet.
            (Durability::Power, State::Open) | (Durability::Process, _) => State::Open,
            (Durability::Power, State::Synced | State::Clean) => State::Synced,
        };
        self.left = Note { hash_key: Some(hasher.0), boot: boot(), state, unverified_until };
        self.note()?;
        Ok(unverified_until)
    }

    /// Notes that everything has reached the device.
    pub(super) fn end(&mut self) -> io::Result<()> {
        self.left.state = State::Clean;
        self.note()
    }

    fn note(&mut self) -> io::Result<()> {
        let text = self.left.text();
        // In one write, and never shorter than what counts.
        self.lock.write_all_at(text.as_bytes(), 0)?;
        self.lock.set_len(text.len() as u64)?;
        self.lock.sync_data()
    }
}

/// Which start of the machine this is.
fn boot() -> Option<String> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned())
}

impl Drop for Owner {
    /// Closing alone would not do: a child process that is being started shares the open file,
    /// and with it the lock, until its program is loaded.
    fn drop(&mut self) {
        if let Err(error) = self.lock.unlock() {
            tracing::warn!(%error, "disk: unlock");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropped_gives_up_the_directory_even_if_a_child_still_holds_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let owner = Owner::take(dir.path()).unwrap();
        let inherited = owner.lock.try_clone().unwrap();
        assert!(Owner::take(dir.path()).is_err());
        drop(owner);
        assert!(Owner::take(dir.path()).is_ok());
        drop(inherited);
    }

    #[test]
    fn notes_read_back_and_older_ones_say_that_nothing_was_lost() {
        let note = Note {
            hash_key: Some([7; 16]),
            boot: Some("boot".to_owned()),
            state: State::Open,
            unverified_until: 9,
        };
        assert_eq!(Note::parse(&note.text()), note);
        assert!(note.lost_power(), "the machine was started since");
        let synced = Note { state: State::Synced, ..note };
        assert!(!synced.lost_power());
        assert!(!Note { boot: boot(), state: State::Open, ..synced }.lost_power());
        let old = Note::parse("4711\n000102030405060708090a0b0c0d0e0f\n");
        assert_eq!((old.hash_key.map(|key| key[15]), old.lost_power()), (Some(15), false));
        assert!(!Note::parse("").lost_power());
    }
}
