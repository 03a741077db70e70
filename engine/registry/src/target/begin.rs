//! Beginning a restore into a folder: whether it may be, and what it needs for itself.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use dtrvault_format::Entry;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{
    AtFlags, CWD, Dir, FlockOperation, Mode, OFlags, fchmod, flock, fstat, fstatvfs, mkdirat, openat, statat,
    unlinkat,
};
use rustix::io::Errno;
use rustix::process::geteuid;

use super::local::errno;
use super::metadata::Counters;
use super::parents::Parents;
use super::{Result, SCRATCH, TargetError, TargetPlan};
use crate::beneath::{FOLDER, HANDLE, Root};
use crate::inode;

/// A restore under way.
#[derive(Debug)]
pub(super) struct Begun {
    parents: Parents,
    /// Our own folder, locked as long as it is open.
    scratch: OwnedFd,
    device: u64,
    number: AtomicU64,
    counters: Counters,
    late: Mutex<Vec<Entry>>,
}

impl Begun {
    /// Makes our own folder in `root`, for us alone; empties the one an interrupted restore left.
    pub(super) fn new(location: &str, root: OwnedFd) -> Result<Self> {
        match mkdirat(&root, SCRATCH, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(errno(SCRATCH, error)),
        }
        let scratch = openat(&root, SCRATCH, FOLDER, Mode::empty()).map_err(|e| errno(SCRATCH, e))?;
        let stat = fstat(&scratch).map_err(|e| errno(SCRATCH, e))?;
        if stat.st_uid != geteuid().as_raw() {
            return Err(TargetError::Conflict { path: SCRATCH.to_vec(), found: "a folder of someone else" });
        }
        match flock(&scratch, FlockOperation::NonBlockingLockExclusive) {
            // Some network file systems know no locks.
            Ok(()) | Err(Errno::NOTSUP | Errno::NOSYS | Errno::NOLCK) => {}
            Err(Errno::WOULDBLOCK) => return Err(TargetError::Busy { location: location.to_owned() }),
            Err(error) => return Err(errno(SCRATCH, error)),
        }
        fchmod(&scratch, Mode::RWXU).map_err(|e| errno(SCRATCH, e))?;
        empty(&scratch).map_err(|e| errno(SCRATCH, e))?;
        Ok(Self {
            parents: Parents::new(Root::new(root)),
            scratch,
            device: inode::device(&stat),
            number: AtomicU64::new(0),
            counters: Counters::default(),
            late: Mutex::new(Vec::new()),
        })
    }

    pub(super) fn parents(&self) -> &Parents {
        &self.parents
    }

    pub(super) fn scratch(&self) -> BorrowedFd<'_> {
        self.scratch.as_fd()
    }

    /// The file system of our own folder.
    pub(super) fn device(&self) -> u64 {
        self.device
    }

    pub(super) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Folders whose metadata would be in the way until the end.
    pub(super) fn late(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.late.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Never the same twice.
    pub(super) fn next_number(&self) -> u64 {
        self.number.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn remove_scratch(&self) -> Result<()> {
        empty(&self.scratch).map_err(|e| errno(SCRATCH, e))?;
        match unlinkat(self.parents.root().fd(), SCRATCH, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(errno(SCRATCH, error)),
        }
    }
}

/// Opens the root, held against the plan, and created when it is missing; in a dry run there may be none.
pub(super) fn root(path: &Path, plan: &TargetPlan) -> Result<Option<OwnedFd>> {
    let location = || path.display().to_string();
    // The root itself may be a symbolic link: the operator named it.
    let open = || openat(CWD, path, FOLDER.difference(OFlags::NOFOLLOW), Mode::empty());
    let opened = |root: std::result::Result<OwnedFd, Errno>| {
        root.map_err(|error| match error {
            Errno::NOTDIR => TargetError::NotAFolder { location: location() },
            error => errno(b"", error),
        })
    };
    match open() {
        Err(Errno::NOENT) => {
            check_space(path, &nearest(path)?, plan.bytes_needed)?;
            if plan.dry_run {
                return Ok(None);
            }
            std::fs::create_dir_all(path).map_err(|source| TargetError::Io { path: Vec::new(), source })?;
            opened(open()).map(Some)
        }
        root => {
            let root = opened(root)?;
            let content = has_content(&root).map_err(|e| errno(b"", e))?;
            if content && !plan.allow_existing {
                return Err(TargetError::NotEmpty { location: location() });
            }
            check_space(path, &root, plan.bytes_needed)?;
            Ok(Some(root))
        }
    }
}

/// Whether a root holds something that no interrupted restore has left.
fn has_content(root: &OwnedFd) -> std::result::Result<bool, Errno> {
    if statat(root, SCRATCH, AtFlags::SYMLINK_NOFOLLOW).is_ok() {
        return Ok(false);
    }
    for entry in Dir::read_from(root)? {
        // A new file system has the last one.
        if !matches!(entry?.file_name().to_bytes(), b"." | b".." | b"lost+found") {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Removes the files in our own folder, where there are no folders.
fn empty(scratch: &OwnedFd) -> std::result::Result<(), Errno> {
    for entry in Dir::read_from(scratch)? {
        let entry = entry?;
        let name = entry.file_name();
        if !matches!(name.to_bytes(), b"." | b"..") {
            unlinkat(scratch, name, AtFlags::empty())?;
        }
    }
    Ok(())
}

fn check_space(path: &Path, folder: &impl AsFd, needed: u64) -> Result<()> {
    let free = fstatvfs(folder).map_err(|e| errno(b"", e))?;
    let available = free.f_bavail.saturating_mul(free.f_frsize);
    // What an earlier restore has written need not be written again.
    if needed > available && needed > available.saturating_add(bytes_below(path)) {
        return Err(TargetError::NoSpace { location: path.display().to_string(), needed, available });
    }
    Ok(())
}

/// Bytes that files below a folder take; what cannot be looked at counts nothing.
fn bytes_below(folder: &Path) -> u64 {
    let mut bytes = 0_u64;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(found) if found.is_dir() => folders.push(entry.path()),
                Ok(found) => bytes = bytes.saturating_add(found.blocks().saturating_mul(512)),
                Err(_) => {}
            }
        }
    }
    bytes
}

/// The nearest folder above `path` that exists.
fn nearest(path: &Path) -> Result<OwnedFd> {
    let mut last = Errno::NOENT;
    for above in path.ancestors().skip(1) {
        let above = if above.as_os_str().is_empty() { Path::new(".") } else { above };
        match openat(CWD, above, HANDLE.difference(OFlags::NOFOLLOW), Mode::empty()) {
            Ok(fd) => return Ok(fd),
            Err(error) => last = error,
        }
    }
    Err(errno(b"", last))
}
