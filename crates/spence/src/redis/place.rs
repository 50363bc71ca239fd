//! Up to where the log has been read, on disk, so that what the disk tier has kept across a restart
//! can be believed.
//!
//! It is written after what was read has been forgotten on disk, never before. Whatever cannot be
//! read is no place: what the disk has is unverified then.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::stream::Cursor;

const FILE: &str = "place";
const NEW: &str = "place.new";

/// A position of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) epoch: u64,
    pub(super) cursor: Cursor,
    /// Of what is older than this position of the node's log, records had been missed.
    pub(super) doubt: u64,
}

/// The file in a directory.
#[derive(Debug, Clone)]
pub(super) struct PlaceFile {
    dir: PathBuf,
}

impl PlaceFile {
    pub(super) fn in_dir(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    /// What an earlier process has kept. Blocks.
    pub(super) fn read(&self) -> Option<Place> {
        let text = fs::read_to_string(self.dir.join(FILE)).ok()?;
        let mut words = text.strip_suffix('\n')?.split(' ');
        let mut number = || words.next()?.parse().ok();
        let (epoch, position, doubt) = (number()?, number()?, number()?);
        let record = words.next()?.to_owned();
        let cursor = Cursor { record, position };
        words.next().is_none().then_some(Place { epoch, cursor, doubt })
    }

    /// Keeps a place, whole or not at all. Blocks.
    pub(super) fn write(&self, place: &Place) -> io::Result<()> {
        let Place { epoch, cursor: Cursor { record, position }, doubt } = place;
        fs::write(self.dir.join(NEW), format!("{epoch} {position} {doubt} {record}\n"))?;
        fs::rename(self.dir.join(NEW), self.dir.join(FILE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_kept_or_there_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let file = PlaceFile::in_dir(dir.path());
        assert_eq!(file.read(), None);
        let cursor = Cursor { record: "17-3".to_owned(), position: 9 };
        let place = Place { epoch: 7, cursor, doubt: 5 };
        file.write(&place).unwrap();
        assert_eq!(file.read(), Some(place));
        for bad in ["", "7 9 5 17-3", "7 9\n", "7 x 5 17-3\n", "7 9 5 17-3 1\n"] {
            fs::write(dir.path().join(FILE), bad).unwrap();
            assert_eq!(file.read(), None, "{bad:?}");
        }
    }
}
