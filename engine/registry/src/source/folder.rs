//! Reads one folder, and the small folders in it, with few calls an inode.
//!
//! A registry is mostly folders that hold one folder or one link file: the children of a folder
//! are read through its open descriptor, at once, as long as they are few.

use dtrvault_format::limits::MAX_PATH_BYTES;
use dtrvault_format::{Kind, Meta, ProblemKind};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{FileType, Mode, RawDir, Stat, fstat, openat, readlinkat};
use rustix::io::Errno;

use super::{ItemKind, WalkOptions};
use crate::beneath::{FOLDER, HANDLE, Root};
use crate::handle::Handle;
use crate::{inode, xattrs};

/// Entries read at once below the folder that was asked for. More would make the reader of a
/// slow disk wait for what others could read meanwhile.
const EAGER_ENTRIES: usize = 64;

/// Levels read at once; each holds a descriptor open.
const EAGER_DEPTH: usize = 8;

/// Bytes of names taken from the system at once.
const LISTING_BYTES: usize = 32 * 1024;

/// A folder that was read.
#[derive(Debug, Default)]
pub(super) struct Folder {
    /// None when it has gone.
    pub(super) meta: Option<Meta>,
    /// About the folder itself.
    pub(super) problems: Vec<Fault>,
    /// What is in it, sorted by name.
    pub(super) children: Vec<Child>,
}

/// What was wrong, and how in words.
pub(super) type Fault = (ProblemKind, String);

/// One name in a folder.
#[derive(Debug)]
pub(super) struct Child {
    pub(super) name: Vec<u8>,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    /// A folder that is still to be read.
    Unread,
    /// A folder that was read at once.
    Folder(Folder),
    /// Anything else.
    Leaf(Leaf),
    /// Cannot be looked at.
    Problem(Fault),
}

#[derive(Debug)]
pub(super) struct Leaf {
    pub(super) meta: Meta,
    pub(super) kind: ItemKind,
    /// About part of it.
    pub(super) fault: Option<Fault>,
    /// Of a file with more names than this one.
    pub(super) shared: Option<Shared>,
}

/// An inode with several names.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shared {
    pub(super) device: u64,
    pub(super) inode: u64,
    pub(super) links: u64,
}

impl Folder {
    /// Names in it and in what was read with it.
    pub(super) fn entries(&self) -> usize {
        let below = |child: &Child| match &child.what {
            What::Folder(folder) => folder.entries() + 1,
            _ => 1,
        };
        self.children.iter().map(below).sum()
    }

    /// Calls `each` with the path of every folder that is still to be read.
    pub(super) fn unread(&self, path: &mut Vec<u8>, each: &mut impl FnMut(&[u8])) {
        let len = path.len();
        for child in &self.children {
            match &child.what {
                What::Unread => {
                    push(path, &child.name);
                    each(path);
                }
                What::Folder(folder) => {
                    push(path, &child.name);
                    folder.unread(path, each);
                }
                _ => continue,
            }
            path.truncate(len);
        }
    }
}

/// Appends a component.
pub(super) fn push(path: &mut Vec<u8>, name: &[u8]) {
    if !path.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(name);
}

/// Reads folders below a root. Every thread has its own.
pub(super) struct Reader<'a> {
    root: &'a Root,
    options: &'a WalkOptions,
    listing: Vec<u8>,
    /// A file system that has no extended attributes; asking every inode would be a waste.
    plain_device: Option<u64>,
    left: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(root: &'a Root, options: &'a WalkOptions) -> Self {
        Self { root, options, listing: Vec::with_capacity(LISTING_BYTES), plain_device: None, left: 0 }
    }

    /// Reads the folder at `path`. Never fails: what cannot be read is told within.
    pub(super) fn read(&mut self, path: &[u8]) -> Folder {
        self.left = EAGER_ENTRIES;
        match self.root.folder(path) {
            Ok(fd) => self.contents(&fd, &mut path.to_vec(), 0),
            Err(error) => self.closed(path, error),
        }
    }

    /// A folder that cannot be opened; its own mode and owner may be known all the same.
    fn closed(&mut self, path: &[u8], error: Errno) -> Folder {
        let mut folder = Folder::default();
        if matches!(error, Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::STALE) {
            folder.problems.push(vanished());
            return folder;
        }
        folder.problems.push(unreadable("cannot be listed", error));
        if let Ok(fd) = self.root.open(path, HANDLE)
            && let Ok(stat) = fstat(&fd)
        {
            folder.meta = Some(inode::meta(&stat));
        }
        folder
    }

    fn contents(&mut self, fd: &OwnedFd, path: &mut Vec<u8>, depth: usize) -> Folder {
        let mut folder = Folder::default();
        let stat = match fstat(fd) {
            Ok(stat) => stat,
            Err(error) => return self.closed(path, error),
        };
        let mut meta = inode::meta(&stat);
        if let Some(fault) = self.attributes(&Handle::Open(fd.as_fd()), &stat, &mut meta) {
            folder.problems.push(fault);
        }
        folder.meta = Some(meta);
        let mut names = Vec::new();
        if let Err(error) = self.names(fd, &mut names) {
            folder.problems.push(unreadable("cannot be listed to its end", error));
        }
        self.left = self.left.saturating_sub(names.len());
        names.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        // A name that is removed and made again meanwhile may be listed twice.
        names.dedup_by(|(a, _), (b, _)| a == b);
        folder.children.reserve_exact(names.len());
        let len = path.len();
        for (name, file_type) in names {
            push(path, &name);
            if !self.options.skips(path) {
                let what = self.child(fd, path, &name, file_type, depth);
                folder.children.push(Child { name, what });
            }
            path.truncate(len);
        }
        folder
    }

    fn names(&mut self, fd: &OwnedFd, names: &mut Vec<(Vec<u8>, FileType)>) -> Result<(), Errno> {
        let mut listing = RawDir::new(fd, self.listing.spare_capacity_mut());
        while let Some(entry) = listing.next() {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push((name.to_vec(), entry.file_type()));
            }
        }
        Ok(())
    }

    fn child(
        &mut self,
        folder: &OwnedFd,
        path: &mut Vec<u8>,
        name: &[u8],
        file_type: FileType,
        depth: usize,
    ) -> What {
        if path.len() > MAX_PATH_BYTES {
            let detail = "the path is too long to be kept".to_owned();
            return What::Problem((ProblemKind::BadName, detail));
        }
        if file_type == FileType::Directory {
            return self.subfolder(folder, path, name, depth);
        }
        let handle = Handle::name(folder.as_fd(), name);
        let stat = match handle.stat() {
            Ok(stat) => stat,
            Err(error) => return What::Problem(lost(error)),
        };
        // Not every file system says in the listing what is a folder.
        if inode::file_type(&stat) == FileType::Directory {
            return self.subfolder(folder, path, name, depth);
        }
        self.leaf(folder, name, &handle, &stat)
    }

    fn subfolder(&mut self, folder: &OwnedFd, path: &mut Vec<u8>, name: &[u8], depth: usize) -> What {
        if self.left == 0 || depth >= EAGER_DEPTH {
            return What::Unread;
        }
        match openat(folder, name, FOLDER, Mode::empty()) {
            Ok(fd) => What::Folder(self.contents(&fd, path, depth + 1)),
            Err(error) => What::Folder(self.closed(path, error)),
        }
    }

    fn leaf(&mut self, folder: &OwnedFd, name: &[u8], handle: &Handle<'_>, stat: &Stat) -> What {
        let mut shared = None;
        let kind = match inode::file_type(stat) {
            FileType::RegularFile => {
                shared = (inode::links(stat) > 1).then(|| Shared {
                    device: inode::device(stat),
                    inode: inode::inode(stat),
                    links: inode::links(stat),
                });
                ItemKind::File(inode::file_stat(stat))
            }
            FileType::Symlink => match readlinkat(folder, name, Vec::new()) {
                Ok(target) => ItemKind::Other(Kind::Symlink { target: target.into_bytes() }),
                Err(error) => return What::Problem(lost(error)),
            },
            _ => match inode::special(stat) {
                Some(kind) => ItemKind::Other(kind),
                None => {
                    let detail = "of a kind that is not known".to_owned();
                    return What::Problem((ProblemKind::Unreadable, detail));
                }
            },
        };
        let mut meta = inode::meta(stat);
        let fault = self.attributes(handle, stat, &mut meta);
        if matches!(fault, Some((ProblemKind::Vanished, _))) {
            return What::Problem(vanished());
        }
        What::Leaf(Leaf { meta, kind, fault, shared })
    }

    fn attributes(&mut self, handle: &Handle<'_>, stat: &Stat, meta: &mut Meta) -> Option<Fault> {
        if self.plain_device == Some(inode::device(stat)) {
            return None;
        }
        let found = xattrs::read(handle);
        // Folders have attributes wherever anything has.
        if found.unsupported && inode::file_type(stat) == FileType::Directory {
            self.plain_device = Some(inode::device(stat));
        }
        meta.xattrs = found.list;
        if found.gone && handle.stat().is_err() {
            return Some(vanished());
        }
        Some((ProblemKind::Unreadable, found.fault?))
    }
}

fn lost(error: Errno) -> Fault {
    match error {
        Errno::NOENT | Errno::STALE | Errno::INVAL => vanished(),
        error => unreadable("cannot be looked at", error),
    }
}

fn vanished() -> Fault {
    (ProblemKind::Vanished, "gone since its folder was listed".to_owned())
}

fn unreadable(what: &str, error: Errno) -> Fault {
    (ProblemKind::Unreadable, format!("{what}: {error}"))
}
