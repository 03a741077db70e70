//! Where the map of a source stands, and how long.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Maps of names that differ in their digits alone, of which the newest are kept.
const KEPT: usize = 8;
/// An unfinished file of this age is of a process that died.
const DEAD: Duration = Duration::from_hours(24);

/// Place of a source's map. Names that differ in digits alone share a folder, since a tar is
/// often named for its day; yet each has a map of its own, since hosts are told apart so, too.
#[derive(Debug, Clone)]
pub(super) struct Place {
    dir: PathBuf,
    name: String,
}

/// `name` without the digits in it: what yesterday's tar is recognised by.
fn family(name: &str) -> String {
    let mut family = String::new();
    for c in name.chars() {
        match c {
            '0'..='9' if family.ends_with('#') => {}
            '0'..='9' => family.push('#'),
            other => family.push(other),
        }
    }
    family
}

/// Whether two names are probably those of one source at two times.
pub(super) fn same_family(one: &str, other: &str) -> bool {
    family(one) == family(other)
}

fn short_hash(host: &str, name: &str) -> String {
    let mut hex = blake3::hash(format!("{host}\0{name}").as_bytes()).to_hex().to_string();
    hex.truncate(32);
    hex
}

impl Place {
    pub(super) fn new(cache_dir: &Path, host: &str, name: &str) -> Self {
        let dir = cache_dir.join("rows").join(short_hash(host, &family(name)));
        Self { dir, name: short_hash(host, name) }
    }

    /// This source's map; or else the newest of its family. Whether it is its own.
    pub(super) fn find(&self) -> Option<(PathBuf, bool)> {
        let own = self.dir.join(&self.name);
        if own.exists() {
            return Some((own, true));
        }
        self.maps().into_iter().next_back().map(|(_, path)| (path, false))
    }

    /// Maps of the family, the newest last.
    fn maps(&self) -> Vec<(std::time::SystemTime, PathBuf)> {
        let files = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let mut maps: Vec<_> = files
            .filter(|file| file.path().extension().is_none())
            .filter_map(|file| Some((file.metadata().ok()?.modified().ok()?, file.path())))
            .collect();
        maps.sort();
        maps
    }

    fn create(&self) -> io::Result<(PathBuf, File)> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.dir)?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = self.dir.join(format!("{}.{}-{number}.part", self.name, std::process::id()));
        let _ = fs::remove_file(&path);
        let file = File::options().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
        Ok((path, file))
    }

    /// A file that has no name.
    pub(super) fn spare(&self) -> io::Result<File> {
        let (path, file) = self.create()?;
        fs::remove_file(path)?;
        Ok(file)
    }

    /// Puts what `write` makes in the place of the map there was, all of it or nothing.
    pub(super) fn replace(&self, write: impl FnOnce(&File) -> io::Result<()>) -> io::Result<()> {
        let (path, file) = self.create()?;
        let placed = write(&file).and_then(|()| fs::rename(&path, self.dir.join(&self.name)));
        if placed.is_err() {
            let _ = fs::remove_file(&path);
        } else {
            self.tidy();
        }
        placed
    }

    /// Removes what nobody will ask for. Whatever cannot be removed stays.
    fn tidy(&self) {
        let maps = self.maps();
        for (_, path) in maps.iter().take(maps.len().saturating_sub(KEPT)) {
            let _ = fs::remove_file(path);
        }
        for file in fs::read_dir(&self.dir).into_iter().flatten().flatten() {
            let age =
                file.metadata().and_then(|meta| meta.modified()).ok().and_then(|time| time.elapsed().ok());
            if file.path().extension().is_some() && age.is_some_and(|age| age > DEAD) {
                let _ = fs::remove_file(file.path());
            }
        }
    }

    /// Removes a map that is of no use.
    pub(super) fn discard(&self, path: &Path) {
        let _ = fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn names_of_one_source_share_a_family() {
        assert!(same_family("dtr-2026-11-20.tar", "dtr-2026-9-1.tar"));
        assert!(!same_family("dtr.tar", "registry.tar"));
        assert!(!same_family("dtr.tar", "dtr-1.tar"));
    }

    #[test]
    fn each_source_has_its_own_map_and_old_ones_go() {
        use std::io::Write;
        let dir = tempfile::tempdir().unwrap();
        let place = |name: &str| Place::new(dir.path(), "host", name);
        assert_eq!(place("1").find(), None);
        for n in 0..20 {
            place(&n.to_string()).replace(|mut file| file.write_all(&[n])).unwrap();
            let (found, is_own) = place(&n.to_string()).find().unwrap();
            assert_eq!((fs::read(found).unwrap(), is_own), (vec![n], true));
        }
        // One that is not there any more is made up for by a newer one.
        let (found, is_own) = place("0").find().unwrap();
        assert!(fs::read(found).unwrap()[0] >= 12 && !is_own);
        assert_eq!(place("0").maps().len(), KEPT);
        assert!(place("0").replace(|_| Err(io::ErrorKind::StorageFull.into())).is_err());
        assert_eq!(fs::read_dir(&place("0").dir).unwrap().count(), KEPT);
        assert_eq!(Place::new(dir.path(), "other", "19").find(), None);
    }
}
