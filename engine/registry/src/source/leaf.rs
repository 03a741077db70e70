//! Looks at what stands in a folder that is being read.

use dtrvault_format::limits::MAX_PATH_BYTES;
use dtrvault_format::{Kind, ProblemKind};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{FileType, Mode, Stat, fstat, openat, readlinkat};
use rustix::io::Errno;

use super::ItemKind;
use super::folder::{Fault, Reader, unreadable, vanished};
use super::listing::Shared;
use super::short::{self, FILE};
use crate::handle::Handle;
use crate::inode;

impl Reader<'_> {
    /// Looks at `self.path`, whose name begins at `at` and stands in `folder`.
    pub(super) fn child(&mut self, folder: &OwnedFd, at: usize, file_type: FileType, depth: usize) {
        if self.path.len() > MAX_PATH_BYTES {
            return self.problem((ProblemKind::BadName, "the path is too long to be kept".to_owned()));
        }
        if file_type == FileType::Directory {
            return self.subfolder(folder, at, depth);
        }
        if file_type == FileType::RegularFile && self.device.opens_fast && self.open_file(folder, at) {
            return;
        }
        let name = self.path.get(at..).unwrap_or_default().to_vec();
        let handle = Handle::name(folder.as_fd(), &name);
        let stat = match handle.stat() {
            Ok(stat) => stat,
            Err(error) => return self.problem(lost(error)),
        };
        // Not every file system says in the listing what is a folder.
        if inode::file_type(&stat) == FileType::Directory {
            return self.subfolder(folder, at, depth);
        }
        let kind = match inode::file_type(&stat) {
            FileType::RegularFile => ItemKind::File(inode::file_stat(&stat)),
            FileType::Symlink => match readlinkat(folder, name.as_slice(), Vec::new()) {
                Ok(target) => ItemKind::Other(Kind::Symlink { target: target.into_bytes() }),
                Err(error) => return self.problem(lost(error)),
            },
            _ => match inode::special(&stat) {
                Some(kind) => ItemKind::Other(kind),
                None => {
                    let detail = "of a kind that is not known".to_owned();
                    return self.problem((ProblemKind::Unreadable, detail));
                }
            },
        };
        self.leaf(&handle, &stat, kind, None);
    }

    /// Looks at a file through a descriptor of its own. Says no, and has done nothing, when
    /// that is not to be had: what may not be read can be looked at by name.
    fn open_file(&mut self, folder: &OwnedFd, at: usize) -> bool {
        let name = self.path.get(at..).unwrap_or_default();
        let Ok(fd) = self.quiet.open(|quiet| openat(folder, name, FILE | quiet, Mode::empty())) else {
            return false;
        };
        let Ok(stat) = fstat(&fd) else { return false };
        if inode::file_type(&stat) != FileType::RegularFile {
            return false;
        }
        let file = inode::file_stat(&stat);
        let content = match &self.options.short {
            Some(wanted) if wanted.wants(&file) => short::read(&fd, inode::mtime(&stat), &file),
            _ => None,
        };
        self.leaf(&Handle::Open(fd.as_fd()), &stat, ItemKind::File(file), content);
        true
    }

    /// Takes in what is no folder.
    fn leaf(&mut self, handle: &Handle<'_>, stat: &Stat, kind: ItemKind, content: Option<Vec<u8>>) {
        let is_shared = matches!(kind, ItemKind::File(_)) && inode::links(stat) > 1;
        let shared = is_shared.then(|| Shared {
            device: inode::device(stat),
            inode: inode::inode(stat),
            links: inode::links(stat),
        });
        let mut meta = inode::meta(stat);
        let fault = self.attributes(handle, stat, &mut meta);
        if matches!(fault, Some((ProblemKind::Vanished, _))) {
            return self.problem(vanished());
        }
        self.item(meta, kind, content, shared);
        if let Some(fault) = fault {
            self.problem(fault);
        }
    }
}

fn lost(error: Errno) -> Fault {
    match error {
        Errno::NOENT | Errno::STALE | Errno::INVAL => vanished(),
        error => unreadable("cannot be looked at", error),
    }
}
