//! Request traces, in the formats of those that the field compares itself by.
//!
//! - ARC (`.lis`): lines `first_block blocks ignored request`, each of `blocks` keys in a row.
//! - One decimal key a line (LIRS), or `time key size` a line (AdaptSize, webcachesim).
//! - Big-endian 32-bit keys (cache2k, CloudPhysics).
//!
//! Any of them may be packed with gzip, xz or zstd.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// The requests of one trace.
pub struct Trace {
    pub name: String,
    pub keys: Vec<u64>,
}

impl Trace {
    /// How many keys it asks for.
    pub fn distinct(&self) -> usize {
        self.keys.iter().collect::<std::collections::HashSet<_>>().len()
    }
}

/// The traces of a directory, by name; at most the first `most` requests of each.
pub fn read_all(dir: &Path, most: usize) -> anyhow::Result<Vec<Trace>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(dir)
        .with_context(|| format!("directory of traces {}", dir.display()))?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.is_file() && path.extension().is_some_and(|end| end != "md"))
        .collect();
    paths.sort();
    paths.iter().map(|path| read(path, most).with_context(|| path.display().to_string())).collect()
}

fn read(path: &Path, most: usize) -> anyhow::Result<Trace> {
    let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let packed = fs::read(path)?;
    let mut bytes = Vec::new();
    let (name, packing) = file.rsplit_once('.').unwrap_or((&file, ""));
    let name = match packing {
        "gz" => {
            flate2::read::GzDecoder::new(&*packed).read_to_end(&mut bytes)?;
            name
        }
        "xz" => {
            lzma_rs::xz_decompress(&mut &*packed, &mut bytes)?;
            name
        }
        "zst" => {
            ruzstd::decoding::StreamingDecoder::new(&*packed)?.read_to_end(&mut bytes)?;
            name
        }
        _ => {
            bytes = packed;
            &file
        }
    };
    let is_text =
        bytes.iter().take(4096).all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace());
    let mut keys = match std::str::from_utf8(&bytes) {
        Ok(text) if is_text => of_lines(text, name.ends_with(".lis"), most)?,
        _ => bytes
            .chunks_exact(4)
            .take(most)
            .map(|key| u64::from(u32::from_be_bytes(key.try_into().expect("chunks of four"))))
            .collect(),
    };
    keys.truncate(most);
    Ok(Trace { name: name.trim_end_matches(".trace").to_owned(), keys })
}

fn of_lines(text: &str, arc: bool, most: usize) -> anyhow::Result<Vec<u64>> {
    let mut keys = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let field = |at: usize| -> anyhow::Result<u64> {
            let text: &str = fields.get(at).context("too few fields")?;
            text.parse().with_context(|| format!("line {}: {text:?} is no number", number + 1))
        };
        match (fields.len(), arc) {
            (0, _) => {}
            (4, true) => {
                let first = field(0)?;
                keys.extend(first..first + field(1)?);
            }
            // The LIRS traces end with an asterisk.
            (1, false) if fields == ["*"] => {}
            (1, false) => keys.push(field(0)?),
            (2.., false) => keys.push(field(1)?),
            _ => bail!("line {}: {line:?} is of no known format", number + 1),
        }
        if keys.len() >= most {
            break;
        }
    }
    Ok(keys)
}
