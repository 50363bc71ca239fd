//! Files that commands read and write.

use std::fs::File;
use std::io::{BufWriter, Write};
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

/// Writes a file as a whole or not at all; `-` is standard output.
pub(crate) fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    if path.as_os_str() == "-" {
        return render::print(text.as_bytes());
    }
    write_parts(path, std::iter::once(text))
}

/// As [`write()`], of parts as they come.
pub(crate) fn write_parts(
    path: &Path,
    parts: impl Iterator<Item = impl AsRef<str>>,
) -> anyhow::Result<()> {
    let write = || format!("write {}", path.display());
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    let mut file = BufWriter::new(File::create(&beside).with_context(write)?);
    for part in parts {
        file.write_all(part.as_ref().as_bytes()).with_context(write)?;
    }
    file.flush().with_context(write)?;
    std::fs::rename(&beside, path).with_context(write)
}
