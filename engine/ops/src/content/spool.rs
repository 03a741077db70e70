//! Bytes that are kept in memory up to a budget, and beyond it in a file that has no name.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use dtrvault_codec::rows::Spill;

use crate::error::OpsError;

/// Appended once, read from anywhere, gone with the process.
pub(crate) struct Spool {
    dir: PathBuf,
    budget_bytes: usize,
    memory: Vec<u8>,
    file: Option<File>,
}

impl Spool {
    /// An empty one, whose file would stand in `dir`.
    pub(crate) fn new(dir: PathBuf, budget_bytes: usize) -> Self {
        Self { dir, budget_bytes, memory: Vec::new(), file: None }
    }

    fn fail(&self, source: io::Error) -> io::Error {
        io::Error::other(OpsError::Spool { path: self.dir.clone(), source })
    }

    /// A file that nobody else can open, and that no crash leaves behind.
    fn create(&self) -> io::Result<File> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = self.dir.join(format!("table-{}-{number}.part", std::process::id()));
        let mut options = File::options();
        let options = options.read(true).write(true).create_new(true).mode(0o600);
        let file = match options.open(&path) {
            // Of a process of the same number that was killed in this very function.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                fs::remove_file(&path)?;
                options.open(&path)?
            }
            opened => opened?,
        };
        fs::remove_file(&path)?;
        Ok(file)
    }
}

impl Spill for Spool {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.file.is_none() {
            if self.memory.len() + bytes.len() <= self.budget_bytes {
                self.memory.extend_from_slice(bytes);
                return Ok(());
            }
            let memory = std::mem::take(&mut self.memory);
            let begun = self.create().and_then(|mut file| file.write_all(&memory).map(|()| file));
            self.file = Some(begun.map_err(|error| self.fail(error))?);
        }
        match &mut self.file {
            Some(file) => file.write_all(bytes).map_err(|error| self.fail(error)),
            None => Ok(()),
        }
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        match &self.file {
            Some(file) => file.read_exact_at(out, offset).map_err(|error| self.fail(error)),
            None => self.memory.read_at(offset, out),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_is_too_long_for_memory_goes_to_a_file_without_a_name() {
        let dir = tempfile::tempdir().unwrap();
        for budget in [0, 5, 6, 100] {
            let mut spool = Spool::new(dir.path().to_owned(), budget);
            for bytes in [b"abc", b"def"] {
                spool.append(bytes).unwrap();
            }
            let mut out = [0; 4];
            spool.read_at(1, &mut out).unwrap();
            assert_eq!((&out, spool.file.is_some()), (b"bcde", budget < 6));
            assert!(spool.read_at(3, &mut out).is_err());
            assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        }
    }

    #[test]
    fn a_folder_without_room_is_named() {
        let mut spool = Spool::new(PathBuf::from("/nowhere/at/all"), 0);
        let error = spool.append(b"x").unwrap_err().downcast::<OpsError>().unwrap();
        assert!(error.to_string().contains("/nowhere/at/all"), "{error}");
    }
}
