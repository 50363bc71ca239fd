//! What is owed to the shared tier, on disk, so that it is told even if this process ends.
//!
//! A file in the disk tier's directory, appended to while something is owed and emptied when all
//! of it has been told. A record: checksum (`xxh3` of the rest), length of the body (u32), moment
//! (u64), body; numbers in little endian. What cannot be read may have been anything, so it is
//! read as a notice that forgets everything.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use twox_hash::XxHash3_64;

use super::notice::Notice;
use crate::disk::Durability;

const FILE: &str = "owed";
const HEAD_BYTES: usize = 20;
/// More than the record that stands for all takes.
const LAST_BYTES: u64 = 128;
/// The part of the disk budget that the journal takes.
const SHARE: u64 = 64;

/// The journal's file.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    bytes: u64,
    most: u64,
    durability: Durability,
    /// Whether the file says that everything is owed, since there was too much.
    is_full: bool,
}

/// Bytes that a journal takes of a disk budget.
pub(crate) fn journal_bytes(budget: u64) -> u64 {
    budget / SHARE
}

impl Journal {
    /// Opens the file in `dir`, and returns what an earlier process has left owed. Blocks.
    pub(super) fn open(
        dir: &Path,
        most: u64,
        durability: Durability,
    ) -> io::Result<(Self, Vec<Notice>)> {
        let path = dir.join(FILE);
        let mut file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
        let mut content = Vec::new();
        // A file that is longer than it can be was not written by us.
        (&mut file).take(most + 1).read_to_end(&mut content)?;
        let owed = read_all(&content);
        let bytes = content.len() as u64;
        Ok((Self { file, bytes, most, durability, is_full: false }, owed))
    }

    /// Writes a notice down; beyond the limit, one that forgets everything stands for all. Blocks.
    pub(super) fn append(&mut self, notice: &Notice) -> io::Result<()> {
        if self.is_full {
            return Ok(());
        }
        let mut record = record_of(notice);
        if self.bytes + record.len() as u64 + LAST_BYTES > self.most {
            record = record_of(&Notice::of_everything());
            self.is_full = true;
        }
        self.file.write_all(&record)?;
        self.bytes += record.len() as u64;
        match self.durability {
            Durability::Process => Ok(()),
            Durability::Power => self.file.sync_data(),
        }
    }

    /// All has been told. Blocks.
    pub(super) fn empty(&mut self) -> io::Result<()> {
        if self.bytes > 0 {
            self.file.set_len(0)?;
            (self.bytes, self.is_full) = (0, false);
        }
        Ok(())
    }
}

fn record_of(notice: &Notice) -> Vec<u8> {
    let body = notice.body();
    let length = u32::try_from(body.len()).expect("keys have limits");
    let rest = [&length.to_le_bytes()[..], &notice.at_ms().to_le_bytes(), &body].concat();
    [&XxHash3_64::oneshot(&rest).to_le_bytes()[..], &rest].concat()
}

/// The notices of a file. A record that was not written whole was never promised; one that is
/// damaged was.
fn read_all(mut content: &[u8]) -> Vec<Notice> {
    let mut notices = Vec::new();
    while !content.is_empty() {
        let Some((notice, rest)) = read_one(content) else {
            notices.push(Notice::of_everything());
            break;
        };
        notices.push(notice);
        content = rest;
    }
    notices
}

fn read_one(content: &[u8]) -> Option<(Notice, &[u8])> {
    let (checksum, rest) = content.split_first_chunk::<8>()?;
    let (length, _) = rest.split_first_chunk::<4>()?;
    let end = (HEAD_BYTES - 8).checked_add(u32::from_le_bytes(*length) as usize)?;
    let (record, after) = rest.split_at_checked(end)?;
    if u64::from_le_bytes(*checksum) != XxHash3_64::oneshot(record) {
        return None;
    }
    let (at_ms, body) = record.get(4..)?.split_first_chunk::<8>()?;
    Some((Notice::read(body, u64::from_le_bytes(*at_ms))?, after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ban::Effect;
    use crate::redis::About;

    fn key(key: &str) -> Notice {
        let about = About::Key { namespace: "n".into(), key: key.into() };
        Notice { about, effect: Effect::Expire { at_ms: 9 } }
    }

    fn reopened(dir: &Path, most: u64) -> (Journal, Vec<Notice>) {
        Journal::open(dir, most, Durability::Power).unwrap()
    }

    #[test]
    fn what_is_owed_is_found_again_until_it_has_been_told() {
        let dir = tempfile::tempdir().unwrap();
        let (mut journal, owed) = reopened(dir.path(), 1_000);
        assert!(owed.is_empty());
        journal.append(&key("a")).unwrap();
        journal.append(&Notice::of_everything()).unwrap();
        let (mut journal, owed) = reopened(dir.path(), 1_000);
        assert_eq!(owed, [key("a"), Notice::of_everything()]);
        journal.append(&key("b")).unwrap();
        assert_eq!(reopened(dir.path(), 1_000).1.len(), 3);
        journal.empty().unwrap();
        assert!(reopened(dir.path(), 1_000).1.is_empty());
    }

    #[test]
    fn what_is_too_much_or_damaged_forgets_everything() {
        let dir = tempfile::tempdir().unwrap();
        let (mut journal, _) = reopened(dir.path(), 500);
        (0..1_000).for_each(|n| journal.append(&key(&n.to_string())).unwrap());
        assert!(journal.bytes <= 500, "{}", journal.bytes);
        assert_eq!(reopened(dir.path(), 500).1.last(), Some(&Notice::of_everything()));

        let whole = [record_of(&key("a")), record_of(&key("b"))].concat();
        for flipped in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[flipped] ^= 1;
            assert!(read_all(&damaged).contains(&Notice::of_everything()), "byte {flipped}");
        }
        for cut in 1..whole.len() {
            let read = read_all(&whole[..cut]);
            let is_between = cut == record_of(&key("a")).len();
            assert_eq!(read.contains(&Notice::of_everything()), !is_between, "cut at {cut}");
        }
    }
}
