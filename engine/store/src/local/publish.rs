//! Making a finished file visible: fsync, rename or exclusive rename, fsync of the folder.

use super::Root;
use super::temp::Temp;
use crate::{Result, StoreError};
use bytes::Bytes;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::PoisonError;

/// Folders remembered as durable; beyond that the memory starts anew.
const MAX_DURABLE_DIRS: usize = 65_536;

/// Tries of [`Root::put_new`] against a writer and a deleter that keep taking turns.
const MAX_CREATE_TRIES: usize = 8;

impl Root {
    pub(super) fn put(&self, key: &str, parts: &[Bytes]) -> Result<()> {
        let temp = self.temp(key)?;
        for part in parts {
            self.fill(key, &temp, part)?;
        }
        self.replace(key, temp)
    }

    pub(super) fn put_new(&self, key: &str, body: &[u8]) -> Result<()> {
        let mut temp = self.temp(key)?;
        self.fill(key, &temp, body)?;
        self.sync(key, &temp.file)?;
        for _ in 0..MAX_CREATE_TRIES {
            if self.place(key, &mut temp, rename_new)? {
                return self.sync_parent(key);
            }
            match self.get(key, body.len() as u64) {
                Ok(there) if *there == *body => return self.sync_parent(key),
                Ok(_) | Err(StoreError::TooLarge { .. }) => break,
                Err(StoreError::NotFound { .. }) if self.path_of(key).is_dir() => break,
                // Deleted between the two looks.
                Err(StoreError::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Err(StoreError::AlreadyExists { key: key.to_owned() })
    }

    pub(super) fn fill(&self, key: &str, temp: &Temp, body: &[u8]) -> Result<()> {
        (&temp.file).write_all(body).map_err(|e| self.write_error(key, e))
    }

    /// Makes the file durable, then visible under `key` whatever was there.
    pub(super) fn replace(&self, key: &str, mut temp: Temp) -> Result<()> {
        self.sync(key, &temp.file)?;
        self.place(key, &mut temp, |from, to| fs::rename(from, to).map(|()| true))?;
        self.sync_parent(key)
    }

    pub(super) fn delete(&self, key: &str) -> Result<()> {
        match fs::remove_file(self.path_of(key)) {
            Ok(()) => {
                note("remove", Path::new(key));
                self.sync_parent(key)
            }
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(()),
            // A folder is no object, so there is nothing to delete.
            Err(_) if self.path_of(key).is_dir() => Ok(()),
            Err(e) => Err(self.write_error(key, e)),
        }
    }

    /// Renames into a folder that is on disk. `false`: the name is taken.
    fn place(
        &self,
        key: &str,
        temp: &mut Temp,
        rename: impl Fn(&Path, &Path) -> io::Result<bool>,
    ) -> Result<bool> {
        let target = self.path_of(key);
        let dir = target.parent().unwrap_or(&self.path);
        self.ensure_dir(dir).map_err(|e| self.write_error(key, e))?;
        note("rename", Path::new(key));
        let placed = match rename(&temp.path, &target) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                // Somebody tidied up the empty folder since it was last used.
                self.durable().remove(dir);
                self.ensure_dir(dir).map_err(|e| self.write_error(key, e))?;
                rename(&temp.path, &target)
            }
            done => done,
        };
        temp.renamed = placed.map_err(|e| self.write_error(key, e))?;
        Ok(temp.renamed)
    }

    /// Creates the folder where needed, and fsyncs every folder above it once per process:
    /// another process may have created it and not come that far.
    fn ensure_dir(&self, dir: &Path) -> io::Result<()> {
        if self.durable().contains(dir) {
            return Ok(());
        }
        if dir != self.path {
            // The root is never made again: a disk that is no longer mounted must not be written beside.
            fs::metadata(&self.path)?;
            make_dirs(dir)?;
            let above = dir.ancestors().skip(1);
            for parent in above.take_while(|p| p.starts_with(&self.path)) {
                sync_dir(parent)?;
            }
        }
        let mut durable = self.durable();
        if durable.len() >= MAX_DURABLE_DIRS {
            durable.clear();
        }
        durable.insert(dir.to_owned());
        Ok(())
    }

    fn durable(&self) -> std::sync::MutexGuard<'_, std::collections::HashSet<std::path::PathBuf>> {
        self.durable.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sync(&self, key: &str, file: &File) -> Result<()> {
        note("fsync file", Path::new(key));
        file.sync_all().map_err(|e| self.write_error(key, e))
    }

    fn sync_parent(&self, key: &str) -> Result<()> {
        let target = self.path_of(key);
        let dir = target.parent().unwrap_or(&self.path);
        match sync_dir(dir) {
            // Gone with everything in it, so there is no entry left to make durable.
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done.map_err(|e| self.write_error(key, e)),
        }
    }
}

/// Creates the folder and all above it, mode 0700, and makes the new names durable.
pub(super) fn create_dirs(dir: &Path) -> io::Result<()> {
    let created = dir.ancestors().take_while(|p| !p.is_dir()).count();
    make_dirs(dir)?;
    dir.ancestors().skip(1).take(created).try_for_each(sync_dir)
}

fn make_dirs(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    note("fsync folder", dir);
    File::open(dir)?.sync_all()
}

/// Tells a test of the step that comes now: no test can see what a lost fsync costs.
fn note(_step: &'static str, _path: &Path) {
    #[cfg(test)]
    tests::STEPS.with_borrow_mut(|steps| steps.push((_step, _path.to_owned())));
}

/// Renames unless the target exists; `false` then.
fn rename_new(from: &Path, to: &Path) -> io::Result<bool> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        use rustix::io::Errno;
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            Ok(()) => return Ok(true),
            Err(Errno::EXIST) => return Ok(false),
            // NFS and some FUSE file systems know no flags; a link is exclusive on them.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {}
            Err(e) => return Err(e.into()),
        }
    }
    link_new(from, to)
}

/// Exclusive by a hard link, which every file system but the simplest has.
fn link_new(from: &Path, to: &Path) -> io::Result<bool> {
    match fs::hard_link(from, to) {
        Ok(()) => {
            // The object stands; a second name in the temporary folder is swept later.
            let _ = fs::remove_file(from);
            Ok(true)
        }
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(e) => Err(e),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::Local;
    use std::cell::RefCell;
    use std::path::PathBuf;

    thread_local! {
        pub(super) static STEPS: RefCell<Vec<(&'static str, PathBuf)>> = const { RefCell::new(Vec::new()) };
    }

    /// The steps of `work`, with paths from the store's folder on.
    fn steps(root: &Root, work: impl FnOnce(&Root)) -> Vec<String> {
        STEPS.take();
        work(root);
        let shown = |path: PathBuf| path.strip_prefix(&root.path).unwrap_or(&path).display().to_string();
        STEPS.take().into_iter().map(|(step, path)| format!("{step} {}", shown(path))).collect()
    }

    #[test]
    fn what_is_written_is_synced_before_it_has_its_name_and_its_name_after() {
        let dir = tempfile::tempdir().unwrap();
        let root = Local::open(dir.path(), false).unwrap().root;
        let first = steps(&root, |root| root.put("packs/aa/1", &[Bytes::from_static(b"x")]).unwrap());
        // The new folders' names, each in the folder above; then the object's own.
        let folders = ["fsync folder packs", "fsync folder "];
        assert_eq!(first[0], "fsync file packs/aa/1");
        assert_eq!(first[1..3], folders);
        assert_eq!(first[3..], ["rename packs/aa/1", "fsync folder packs/aa"]);
        let again = ["fsync file packs/aa/2", "rename packs/aa/2", "fsync folder packs/aa"];
        assert_eq!(steps(&root, |root| root.put("packs/aa/2", &[Bytes::from_static(b"x")]).unwrap()), again);
        let new = steps(&root, |root| root.put_new("packs/aa/3", b"x").unwrap());
        assert_eq!(new, ["fsync file packs/aa/3", "rename packs/aa/3", "fsync folder packs/aa"]);
        // Another has written the same: it may not have come to its last fsync yet.
        let same = steps(&root, |root| root.put_new("packs/aa/3", b"x").unwrap());
        assert_eq!(same.last().unwrap(), "fsync folder packs/aa");
        let gone = steps(&root, |root| root.delete("packs/aa/1").unwrap());
        assert_eq!(gone, ["remove packs/aa/1", "fsync folder packs/aa"]);
    }

    #[test]
    fn both_ways_to_create_are_exclusive() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        for way in [rename_new, link_new] {
            fs::write(&from, "first").unwrap();
            assert!(way(&from, &to).unwrap());
            assert!(!from.exists());
            fs::write(&from, "second").unwrap();
            assert!(!way(&from, &to).unwrap());
            assert_eq!(fs::read(&to).unwrap(), b"first");
            fs::remove_file(&to).unwrap();
        }
    }
}
