//! A folder as a target.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use dtrvault_format::{Entry, Kind};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{
    AtFlags, CWD, Dev, FileType, FlockOperation, Mode, OFlags, Stat, flock, fstat, fstatvfs, linkat, makedev,
    mkdirat, mknodat, openat, readlinkat, statat, symlinkat, unlinkat,
};
use rustix::io::Errno;
use rustix::process::geteuid;

use super::metadata::{self, Counters};
use super::parents::Parents;
use super::writer::{LocalWriter, Temporary};
use super::{Existing, FileWriter, Notes, Result, SCRATCH, Target, TargetError, TargetPlan, check_path};
use crate::beneath::{self, FOLDER, HANDLE, Root};
use crate::handle::Handle;
use crate::inode;

/// A folder to restore into. Whatever it holds, nothing outside of it is touched.
#[derive(Debug)]
pub struct Local {
    path: PathBuf,
    location: String,
    state: OnceLock<State>,
}

/// What [`Target::begin`] has found.
#[derive(Debug)]
enum State {
    Begun(Arc<Begun>),
    /// The folder, if there is one.
    DryRun(Option<Parents>),
}

/// A restore under way.
#[derive(Debug)]
pub(super) struct Begun {
    parents: Parents,
    /// Locked as long as it is open.
    scratch: OwnedFd,
    device: u64,
    number: AtomicU64,
    counters: Counters,
    /// Folders whose metadata would be in the way until the end.
    late: Mutex<Vec<Entry>>,
}

impl Begun {
    pub(super) fn parents(&self) -> &Parents {
        &self.parents
    }

    pub(super) fn scratch(&self) -> BorrowedFd<'_> {
        self.scratch.as_fd()
    }

    pub(super) fn device(&self) -> u64 {
        self.device
    }

    pub(super) fn counters(&self) -> &Counters {
        &self.counters
    }

    pub(super) fn next_number(&self) -> u64 {
        self.number.fetch_add(1, Ordering::Relaxed)
    }
}

impl Local {
    /// Nothing is looked at, or created, before [`Target::begin`].
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), location: path.display().to_string(), state: OnceLock::new() }
    }

    fn begun(&self) -> Result<&Arc<Begun>> {
        match self.state.get() {
            Some(State::Begun(begun)) => Ok(begun),
            _ => Err(TargetError::NotBegun),
        }
    }

    /// Folders to look into; none in a dry run without a root.
    fn parents(&self) -> Result<Option<&Parents>> {
        match self.state.get() {
            Some(State::Begun(begun)) => Ok(Some(&begun.parents)),
            Some(State::DryRun(parents)) => Ok(parents.as_ref()),
            None => Err(TargetError::NotBegun),
        }
    }

    /// Refuses a root that holds something, unless an interrupted restore has left it.
    fn check_content(&self, root: &OwnedFd) -> Result<()> {
        if statat(root, SCRATCH, AtFlags::SYMLINK_NOFOLLOW).is_ok() {
            return Ok(());
        }
        let mut names = rustix::fs::Dir::read_from(root).map_err(|e| errno(b"", e))?;
        let foreign = names.find_map(|entry| match entry {
            // A new file system has the last one.
            Ok(entry) if matches!(entry.file_name().to_bytes(), b"." | b".." | b"lost+found") => None,
            other => Some(other.map(|_| ())),
        });
        match foreign {
            None => Ok(()),
            Some(Ok(())) => Err(TargetError::NotEmpty { location: self.location.clone() }),
            Some(Err(error)) => Err(errno(b"", error)),
        }
    }

    fn open_root(&self) -> std::result::Result<OwnedFd, Errno> {
        // The root itself may be a symbolic link: the operator named it.
        let flags = FOLDER.difference(OFlags::NOFOLLOW);
        openat(CWD, &self.path, flags, Mode::empty())
    }

    fn root_error(&self, error: Errno) -> TargetError {
        match error {
            Errno::NOTDIR => TargetError::NotAFolder { location: self.location.clone() },
            error => errno(b"", error),
        }
    }

    /// Opens or creates our own folder, for us alone, and empties it.
    fn open_scratch(&self, root: &OwnedFd) -> Result<OwnedFd> {
        match mkdirat(root, SCRATCH, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(errno(SCRATCH, error)),
        }
        let scratch = openat(root, SCRATCH, FOLDER, Mode::empty()).map_err(|e| errno(SCRATCH, e))?;
        let stat = fstat(&scratch).map_err(|e| errno(SCRATCH, e))?;
        if stat.st_uid != geteuid().as_raw() {
            return Err(TargetError::Conflict { path: SCRATCH.to_vec(), found: "a folder of someone else" });
        }
        match flock(&scratch, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                return Err(TargetError::Busy { location: self.location.clone() });
            }
            // Some network file systems know no locks.
            Err(Errno::NOTSUP | Errno::NOSYS | Errno::NOLCK) => {}
            Err(error) => return Err(errno(SCRATCH, error)),
        }
        empty(&scratch).map_err(|e| errno(SCRATCH, e))?;
        Ok(scratch)
    }

    /// By what handle the metadata of what stands at the entry's path can be set.
    fn set_metadata(&self, begun: &Begun, entry: &Entry) -> Result<()> {
        let path = &entry.path;
        if path.is_empty() {
            let handle = Handle::Open(begun.parents.root().fd());
            metadata::set(&handle, &entry.meta, &begun.counters);
            return Ok(());
        }
        let folder = begun.parents.find(path).map_err(|e| errno(path, e))?;
        let (_, name) = beneath::parent(path);
        let set = |handle: &Handle<'_>| -> Result<()> {
            let stat = handle.stat().map_err(|e| errno(path, e))?;
            if !same_type(&stat, &entry.kind) {
                return Err(TargetError::Conflict { path: path.clone(), found: kind_of(&stat) });
            }
            metadata::set(handle, &entry.meta, &begun.counters);
            Ok(())
        };
        if matches!(entry.kind, Kind::Symlink { .. }) {
            return set(&Handle::name(folder.fd.as_fd(), name));
        }
        if matches!(entry.kind, Kind::Dir | Kind::File(_)) {
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            if let Ok(fd) = openat(&folder.fd, name, flags, Mode::empty()) {
                return set(&Handle::Open(fd.as_fd()));
            }
        }
        // What may not be opened can be reached all the same.
        let fd = openat(&folder.fd, name, HANDLE, Mode::empty()).map_err(|e| errno(path, e))?;
        set(&Handle::path(&fd))
    }
}

impl Target for Local {
    fn location(&self) -> &str {
        &self.location
    }

    fn begin(&self, plan: &TargetPlan) -> Result<()> {
        let root = match self.open_root() {
            Err(Errno::NOENT) if !plan.dry_run => {
                std::fs::create_dir_all(&self.path)
                    .map_err(|source| TargetError::Io { path: Vec::new(), source })?;
                Some(self.open_root().map_err(|e| self.root_error(e))?)
            }
            Err(Errno::NOENT) => None,
            other => Some(other.map_err(|e| self.root_error(e))?),
        };
        match &root {
            Some(root) => {
                if !plan.allow_existing {
                    self.check_content(root)?;
                }
                check_space(root, plan.bytes_needed)?;
            }
            None => check_space(&nearest(&self.path)?, plan.bytes_needed)?,
        }
        let state = match root {
            Some(root) if !plan.dry_run => {
                let scratch = self.open_scratch(&root)?;
                let stat = fstat(&scratch).map_err(|e| errno(SCRATCH, e))?;
                State::Begun(Arc::new(Begun {
                    parents: Parents::new(Root::new(root)),
                    scratch,
                    device: inode::device(&stat),
                    number: AtomicU64::new(0),
                    counters: Counters::default(),
                    late: Mutex::new(Vec::new()),
                }))
            }
            root => State::DryRun(root.map(|root| Parents::new(Root::new(root)))),
        };
        self.state.set(state).map_err(|_| TargetError::Busy { location: self.location.clone() })
    }

    fn existing(&self, entry: &Entry) -> Result<Existing> {
        check_path(&entry.path)?;
        let path = &entry.path;
        let Some(parents) = self.parents()? else {
            return Ok(Existing::Absent);
        };
        if path.is_empty() {
            return Ok(Existing::SameOther);
        }
        let (_, name) = beneath::parent(path);
        let folder = match parents.find(path) {
            Ok(folder) => folder,
            Err(Errno::NOENT) => return Ok(Existing::Absent),
            Err(Errno::NOTDIR | Errno::LOOP) => {
                return Ok(Existing::Conflict { found: "no folder above it" });
            }
            Err(error) => return Err(errno(path, error)),
        };
        let stat = match statat(&folder.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(Existing::Absent),
            Err(error) => return Err(errno(path, error)),
        };
        let same = match &entry.kind {
            Kind::File(_) if inode::file_type(&stat) == FileType::RegularFile => {
                let size = inode::size(&stat);
                return Ok(Existing::File { size });
            }
            Kind::Symlink { target } => readlinkat(&folder.fd, name, Vec::new())
                .is_ok_and(|found| found.as_bytes() == target.as_slice()),
            Kind::Hardlink { target } => {
                let (_, other) = beneath::parent(target);
                let other = parents
                    .find(target)
                    .and_then(|folder| statat(&folder.fd, other, AtFlags::SYMLINK_NOFOLLOW));
                other.is_ok_and(|other| {
                    inode::device(&other) == inode::device(&stat)
                        && inode::inode(&other) == inode::inode(&stat)
                })
            }
            Kind::Dir => inode::file_type(&stat) == FileType::Directory,
            kind => inode::special(&stat).as_ref() == Some(kind),
        };
        Ok(if same { Existing::SameOther } else { Existing::Conflict { found: kind_of(&stat) } })
    }

    fn read(&self, path: &[u8]) -> Result<Box<dyn Read + Send>> {
        check_path(path)?;
        let parents = self.parents()?.ok_or(TargetError::NotBegun)?;
        let (_, name) = beneath::parent(path);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let folder = parents.find(path).map_err(|e| errno(path, e))?;
        let fd = openat(&folder.fd, name, flags, Mode::empty()).map_err(|e| errno(path, e))?;
        let stat = fstat(&fd).map_err(|e| errno(path, e))?;
        if inode::file_type(&stat) != FileType::RegularFile {
            return Err(TargetError::Conflict { path: path.to_vec(), found: kind_of(&stat) });
        }
        Ok(Box::new(File::from(fd)))
    }

    fn dir(&self, entry: &Entry) -> Result<()> {
        check_path(&entry.path)?;
        let begun = self.begun()?;
        let path = &entry.path;
        if path.is_empty() {
            return Ok(());
        }
        let folder = begun.parents.make(path).map_err(|e| errno(path, e))?;
        let (_, name) = beneath::parent(path);
        match mkdirat(&folder.fd, name, Mode::RWXU) {
            Ok(()) => return Ok(()),
            Err(Errno::EXIST) => {}
            Err(error) => return Err(errno(path, error)),
        }
        let fd = openat(&folder.fd, name, HANDLE, Mode::empty()).map_err(|e| errno(path, e))?;
        let stat = fstat(&fd).map_err(|e| errno(path, e))?;
        if inode::file_type(&stat) != FileType::Directory {
            return Err(TargetError::Conflict { path: path.clone(), found: kind_of(&stat) });
        }
        let mode = inode::meta(&stat).mode;
        if mode & 0o700 != 0o700 && !geteuid().is_root() {
            // An earlier restore may have finished it already.
            let handle = Handle::path(&fd);
            handle.set_mode(mode | 0o700).map_err(|e| errno(path, e))?;
        }
        Ok(())
    }

    fn file(&self, entry: &Entry) -> Result<Box<dyn FileWriter>> {
        check_path(&entry.path)?;
        Ok(Box::new(LocalWriter::new(self.begun()?, entry)?))
    }

    fn other(&self, entry: &Entry) -> Result<()> {
        check_path(&entry.path)?;
        let begun = self.begun()?;
        let path = &entry.path;
        let folder = begun.parents.make(path).map_err(|e| errno(path, e))?;
        let temporary = Temporary::new(begun, &folder);
        let (at, name) = (temporary.folder(), temporary.name());
        let node = |file_type, device| mknodat(at, name, file_type, Mode::RUSR | Mode::WUSR, device);
        let device = |major, minor| makedev(major, minor);
        let none: Dev = 0;
        let made = match &entry.kind {
            Kind::Symlink { target } => symlinkat(target, at, name),
            Kind::Hardlink { target } => {
                check_path(target)?;
                link(begun, target, &temporary)
            }
            Kind::Fifo => node(FileType::Fifo, none),
            Kind::Socket => node(FileType::Socket, none),
            Kind::CharDevice { major, minor } => node(FileType::CharacterDevice, device(*major, *minor)),
            Kind::BlockDevice { major, minor } => node(FileType::BlockDevice, device(*major, *minor)),
            Kind::Dir | Kind::File(_) => {
                return Err(TargetError::Conflict {
                    path: path.clone(),
                    found: "the entry is a folder or a file",
                });
            }
        };
        match made {
            Ok(()) => {}
            // Devices take privilege, and some file systems take no sockets or links.
            Err(Errno::PERM | Errno::NOTSUP | Errno::NOSYS) => {
                begun.counters.leave_out();
                return Ok(());
            }
            Err(error) => return Err(errno(path, error)),
        }
        if !matches!(entry.kind, Kind::Hardlink { .. }) {
            let handle = Handle::name(at, name.as_bytes());
            metadata::set(&handle, &entry.meta, &begun.counters);
        }
        let (_, name) = beneath::parent(path);
        let published = temporary.publish(&folder, name);
        published.map_err(|e| errno(path, e))
    }

    fn touch(&self, entry: &Entry) -> Result<()> {
        check_path(&entry.path)?;
        // Another name of a file has no metadata of its own.
        if matches!(entry.kind, Kind::Hardlink { .. }) {
            return Ok(());
        }
        self.set_metadata(self.begun()?, entry)
    }

    fn finish_dir(&self, entry: &Entry) -> Result<()> {
        check_path(&entry.path)?;
        let begun = self.begun()?;
        let closes = entry.meta.mode & 0o700 != 0o700 && !geteuid().is_root();
        if closes || entry.path.is_empty() {
            let mut late = begun.late.lock().unwrap_or_else(PoisonError::into_inner);
            late.push(entry.clone());
            return Ok(());
        }
        self.set_metadata(begun, entry)
    }

    fn end(&self) -> Result<()> {
        let begun = self.begun()?;
        let root = begun.parents.root().fd();
        empty(&begun.scratch).map_err(|e| errno(SCRATCH, e))?;
        match unlinkat(root, SCRATCH, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(errno(SCRATCH, error)),
        }
        let mut late = begun.late.lock().unwrap_or_else(PoisonError::into_inner);
        // The deepest first: the others may bar the way to them.
        late.sort_by(|a, b| dtrvault_format::tree::path_order(&b.path, &a.path));
        for entry in late.drain(..) {
            self.set_metadata(begun, &entry)?;
        }
        begun.parents.sync().map_err(|e| errno(b"", e))
    }

    fn notes(&self) -> Notes {
        self.begun().map_or_else(|_| Notes::default(), |begun| begun.counters.notes())
    }
}

/// One more name for the file at `target`, which must be one.
fn link(begun: &Begun, target: &[u8], temporary: &Temporary) -> std::result::Result<(), Errno> {
    let folder = begun.parents.find(target)?;
    let (_, name) = beneath::parent(target);
    let (at, new) = (temporary.folder(), temporary.name());
    linkat(&folder.fd, name, at, new, AtFlags::empty())?;
    let stat = statat(at, new, AtFlags::SYMLINK_NOFOLLOW)?;
    if inode::file_type(&stat) != FileType::RegularFile {
        return Err(Errno::LOOP);
    }
    Ok(())
}

/// Removes the files in our own folder, where there are no folders.
fn empty(scratch: &OwnedFd) -> std::result::Result<(), Errno> {
    for entry in rustix::fs::Dir::read_from(scratch)? {
        let entry = entry?;
        let name = entry.file_name();
        if !matches!(name.to_bytes(), b"." | b"..") {
            unlinkat(scratch, name, AtFlags::empty())?;
        }
    }
    Ok(())
}

fn check_space(folder: &impl AsFd, needed: u64) -> Result<()> {
    let free = fstatvfs(folder).map_err(|e| errno(b"", e))?;
    let available = free.f_bavail.saturating_mul(free.f_frsize);
    if needed > available {
        return Err(TargetError::NoSpace { needed, available });
    }
    Ok(())
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

fn same_type(stat: &Stat, kind: &Kind) -> bool {
    match (inode::file_type(stat), kind) {
        (FileType::Directory, Kind::Dir)
        | (FileType::RegularFile, Kind::File(_))
        | (FileType::Symlink, Kind::Symlink { .. }) => true,
        (_, kind) => inode::special(stat).as_ref() == Some(kind),
    }
}

fn kind_of(stat: &Stat) -> &'static str {
    match inode::file_type(stat) {
        FileType::Directory => "a folder",
        FileType::RegularFile => "a file",
        FileType::Symlink => "a symbolic link",
        FileType::Fifo => "a pipe",
        FileType::Socket => "a socket",
        _ => "a device",
    }
}

/// Sorts an error: what is in the way is told apart from what fails.
pub(super) fn errno(path: &[u8], error: Errno) -> TargetError {
    let path = path.to_vec();
    match error {
        Errno::LOOP => TargetError::Conflict { path, found: "a symbolic link" },
        Errno::NOTDIR => TargetError::Conflict { path, found: "no folder" },
        Errno::ISDIR => TargetError::Conflict { path, found: "a folder" },
        error => TargetError::Io { path, source: io::Error::from(error) },
    }
}
