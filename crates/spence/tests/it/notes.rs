//! Notes in a file, a line each: of a process that is killed, and of the next one after it.
//!
//! A note is one `write`, but a kill can tear even that, where two pages of the file meet. What is
//! left of a torn note counts for nothing, and is gone before the next process adds its own.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::path::Path;

/// Opens the notes to add to them, without what a kill has torn.
pub(crate) fn open(path: &Path) -> File {
    let mut file = OpenOptions::new().create(true).read(true).append(true).open(path).unwrap();
    let mut notes = Vec::new();
    file.read_to_end(&mut notes).unwrap();
    let whole = notes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    file.set_len(whole as u64).unwrap();
    file
}

/// The notes that are whole.
pub(crate) fn whole(notes: &str) -> impl Iterator<Item = &str> {
    notes.split_inclusive('\n').filter(|note| note.ends_with('\n'))
}

#[test]
fn a_torn_note_is_no_note_and_spoils_no_other() {
    use std::io::Write;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notes");
    for (process, torn) in ["ok 12 3", "try", ""].into_iter().enumerate() {
        write!(open(&path), "ok {process} 1\n{torn}").unwrap();
    }
    write!(open(&path), "try 1").unwrap();
    let notes = std::fs::read_to_string(&path).unwrap();
    let notes: Vec<_> = whole(&notes).collect();
    assert_eq!(notes, ["ok 0 1\n", "ok 1 1\n", "ok 2 1\n"]);
}
