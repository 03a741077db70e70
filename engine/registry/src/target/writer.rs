//! A file of a local target while it is written: under a short name elsewhere, with holes.

use std::fs::File;
use std::io::{self, Write};
use std::num::NonZeroU64;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use dtrvault_format::{Entry, Kind};
use rustix::fd::AsFd;
use rustix::fs::{Advice, AtFlags, Mode, OFlags, fadvise, openat, renameat, unlinkat};
use rustix::io::Errno;

use super::begin::Begun;
use super::local::errno;
use super::metadata;
use super::parents::Folder;
use super::{FileWriter, Result, TargetError};
use crate::beneath;
use crate::handle::Handle;

/// Zeros become holes in whole blocks of this many bytes.
const BLOCK_BYTES: usize = 4096;

/// After so many bytes the disk is told to begin.
const WRITE_BACK_BYTES: u64 = 8 << 20;

/// A name that is in the way of nothing, until it is renamed; removed when that never happens.
pub(super) struct Temporary {
    place: Place,
    name: String,
    begun: Arc<Begun>,
}

enum Place {
    Scratch,
    /// Beside its last name: what is mounted below the root cannot be renamed into.
    Beside(Arc<Folder>),
}

impl Temporary {
    /// A new name for what will stand in `folder`. Nothing is there yet.
    pub(super) fn new(begun: &Arc<Begun>, folder: &Arc<Folder>) -> Self {
        let number = begun.next_number();
        if folder.device == begun.device() {
            return Self { place: Place::Scratch, name: format!("{number:x}"), begun: Arc::clone(begun) };
        }
        let name = format!("{}.{number:x}", String::from_utf8_lossy(super::SCRATCH));
        // An earlier restore may have left it.
        let _ = unlinkat(&folder.fd, name.as_str(), AtFlags::empty());
        Self { place: Place::Beside(Arc::clone(folder)), name, begun: Arc::clone(begun) }
    }

    pub(super) fn folder(&self) -> rustix::fd::BorrowedFd<'_> {
        match &self.place {
            Place::Scratch => self.begun.scratch(),
            Place::Beside(folder) => folder.fd.as_fd(),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Gives what stands there its last name, in place of what has it.
    pub(super) fn publish(&self, folder: &Folder, name: &[u8]) -> std::result::Result<(), Errno> {
        renameat(self.folder(), self.name(), &folder.fd, name)
    }
}

impl Drop for Temporary {
    /// After [`Temporary::publish`] nothing is there, but where two names of one file were
    /// exchanged, which the system takes for done.
    fn drop(&mut self) {
        let _ = unlinkat(self.folder(), self.name(), AtFlags::empty());
    }
}

pub(super) struct LocalWriter {
    entry: Entry,
    size: u64,
    folder: Arc<Folder>,
    temporary: Temporary,
    file: File,
    written: u64,
    /// Up to here the disk was told to begin.
    begun_back: u64,
    /// With holes: bytes since the last whole block.
    block: Option<Vec<u8>>,
}

impl LocalWriter {
    pub(super) fn new(begun: &Arc<Begun>, entry: &Entry) -> Result<Self> {
        let Kind::File(file) = &entry.kind else {
            return Err(TargetError::Conflict { path: entry.path.clone(), found: "the entry is no file" });
        };
        let path = &entry.path;
        let folder = begun.parents().make(path).map_err(|e| errno(path, e))?;
        let temporary = Temporary::new(begun, &folder);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let fd = openat(temporary.folder(), temporary.name(), flags, mode).map_err(|e| errno(path, e))?;
        Ok(Self {
            size: file.size,
            block: file.sparse.then(|| Vec::with_capacity(BLOCK_BYTES)),
            entry: entry.clone(),
            folder,
            temporary,
            file: File::from(fd),
            written: 0,
            begun_back: 0,
        })
    }

    /// Writes `bytes` where they belong, or nothing where they are whole blocks of zeros.
    fn with_holes(&mut self, mut bytes: &[u8], block: &mut Vec<u8>) -> io::Result<()> {
        let mut at = self.written - block.len() as u64;
        while !bytes.is_empty() {
            if block.is_empty() && bytes.len() >= BLOCK_BYTES {
                let len = run(bytes);
                let (head, tail) = bytes.split_at(len);
                if !is_zero(head) {
                    self.file.write_all_at(head, at)?;
                }
                at += len as u64;
                bytes = tail;
                continue;
            }
            let len = bytes.len().min(BLOCK_BYTES - block.len());
            let (head, tail) = bytes.split_at(len);
            block.extend_from_slice(head);
            bytes = tail;
            if block.len() == BLOCK_BYTES {
                if !is_zero(block) {
                    self.file.write_all_at(block, at)?;
                }
                at += BLOCK_BYTES as u64;
                block.clear();
            }
        }
        Ok(())
    }

    /// Lets the disk begin with what was written, instead of all at the end. What the system makes of
    /// it is its own affair: the sync at the end is what counts.
    fn write_back(&mut self) {
        if let Some(len) = NonZeroU64::new(self.written - self.begun_back)
            && len.get() >= WRITE_BACK_BYTES
        {
            let _ = fadvise(&self.file, self.begun_back, Some(len), Advice::DontNeed);
            self.begun_back = self.written;
        }
    }

    fn complete(&mut self) -> io::Result<()> {
        if let Some(block) = &self.block {
            if !is_zero(block) {
                let at = self.written - block.len() as u64;
                self.file.write_all_at(block, at)?;
            }
            self.file.set_len(self.written)?;
        }
        Ok(())
    }
}

/// Length of the whole blocks at the beginning that are all zeros, or all are not.
fn run(bytes: &[u8]) -> usize {
    let mut blocks = bytes.chunks_exact(BLOCK_BYTES).map(is_zero);
    let first = blocks.next();
    let more = blocks.take_while(|zero| Some(*zero) == first).count();
    (1 + more) * BLOCK_BYTES
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

impl Write for LocalWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Nothing that was not announced may fill the disk.
        if bytes.len() as u64 > self.size - self.written {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "more bytes than the entry has"));
        }
        let len = match self.block.take() {
            None => self.file.write(bytes)?,
            Some(mut block) => {
                self.with_holes(bytes, &mut block)?;
                self.block = Some(block);
                bytes.len()
            }
        };
        self.written += len as u64;
        self.write_back();
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl FileWriter for LocalWriter {
    fn commit(mut self: Box<Self>) -> Result<()> {
        let path = self.entry.path.clone();
        if self.written != self.size {
            return Err(TargetError::WrongSize { path, expected: self.size, written: self.written });
        }
        if let Err(source) = self.complete() {
            return Err(TargetError::Io { path, source });
        }
        let handle = Handle::Open(self.file.as_fd());
        let counters = self.temporary.begun.counters();
        metadata::set(&handle, &self.entry.meta, counters);
        let (_, name) = beneath::parent(&path);
        let published = self.temporary.publish(&self.folder, name);
        published.map_err(|e| errno(&path, e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_end_where_zeros_begin_or_end() {
        let (zeros, ones) = ([0; BLOCK_BYTES], [1; BLOCK_BYTES]);
        assert_eq!(run(&zeros), BLOCK_BYTES);
        assert_eq!(run(&[zeros, zeros, ones].concat()), 2 * BLOCK_BYTES);
        assert_eq!(run(&[ones, ones, ones, zeros].concat()), 3 * BLOCK_BYTES);
        let odd = [&zeros[..], &zeros[..100]].concat();
        assert_eq!(run(&odd), BLOCK_BYTES);
    }
}
