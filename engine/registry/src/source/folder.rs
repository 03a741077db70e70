//! Reads folders, and the small folders in them, with few calls an inode.
//!
//! A registry is mostly folders that hold one folder or one link file: the children of a folder
//! are read through its open descriptor, at once, as long as they are few. What is left goes to
//! whoever has time, in groups of neighbours.

use std::sync::Arc;

use dtrvault_format::limits::MAX_PATH_BYTES;
use dtrvault_format::{Kind, Meta, Problem, ProblemKind};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{FileType, Mode, OFlags, RawDir, Stat, fstat, openat};
use rustix::io::Errno;

use super::device::Device;
use super::listing::{Group, Listing, Part, Shared, push};
use super::{Item, ItemKind, WalkOptions};
use crate::beneath::{FOLDER, HANDLE, Quiet, Root};
use crate::handle::Handle;
use crate::{inode, xattrs};

/// Entries read at once below the folder that was asked for. More would make the reader of a
/// slow disk wait for what others could read meanwhile.
const EAGER_ENTRIES: usize = 64;

/// Levels read at once; each holds a descriptor open.
const EAGER_DEPTH: usize = 8;

/// Bytes of names taken from the system at once.
const LISTING_BYTES: usize = 32 * 1024;

/// Most folders in a group, where many stand side by side.
const MAX_GROUP: usize = 16;

/// A group is not read on when what it has given takes so many bytes.
const MAX_LISTING_BYTES: usize = 1 << 20;

/// What was wrong, and how in words.
pub(super) type Fault = (ProblemKind, String);

/// A name that was listed: where it stands among the bytes of all.
#[derive(Clone, Copy)]
struct Name {
    start: usize,
    end: usize,
    file_type: FileType,
}

/// Reads folders below a root. Every thread has its own.
pub(super) struct Reader<'a> {
    root: &'a Root,
    pub(super) options: &'a WalkOptions,
    threads: usize,
    listing: Vec<u8>,
    /// Names of the folders that are being read, the innermost last.
    names: Vec<Name>,
    name_bytes: Vec<u8>,
    /// Path of what is being looked at.
    pub(super) path: Vec<u8>,
    pub(super) quiet: Quiet,
    pub(super) device: Device,
    left: usize,
    out: Listing,
    /// Parts that the group before had.
    expected: usize,
}

impl<'a> Reader<'a> {
    /// `threads` read side by side.
    pub(super) fn new(root: &'a Root, options: &'a WalkOptions, threads: usize) -> Self {
        Self {
            root,
            options,
            threads: threads.max(1),
            listing: Vec::with_capacity(LISTING_BYTES),
            names: Vec::new(),
            name_bytes: Vec::new(),
            path: Vec::new(),
            quiet: Quiet::default(),
            device: Device::default(),
            left: 0,
            out: Listing::default(),
            expected: 0,
        }
    }

    /// Reads the root. Never fails: what cannot be read is told within.
    pub(super) fn read_root(&mut self) -> Listing {
        self.path.clear();
        self.left = EAGER_ENTRIES;
        match self.quiet.open(|quiet| self.root.open(b"", FOLDER | quiet)) {
            Ok(fd) => self.contents(&fd, 0),
            Err(error) => self.closed(error),
        }
        std::mem::take(&mut self.out)
    }

    /// Reads the folders of a group. Never fails, too.
    pub(super) fn read(&mut self, group: &Group) -> Listing {
        self.path.clone_from(&group.folder);
        // Groups are much alike.
        self.out.parts.reserve(self.expected);
        // One alone is found by its path at once.
        let above =
            (group.names.len() > 1).then(|| self.root.open(&group.folder, HANDLE | OFlags::DIRECTORY));
        for (done, name) in group.names.iter().enumerate() {
            if self.out.bytes > MAX_LISTING_BYTES {
                let names = group.names.get(done..).unwrap_or_default().to_vec();
                self.unread(Group { folder: group.folder.clone(), names });
                break;
            }
            self.left = EAGER_ENTRIES;
            let at = push(&mut self.path, name);
            let opened = match &above {
                Some(Ok(above)) => {
                    self.quiet.open(|quiet| openat(above, name.as_slice(), FOLDER | quiet, Mode::empty()))
                }
                Some(Err(error)) => Err(*error),
                None => self.quiet.open(|quiet| self.root.open(&self.path, FOLDER | quiet)),
            };
            match opened {
                Ok(fd) => self.contents(&fd, 0),
                Err(error) => self.closed(error),
            }
            self.path.truncate(at.saturating_sub(1));
        }
        self.expected = self.out.parts.len().min(EAGER_ENTRIES * MAX_GROUP);
        std::mem::take(&mut self.out)
    }

    fn part(&mut self, part: Part, bytes: usize) {
        self.out.bytes += size_of::<Part>() + bytes;
        self.out.parts.push(part);
    }

    pub(super) fn item(
        &mut self,
        meta: Meta,
        kind: ItemKind,
        content: Option<Vec<u8>>,
        shared: Option<Shared>,
    ) {
        let attributes: usize = meta.xattrs.iter().map(|x| x.name.len() + x.value.len()).sum();
        let bytes = self.path.len() + attributes + content.as_ref().map_or(0, Vec::len);
        let item = Item { path: self.path.clone(), meta, kind, content };
        let part = match shared {
            Some(shared) => Part::Shared(item, shared),
            None => Part::Item(item),
        };
        self.part(part, bytes);
    }

    pub(super) fn problem(&mut self, (kind, detail): Fault) {
        let path = self.path.get(..self.path.len().min(MAX_PATH_BYTES)).unwrap_or_default().to_vec();
        let bytes = path.len() + detail.len();
        self.part(Part::Problem(Problem { path, kind, detail }), bytes);
    }

    pub(super) fn unread(&mut self, group: Group) {
        let bytes = group.folder.len() + group.names.iter().map(Vec::len).sum::<usize>();
        self.part(Part::Unread(Arc::new(group)), bytes);
    }

    /// A folder that cannot be opened; its own mode and owner may be known all the same.
    fn closed(&mut self, error: Errno) {
        if matches!(error, Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::STALE) {
            return self.problem(vanished());
        }
        if let Ok(fd) = self.root.open(&self.path, HANDLE)
            && let Ok(stat) = fstat(&fd)
        {
            self.item(inode::meta(&stat), ItemKind::Other(Kind::Dir), None, None);
        }
        self.problem(unreadable("cannot be listed", error));
    }

    /// Reads the open folder at `self.path`.
    fn contents(&mut self, fd: &OwnedFd, depth: usize) {
        let stat = match fstat(fd) {
            Ok(stat) => stat,
            Err(error) => return self.closed(error),
        };
        self.device.enter(fd, inode::device(&stat));
        let mut meta = inode::meta(&stat);
        let fault = self.attributes(&Handle::Open(fd.as_fd()), &stat, &mut meta);
        self.item(meta, ItemKind::Other(Kind::Dir), None, None);
        if let Some(fault) = fault {
            self.problem(fault);
        }
        let (first, first_byte) = (self.names.len(), self.name_bytes.len());
        if let Err(error) = self.list(fd) {
            self.problem(unreadable("cannot be listed to its end", error));
        }
        let all = &self.name_bytes;
        let bytes = |name: &Name| all.get(name.start..name.end);
        let names = self.names.get_mut(first..).unwrap_or_default();
        names.sort_unstable_by(|a, b| bytes(a).cmp(&bytes(b)));
        let count = names.len();
        self.left = self.left.saturating_sub(count);
        self.children(fd, first, depth);
        self.names.truncate(first);
        self.name_bytes.truncate(first_byte);
    }

    /// Appends the names in a folder.
    fn list(&mut self, fd: &OwnedFd) -> Result<(), Errno> {
        let mut listing = RawDir::new(fd, self.listing.spare_capacity_mut());
        while let Some(entry) = listing.next() {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                let start = self.name_bytes.len();
                self.name_bytes.extend_from_slice(name);
                let end = self.name_bytes.len();
                self.names.push(Name { start, end, file_type: entry.file_type() });
            }
        }
        Ok(())
    }

    /// Looks at the names from `first` on, which stand in the folder at `self.path`.
    fn children(&mut self, fd: &OwnedFd, first: usize, depth: usize) {
        let (len, device) = (self.path.len(), self.device);
        let many = ((self.names.len() - first) / (self.threads * 4)).clamp(1, MAX_GROUP);
        let mut group = Vec::new();
        let mut last = None;
        for index in first..self.names.len() {
            let Some(Name { start, end, file_type }) = self.names.get(index).copied() else { break };
            let name = self.name_bytes.get(start..end).unwrap_or_default();
            // A name that is removed and made again meanwhile may be listed twice.
            let before = last.replace((start, end));
            if before.is_some_and(|(start, end)| self.name_bytes.get(start..end) == Some(name)) {
                continue;
            }
            let at = push(&mut self.path, name);
            if !self.options.skips_child(&self.path, name) {
                if file_type == FileType::Directory
                    && (self.left == 0 || depth >= EAGER_DEPTH)
                    && self.path.len() <= MAX_PATH_BYTES
                {
                    group.push(name.to_vec());
                } else {
                    self.flush(&mut group, len);
                    self.child(fd, at, file_type, depth);
                }
                if group.len() >= many {
                    self.flush(&mut group, len);
                }
            }
            self.path.truncate(len);
            // What was below may be another's mount.
            self.device = device;
        }
        self.flush(&mut group, len);
    }

    /// Leaves folders to be read; they stand in the one whose path has `len` bytes.
    fn flush(&mut self, group: &mut Vec<Vec<u8>>, len: usize) {
        if !group.is_empty() {
            let folder = self.path.get(..len).unwrap_or_default().to_vec();
            self.unread(Group { folder, names: std::mem::take(group) });
        }
    }

    pub(super) fn subfolder(&mut self, folder: &OwnedFd, at: usize, depth: usize) {
        if self.left == 0 || depth >= EAGER_DEPTH {
            let names = vec![self.path.get(at..).unwrap_or_default().to_vec()];
            let folder = self.path.get(..at.saturating_sub(1)).unwrap_or_default().to_vec();
            return self.unread(Group { folder, names });
        }
        let name = self.path.get(at..).unwrap_or_default();
        match self.quiet.open(|quiet| openat(folder, name, FOLDER | quiet, Mode::empty())) {
            Ok(fd) => self.contents(&fd, depth + 1),
            Err(error) => self.closed(error),
        }
    }

    pub(super) fn attributes(&mut self, handle: &Handle<'_>, stat: &Stat, meta: &mut Meta) -> Option<Fault> {
        if self.device.is_plain(inode::device(stat)) {
            return None;
        }
        let found = xattrs::read(handle);
        // Folders have attributes wherever anything has.
        if found.unsupported && inode::file_type(stat) == FileType::Directory {
            self.device.set_plain(inode::device(stat));
        }
        meta.xattrs = found.list;
        if found.gone && handle.stat().is_err() {
            return Some(vanished());
        }
        Some((ProblemKind::Unreadable, found.fault?))
    }
}

pub(super) fn vanished() -> Fault {
    (ProblemKind::Vanished, "gone since its folder was listed".to_owned())
}

pub(super) fn unreadable(what: &str, error: Errno) -> Fault {
    (ProblemKind::Unreadable, format!("{what}: {error}"))
}

#[cfg(test)]
#[path = "folder_tests.rs"]
mod tests;
