//! Small files that outlive a run.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use crate::error::{DtrError, Result};

/// Writes a file, whole or not at all, for good, and makes its folder.
///
/// # Errors
/// [`DtrError::File`].
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let written = || -> io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let new = path.with_extension(format!("{}.new", std::process::id()));
        let mut file = File::create(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, path)?;
        File::open(folder)?.sync_all()
    };
    written().map_err(|source| DtrError::File { path: path.to_owned(), source })
}

/// Removes a file, if there is one.
///
/// # Errors
/// [`DtrError::File`].
pub fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(DtrError::File { path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}
