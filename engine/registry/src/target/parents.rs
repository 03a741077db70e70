//! Folders of a target by path: opened without following links, created where missing, and the
//! last one kept open, since entries come in tree order.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{Mode, fstat, mkdirat, openat, syncfs};
use rustix::io::Errno;

use crate::beneath::{self, FOLDER, Root};
use crate::inode;

/// An open folder.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) fd: OwnedFd,
    pub(super) device: u64,
}

/// The folders of one target.
#[derive(Debug)]
pub(super) struct Parents {
    root: Root,
    last: Mutex<Option<(Vec<u8>, Arc<Folder>)>>,
    /// One folder of every file system that was written to.
    devices: Mutex<BTreeMap<u64, Arc<Folder>>>,
}

impl Parents {
    pub(super) fn new(root: Root) -> Self {
        Self { root, last: Mutex::new(None), devices: Mutex::new(BTreeMap::new()) }
    }

    pub(super) fn root(&self) -> &Root {
        &self.root
    }

    /// The folder that `path` stands in; [`Errno::NOENT`] when it is missing.
    pub(super) fn find(&self, path: &[u8]) -> Result<Arc<Folder>, Errno> {
        let (folder, _) = beneath::parent(path);
        self.get(folder, || self.root.folder(folder))
    }

    /// The folder that `path` stands in, created with all that are missing above it.
    pub(super) fn make(&self, path: &[u8]) -> Result<Arc<Folder>, Errno> {
        let (folder, _) = beneath::parent(path);
        let folder = self.get(folder, || match self.root.folder(folder) {
            Err(Errno::NOENT) => self.create(folder),
            other => other,
        })?;
        lock(&self.devices).entry(folder.device).or_insert_with(|| Arc::clone(&folder));
        Ok(folder)
    }

    /// Makes durable what was written to all file systems.
    pub(super) fn sync(&self) -> Result<(), Errno> {
        syncfs(self.root.fd())?;
        let devices = lock(&self.devices);
        devices.values().try_for_each(|folder| syncfs(&folder.fd))
    }

    fn get(&self, path: &[u8], open: impl FnOnce() -> Result<OwnedFd, Errno>) -> Result<Arc<Folder>, Errno> {
        if let Some((last, folder)) = &*lock(&self.last)
            && last == path
        {
            return Ok(Arc::clone(folder));
        }
        let fd = open()?;
        let device = inode::device(&fstat(&fd)?);
        let folder = Arc::new(Folder { fd, device });
        *lock(&self.last) = Some((path.to_vec(), Arc::clone(&folder)));
        Ok(folder)
    }

    /// One component after the other; another thread may create the same.
    fn create(&self, path: &[u8]) -> Result<OwnedFd, Errno> {
        let mut at: Option<OwnedFd> = None;
        for name in path.split(|byte| *byte == b'/') {
            let folder = at.as_ref().map_or(self.root.fd(), AsFd::as_fd);
            match mkdirat(folder, name, Mode::RWXU) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error),
            }
            at = Some(openat(folder, name, FOLDER, Mode::empty())?);
        }
        at.ok_or(Errno::NOENT)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
