//! A folder as a target.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use dtrvault_format::{Entry, Kind};
use rustix::fd::AsFd;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, fstat, mkdirat, openat, readlinkat, statat};
use rustix::io::Errno;
use rustix::process::geteuid;

use super::begin::{self, Begun};
use super::parents::Parents;
use super::writer::LocalWriter;
use super::{
    Existing, FileWriter, Notes, Result, Target, TargetError, TargetPlan, check_path, metadata, node,
};
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
            Some(State::Begun(begun)) => Ok(Some(begun.parents())),
            Some(State::DryRun(parents)) => Ok(parents.as_ref()),
            None => Err(TargetError::NotBegun),
        }
    }

    /// By what handle the metadata of what stands at the entry's path can be set.
    fn set_metadata(&self, begun: &Begun, entry: &Entry) -> Result<()> {
        let path = &entry.path;
        if path.is_empty() {
            let handle = Handle::Open(begun.parents().root().fd());
            metadata::set(&handle, &entry.meta, begun.counters());
            return Ok(());
        }
        let folder = begun.parents().find(path).map_err(|e| errno(path, e))?;
        let (_, name) = beneath::parent(path);
        let set = |handle: &Handle<'_>| -> Result<()> {
            let stat = handle.stat().map_err(|e| errno(path, e))?;
            if !same_type(&stat, &entry.kind) {
                return Err(TargetError::Conflict { path: path.clone(), found: kind_of(&stat) });
            }
            metadata::set(handle, &entry.meta, begun.counters());
            Ok(())
        };
        if matches!(entry.kind, Kind::Symlink { .. }) {
            return set(&Handle::name(folder.fd.as_fd(), name));
        }
        if entry.kind == Kind::Dir
            && let Ok(fd) = openat(&folder.fd, name, FOLDER, Mode::empty())
        {
            return set(&Handle::Open(fd.as_fd()));
        }
        // Not opened: it may not be readable, or be a device by now.
        let fd = openat(&folder.fd, name, HANDLE, Mode::empty()).map_err(|e| errno(path, e))?;
        set(&Handle::path(&fd))
    }
}

impl Target for Local {
    fn location(&self) -> &str {
        &self.location
    }

    fn begin(&self, plan: &TargetPlan) -> Result<()> {
        let state = match begin::root(&self.path, plan)? {
            Some(root) if !plan.dry_run => State::Begun(Arc::new(Begun::new(&self.location, root)?)),
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
        let folder = begun.parents().make(path).map_err(|e| errno(path, e))?;
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
        node::create(self.begun()?, entry)
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
            begun.late().push(entry.clone());
            return Ok(());
        }
        self.set_metadata(begun, entry)
    }

    fn end(&self) -> Result<()> {
        let begun = self.begun()?;
        let (root, mut late): (Vec<_>, Vec<_>) =
            begun.late().drain(..).partition(|entry| entry.path.is_empty());
        // The deepest first: the others may bar the way to them.
        late.sort_by(|a, b| dtrvault_format::tree::path_order(&b.path, &a.path));
        for entry in &late {
            self.set_metadata(begun, entry)?;
        }
        begun.parents().sync().map_err(|e| errno(b"", e))?;
        // Only now, because it marks a restore that is not done; but before the root is as it
        // was, because removing it changes the root.
        begun.remove_scratch()?;
        for entry in &root {
            self.set_metadata(begun, entry)?;
        }
        begun.parents().sync().map_err(|e| errno(b"", e))
    }

    fn notes(&self) -> Notes {
        self.begun().map_or_else(|_| Notes::default(), |begun| begun.counters().notes())
    }
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
