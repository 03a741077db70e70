//! Paths below a root folder, resolved without ever following a symbolic link.
//!
//! `openat2` (Linux 5.6) does it in one call; where it is missing or a container forbids it,
//! one component after the other is opened. Either way, what is opened lies below the root,
//! whatever someone puts in the way meanwhile.

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags, ResolveFlags, openat, openat2};
use rustix::io::Errno;

/// Opens a folder, and nothing but a folder, to list it.
pub(crate) const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::CLOEXEC);

/// Opens anything, only to ask about it or to go on from it.
pub(crate) const HANDLE: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Longest path given to one call, bytes; Linux's bound is 4,096 with the closing zero.
const MAX_CALL_BYTES: usize = 4000;

/// Refusals in a row after which nothing else is expected.
const MAX_REFUSALS: u32 = 16;

/// Opens things to read them, and leaves the times of their last access alone where that is
/// allowed: to their owner and to the superuser. Otherwise the first backup would rewrite every
/// inode. Refusals are remembered, for they cost a call each.
#[derive(Debug, Default)]
pub(crate) struct Quiet {
    refusals: u32,
}

impl Quiet {
    /// What `open` opens, with the flags that are to be added to its own.
    pub(crate) fn open<T>(&mut self, open: impl Fn(OFlags) -> Result<T, Errno>) -> Result<T, Errno> {
        if self.refusals < MAX_REFUSALS {
            match open(OFlags::NOATIME) {
                // The second is for file systems that know no such flag.
                Err(Errno::PERM | Errno::INVAL) => self.refusals += 1,
                Ok(opened) => {
                    self.refusals = 0;
                    return Ok(opened);
                }
                Err(error) => return Err(error),
            }
        }
        open(OFlags::empty())
    }
}

/// A folder that paths are relative to.
#[derive(Debug)]
pub(crate) struct Root {
    fd: OwnedFd,
    openat2: bool,
}

impl Root {
    /// `fd` is an open folder.
    pub(crate) fn new(fd: OwnedFd) -> Self {
        let openat2 = resolve(fd.as_fd(), b".", HANDLE).is_ok();
        Self { fd, openat2 }
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Opens the folder at `path`, empty for the root itself.
    pub(crate) fn folder(&self, path: &[u8]) -> Result<OwnedFd, Errno> {
        self.open(path, FOLDER)
    }

    /// Opens what stands at `path`, a path that `validate_path` accepts. A symbolic link on the
    /// way, or at the end, is [`Errno::LOOP`] or [`Errno::NOTDIR`] (but [`HANDLE`] opens one at the end).
    pub(crate) fn open(&self, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
        let mut rest = if path.is_empty() { b"." } else { path };
        let mut at: Option<OwnedFd> = None;
        loop {
            let from = at.as_ref().map_or(self.fd.as_fd(), AsFd::as_fd);
            let (head, tail) = self.split(rest);
            let step = if tail.is_some() {
                HANDLE | OFlags::DIRECTORY
            } else {
                flags | OFlags::NOFOLLOW | OFlags::CLOEXEC
            };
            let next = if self.openat2 {
                resolve(from, head, step)?
            } else {
                openat(from, head, step, Mode::empty())?
            };
            match tail {
                None => return Ok(next),
                Some(tail) => rest = tail,
            }
            at = Some(next);
        }
    }

    /// The part of `path` that one call takes, and what comes after it.
    fn split<'a>(&self, path: &'a [u8]) -> (&'a [u8], Option<&'a [u8]>) {
        let slash = if !self.openat2 {
            path.iter().position(|byte| *byte == b'/')
        } else if path.len() <= MAX_CALL_BYTES {
            None
        } else {
            let most = path.get(..MAX_CALL_BYTES).unwrap_or(path);
            most.iter().rposition(|byte| *byte == b'/')
        };
        slash
            .and_then(|at| Some((path.get(..at)?, path.get(at + 1..)?)))
            .map_or((path, None), |(head, tail)| (head, Some(tail)))
    }
}

fn resolve(from: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    openat2(from, path, flags, Mode::empty(), beneath)
}

/// Folder and name of a path: `(b"", name)` for what stands in the root.
pub(crate) fn parent(path: &[u8]) -> (&[u8], &[u8]) {
    let slash = path.iter().rposition(|byte| *byte == b'/');
    slash.and_then(|at| Some((path.get(..at)?, path.get(at + 1..)?))).unwrap_or((b"", path))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use rustix::fs::{CWD, fstat, mkdirat};
    use std::os::unix::fs::symlink;

    fn both(path: &std::path::Path) -> [Root; 2] {
        let open = || openat(CWD, path, FOLDER, Mode::empty()).unwrap();
        let fallback = Root { fd: open(), openat2: false };
        [Root::new(open()), fallback]
    }

    #[test]
    fn symbolic_links_are_followed_nowhere() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("a/b")).unwrap();
        std::fs::write(dir.path().join("a/b/file"), "x").unwrap();
        symlink("a", dir.path().join("way")).unwrap();
        symlink("/etc/passwd", dir.path().join("end")).unwrap();
        for root in both(dir.path()) {
            root.open(b"a/b/file", OFlags::RDONLY).unwrap();
            root.folder(b"").unwrap();
            root.folder(b"a/b").unwrap();
            for bad in [b"way/b".as_slice(), b"way/b/file", b"end", b"way"] {
                let error = root.open(bad, OFlags::RDONLY).unwrap_err();
                assert!(matches!(error, Errno::LOOP | Errno::NOTDIR), "{error}");
            }
            assert_eq!(root.folder(b"none").unwrap_err(), Errno::NOENT);
            root.open(b"end", HANDLE).unwrap();
        }
    }

    #[test]
    fn paths_longer_than_one_call_takes_are_resolved() {
        let dir = tempfile::tempdir().unwrap();
        let name = "n".repeat(200);
        let mut fd = openat(CWD, dir.path(), FOLDER, Mode::empty()).unwrap();
        for _ in 0..50 {
            mkdirat(&fd, name.as_str(), Mode::RWXU).unwrap();
            fd = openat(&fd, name.as_str(), FOLDER, Mode::empty()).unwrap();
        }
        let path = vec![name; 50].join("/");
        for root in both(dir.path()) {
            let found = root.folder(path.as_bytes()).unwrap();
            assert_eq!(fstat(&found).unwrap().st_ino, fstat(&fd).unwrap().st_ino);
        }
    }

    #[test]
    fn what_must_be_read_loudly_is_read_all_the_same() {
        use std::cell::Cell;
        let (tried, refuses) = (Cell::new(0), Cell::new(true));
        let mut quiet = Quiet::default();
        let mut open = || {
            quiet.open(|flags| {
                tried.set(tried.get() + 1);
                let is_quiet = flags.contains(OFlags::NOATIME);
                if is_quiet && refuses.get() { Err(Errno::PERM) } else { Ok(is_quiet) }
            })
        };
        assert_eq!((open(), tried.get()), (Ok(false), 2));
        // Another owner's file among one's own.
        refuses.set(false);
        assert_eq!((open(), tried.get()), (Ok(true), 3));
        refuses.set(true);
        for _ in 0..100 {
            assert_eq!(open(), Ok(false));
        }
        assert_eq!(tried.get(), 3 + 100 + MAX_REFUSALS, "refusals are remembered");
        let gone = Quiet::default().open(|_| Err::<(), _>(Errno::NOENT));
        assert_eq!(gone, Err(Errno::NOENT));
    }

    #[test]
    fn parents_are_split_off() {
        assert_eq!(parent(b"a/b/c"), (b"a/b".as_slice(), b"c".as_slice()));
        assert_eq!(parent(b"a"), (b"".as_slice(), b"a".as_slice()));
    }
}
