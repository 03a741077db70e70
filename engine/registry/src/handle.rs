//! One inode, by the best handle there is on it, and what can be asked of it or done to it.

use std::os::fd::AsRawFd;

use dtrvault_format::Time;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{self, AtFlags, CWD, Gid, Mode, Stat, Timespec, Timestamps, Uid, XattrFlags};
use rustix::io::Errno;

/// An inode. No operation on it follows a symbolic link.
pub(crate) enum Handle<'a> {
    /// An open file or folder.
    Open(BorrowedFd<'a>),
    /// Opened with `O_PATH`, for what cannot be opened or must not be: reached through `/proc`,
    /// since most calls refuse such descriptors.
    Path(&'a OwnedFd, Vec<u8>),
    /// A name in an open folder, and its path through `/proc`, for symbolic links, and for files that are only looked at.
    Name(BorrowedFd<'a>, &'a [u8], Vec<u8>),
}

impl<'a> Handle<'a> {
    /// By a descriptor opened with [`crate::beneath::HANDLE`].
    pub(crate) fn path(fd: &'a OwnedFd) -> Self {
        let path = format!("/proc/self/fd/{}", fd.as_raw_fd()).into_bytes();
        Self::Path(fd, path)
    }

    /// By its name in an open folder.
    pub(crate) fn name(folder: BorrowedFd<'a>, name: &'a [u8]) -> Self {
        Self::Name(folder, name, proc_path(folder, name))
    }

    pub(crate) fn stat(&self) -> Result<Stat, Errno> {
        match self {
            Self::Open(fd) => fs::fstat(fd),
            Self::Path(fd, _) => fs::fstat(fd),
            Self::Name(folder, name, _) => fs::statat(folder, *name, AtFlags::SYMLINK_NOFOLLOW),
        }
    }

    pub(crate) fn set_owner(&self, uid: u32, gid: u32) -> Result<(), Errno> {
        // All ones means "leave it" to the kernel, and is nobody's id.
        if uid == u32::MAX || gid == u32::MAX {
            return Err(Errno::INVAL);
        }
        let (uid, gid) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
        match self {
            Self::Open(fd) => fs::fchown(fd, uid, gid),
            Self::Path(fd, _) => fs::chownat(fd, "", uid, gid, AtFlags::EMPTY_PATH),
            Self::Name(folder, name, _) => fs::chownat(folder, *name, uid, gid, AtFlags::SYMLINK_NOFOLLOW),
        }
    }

    /// Not for symbolic links, which have no mode; by name only where no one else can put one.
    pub(crate) fn set_mode(&self, mode: u32) -> Result<(), Errno> {
        let mode = Mode::from_raw_mode(mode);
        match self {
            Self::Open(fd) => fs::fchmod(fd, mode),
            Self::Path(_, path) => fs::chmod(path, mode),
            Self::Name(folder, name, _) => fs::chmodat(folder, *name, mode, AtFlags::empty()),
        }
    }

    pub(crate) fn set_mtime(&self, mtime: Time) -> Result<(), Errno> {
        let times = Timestamps {
            last_access: Timespec { tv_sec: 0, tv_nsec: fs::UTIME_OMIT },
            last_modification: Timespec { tv_sec: mtime.secs, tv_nsec: mtime.nanos.into() },
        };
        match self {
            Self::Open(fd) => fs::futimens(fd, &times),
            Self::Path(_, path) => fs::utimensat(CWD, path, &times, AtFlags::empty()),
            Self::Name(folder, name, _) => fs::utimensat(folder, *name, &times, AtFlags::SYMLINK_NOFOLLOW),
        }
    }

    /// Length of the list of attribute names, bytes.
    pub(crate) fn list_len(&self) -> Result<usize, Errno> {
        match self {
            Self::Open(fd) => fs::flistxattr_query(fd),
            Self::Path(_, path) => fs::listxattr_query(path),
            Self::Name(_, _, path) => fs::llistxattr_query(path),
        }
    }

    pub(crate) fn list(&self, names: &mut [u8]) -> Result<usize, Errno> {
        match self {
            Self::Open(fd) => fs::flistxattr(fd, names),
            Self::Path(_, path) => fs::listxattr(path, names),
            Self::Name(_, _, path) => fs::llistxattr(path, names),
        }
    }

    pub(crate) fn get(&self, name: &[u8], value: &mut [u8]) -> Result<usize, Errno> {
        match self {
            Self::Open(fd) => fs::fgetxattr(fd, name, value),
            Self::Path(_, path) => fs::getxattr(path, name, value),
            Self::Name(_, _, path) => fs::lgetxattr(path, name, value),
        }
    }

    pub(crate) fn set(&self, name: &[u8], value: &[u8]) -> Result<(), Errno> {
        let flags = XattrFlags::empty();
        match self {
            Self::Open(fd) => fs::fsetxattr(fd, name, value, flags),
            Self::Path(_, path) => fs::setxattr(path, name, value, flags),
            Self::Name(_, _, path) => fs::lsetxattr(path, name, value, flags),
        }
    }

    pub(crate) fn remove(&self, name: &[u8]) -> Result<(), Errno> {
        match self {
            Self::Open(fd) => fs::fremovexattr(fd, name),
            Self::Path(_, path) => fs::removexattr(path, name),
            Self::Name(_, _, path) => fs::lremovexattr(path, name),
        }
    }
}

/// A path of any depth, made short: attributes of a name cannot be had through a descriptor.
fn proc_path(folder: BorrowedFd<'_>, name: &[u8]) -> Vec<u8> {
    let mut path = format!("/proc/self/fd/{}/", folder.as_fd().as_raw_fd()).into_bytes();
    path.extend_from_slice(name);
    path
}
