//! A folder as a source.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::thread::available_parallelism;

use dtrvault_format::Time;
use rustix::fs::{CWD, FileType, Mode, OFlags, fstat, openat};
use rustix::io::Errno;

use super::short::FILE;
use super::{FileStat, Found, Item, Source, SourceError, SourceFile, WalkOptions, walk};
use crate::beneath::{FOLDER, HANDLE, Quiet, Root};
use crate::inode;
use std::ops::ControlFlow;

/// Threads that read folders: more than processors, for a network's file system makes them wait.
const MIN_THREADS: usize = 4;

/// A folder that holds `docker/registry/v2`, or any other. It may be a symbolic link itself; in
/// it none is followed. Mount points are crossed: a volume may be one.
#[derive(Debug)]
pub struct Local {
    location: String,
    root: Root,
    threads: usize,
}

impl Local {
    /// Opens the folder; it stays the same one if another is put in its place.
    ///
    /// # Errors
    /// [`SourceError::NoRoot`], [`SourceError::NotAFolder`] or [`SourceError::Unreadable`].
    pub fn new(path: &Path) -> Result<Self, SourceError> {
        let location = path.display().to_string();
        let flags = FOLDER.difference(OFlags::NOFOLLOW);
        let fd = openat(CWD, path, flags, Mode::empty()).map_err(|error| match error {
            Errno::NOENT => SourceError::NoRoot { location: location.clone() },
            Errno::NOTDIR => SourceError::NotAFolder { location: location.clone() },
            error => unreadable(b"", error),
        })?;
        let threads = available_parallelism().map_or(1, usize::from);
        Ok(Self { location, root: Root::new(fd), threads: threads.max(MIN_THREADS) })
    }

    /// Reads folders with that many threads, beside the one that walks.
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }
}

impl Source for Local {
    fn location(&self) -> &str {
        &self.location
    }

    fn is_registry(&self) -> Result<bool, SourceError> {
        let flags = HANDLE | OFlags::DIRECTORY;
        match self.root.open(crate::layout::REGISTRY_ROOT, flags) {
            Ok(_) => Ok(true),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(false),
            Err(error) => Err(unreadable(crate::layout::REGISTRY_ROOT, error)),
        }
    }

    fn walk(
        &self,
        options: &WalkOptions,
        sink: &mut dyn FnMut(Found) -> ControlFlow<()>,
    ) -> Result<(), SourceError> {
        walk::walk(&self.root, options, self.threads, sink);
        Ok(())
    }

    fn open(&self, item: &Item) -> Result<Box<dyn SourceFile>, SourceError> {
        let path = &item.path;
        let vanished = || SourceError::Vanished { path: path.clone() };
        let fd = Quiet::default().open(|quiet| self.root.open(path, FILE | quiet));
        let fd = fd.map_err(|error| match error {
            Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::STALE | Errno::NXIO => vanished(),
            error => unreadable(path, error),
        })?;
        let stat = fstat(&fd).map_err(|error| unreadable(path, error))?;
        if inode::file_type(&stat) != FileType::RegularFile {
            return Err(vanished());
        }
        Ok(Box::new(LocalFile { file: File::from(fd), mtime: item.meta.mtime }))
    }
}

struct LocalFile {
    file: File,
    mtime: Time,
}

impl Read for LocalFile {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.file.read(out)
    }
}

impl SourceFile for LocalFile {
    fn stat(&mut self) -> io::Result<(Time, FileStat)> {
        let stat = fstat(&self.file)?;
        Ok((inode::mtime(&stat), inode::file_stat(&stat)))
    }

    fn still(&mut self, wanted: &FileStat) -> io::Result<bool> {
        let (mtime, stat) = self.stat()?;
        // Blocks may come and go by themselves, as when a file system compresses later.
        Ok(mtime == self.mtime && stat.size == wanted.size && stat.identity == wanted.identity)
    }
}

fn unreadable(path: &[u8], error: Errno) -> SourceError {
    SourceError::Unreadable { path: path.to_vec(), source: Box::new(io::Error::from(error)) }
}
