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
        // Hidden: it is none of the files that somebody looks for here until it is whole.
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let new = folder.join(format!(".{name}.{}", std::process::id()));
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_file_is_written_over_and_removed_as_often_as_one_likes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/frozen-10.0.0.1_443");
        for bytes in [b"one", b"two"] {
            write(&path, bytes).unwrap();
            assert_eq!(fs::read(&path).unwrap(), bytes);
        }
        assert_eq!(fs::read_dir(dir.path().join("a")).unwrap().count(), 1, "nothing else is left");
        remove(&path).unwrap();
        remove(&path).unwrap();
        assert!(!path.exists());
    }
}
