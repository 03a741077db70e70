//! Folders: how much is in them, and reading them once so that the next reader finds them in memory.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// What a folder holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Content {
    /// Length of all files.
    pub(crate) bytes: u64,
    pub(crate) files: u64,
    pub(crate) folders: u64,
}

/// Counts what is below `path`.
pub(crate) fn content(path: &Path) -> io::Result<Content> {
    let mut found = Content::default();
    walk(path, &mut |_, size| {
        match size {
            Some(size) => {
                found.bytes += size;
                found.files += 1;
            }
            None => found.folders += 1,
        }
        Ok(())
    })?;
    Ok(found)
}

/// Reads all files below `path`.
pub(crate) fn warm(path: &Path) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 20];
    let mut read = |path: &Path| -> io::Result<()> {
        let mut file = File::open(path)?;
        while file.read(&mut buffer)? > 0 {}
        Ok(())
    };
    if path.is_file() {
        return read(path);
    }
    walk(path, &mut |path, size| if size.is_some() { read(path) } else { Ok(()) })
}

/// Whether two files hold the same bytes.
pub(crate) fn same(one: &Path, other: &Path) -> io::Result<bool> {
    if fs::metadata(one)?.len() != fs::metadata(other)?.len() {
        return Ok(false);
    }
    let (mut one, mut other) = (File::open(one)?, File::open(other)?);
    let (mut left, mut right) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    loop {
        let count = one.read(&mut left)?;
        if count == 0 {
            return Ok(true);
        }
        other.read_exact(&mut right[..count])?;
        if left[..count] != right[..count] {
            return Ok(false);
        }
    }
}

fn walk(path: &Path, visit: &mut impl FnMut(&Path, Option<u64>) -> io::Result<()>) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let at = entry.path();
        if entry.file_type()?.is_dir() {
            visit(&at, None)?;
            walk(&at, visit)?;
        } else {
            visit(&at, Some(entry.metadata()?.len()))?;
        }
    }
    Ok(())
}
