//! Files that commands read and write.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::Context;
use spence_market::{InvalidFile, Listing, SymbolBars, open_bars, open_universe};

use crate::exit::{Code, Failure};
use crate::render;

/// The bars of a file, or which line of it is wrong.
pub(crate) fn bars(path: &Path) -> anyhow::Result<Vec<SymbolBars>> {
    open_bars(path).map_err(|error| refused(path, error))
}

/// The symbols of a file, or which line of it is wrong.
pub(crate) fn universe(path: &Path) -> anyhow::Result<Vec<Listing>> {
    open_universe(path).map_err(|error| refused(path, error))
}

fn refused(path: &Path, error: InvalidFile) -> anyhow::Error {
    let message = match error {
        InvalidFile::Io(error) => format!("read {}: {error}", path.display()),
        error => format!("{}, {error}", path.display()),
    };
    Failure::error(Code::Refused, message)
}

/// Writes a file as a whole or not at all; `-` is standard output. The mode of a file that is there
/// stays, a link is followed, and what is no regular file is written to as it is.
pub(crate) fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    write_parts(path, std::iter::once(text))
}

/// As [`write()`], of parts as they come.
pub(crate) fn write_parts(
    path: &Path,
    mut parts: impl Iterator<Item = impl AsRef<str>>,
) -> anyhow::Result<()> {
    if path.as_os_str() == "-" {
        return parts.try_for_each(|part| render::print(part.as_ref().as_bytes()));
    }
    let write = || format!("write {}", path.display());
    let before = std::fs::metadata(path).ok();
    if before.as_ref().is_some_and(|before| !before.is_file()) {
        return fill(File::create(path), parts).with_context(write);
    }
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut beside = target.clone().into_os_string();
    beside.push(".part");
    let open = File::create(&beside).and_then(|file| {
        // Before anything is in it that others may not read.
        before.map_or(Ok(()), |before| file.set_permissions(before.permissions()))?;
        Ok(file)
    });
    let whole = fill(open, parts).and_then(|()| std::fs::rename(&beside, &target));
    if whole.is_err() {
        // What is half written is of no use; that it cannot be removed either is no news.
        std::fs::remove_file(&beside).unwrap_or_default();
    }
    whole.with_context(write)
}

fn fill(
    file: io::Result<File>,
    mut parts: impl Iterator<Item = impl AsRef<str>>,
) -> io::Result<()> {
    let mut file = BufWriter::new(file?);
    parts.try_for_each(|part| file.write_all(part.as_ref().as_bytes()))?;
    file.flush()
}

/// Whether both are one file, or both standard output.
pub(crate) fn are_one(one: &Path, other: &Path) -> bool {
    let place = |path: &Path| {
        let known = std::fs::canonicalize(path).ok();
        known.or_else(|| {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            let folder = std::fs::canonicalize(folder.unwrap_or(Path::new("."))).ok()?;
            Some(folder.join(path.file_name()?))
        })
    };
    one == other || place(one).is_some_and(|one| place(other) == Some(one))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn a_file_keeps_its_mode_a_link_is_followed_and_a_device_stays_one() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("file"), dir.path().join("link"));
        write(&file, "one").unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
        symlink(&file, &link).unwrap();
        write(&link, "two").unwrap();
        assert!(link.is_symlink());
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "two");
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        write(Path::new("/dev/null"), "three").unwrap();
        assert!(!Path::new("/dev/null").is_file());
        assert!(write(&dir.path().join("none/file"), "four").is_err());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2, "no parts are left");
    }

    #[test]
    fn one_file_is_one_by_any_name() {
        let dir = tempfile::tempdir().unwrap();
        let (file, same) = (dir.path().join("a"), dir.path().join(".").join("a"));
        assert!(are_one(Path::new("-"), Path::new("-")) && are_one(&file, &same));
        assert!(are_one(Path::new("a"), Path::new("./a")) && !are_one(&file, Path::new("a")));
        symlink(&file, dir.path().join("link")).unwrap();
        write(&file, "").unwrap();
        assert!(are_one(&dir.path().join("link"), &file));
    }
}
