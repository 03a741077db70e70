//! Unfinished files: made exclusively, removed when given up, swept when a dead process left them.

use super::{Root, TEMP_DIR};
use crate::Result;
use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

/// A file nobody has written to for this long belongs to no living process. Age and not process
/// ids, which mean nothing across containers and network file systems.
const LEFTOVER_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// A file under construction; dropping it removes it unless it was renamed away.
#[derive(Debug)]
pub(super) struct Temp {
    pub(super) file: File,
    pub(super) path: PathBuf,
    pub(super) renamed: bool,
}

impl Drop for Temp {
    fn drop(&mut self) {
        if !self.renamed {
            // A leftover costs space for a day and nothing else.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Root {
    /// A new empty file that no listing shows. `key` is for messages.
    pub(super) fn temp(&self, key: &str) -> Result<Temp> {
        let dir = self.path.join(TEMP_DIR);
        if !self.swept.swap(true, Ordering::Relaxed) {
            sweep(&dir, SystemTime::now());
        }
        loop {
            let path = dir.join(random_name());
            match create(&path) {
                Ok(file) => {
                    return Ok(Temp { file, path, renamed: false });
                }
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) if e.kind() == io::ErrorKind::NotFound && self.path.is_dir() => {
                    make_dir(&dir).map_err(|e| self.write_error(key, e))?;
                }
                Err(e) => return Err(self.write_error(key, e)),
            }
        }
    }
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

fn make_dir(dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    match fs::DirBuilder::new().mode(0o700).create(dir) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(e),
        _ => Ok(()),
    }
}

/// 64 random bits: the standard library keys every hasher from the system's randomness.
fn random_name() -> String {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    format!("{:x}-{:016x}", std::process::id(), hasher.finish())
}

/// Removes what is older than [`LEFTOVER_AGE`]. Quiet: it tidies up, and the write that follows reports what is wrong.
fn sweep(dir: &Path, now: SystemTime) {
    let Ok(entries) = fs::read_dir(dir) else {
        return;
    };
    for entry in entries.flatten() {
        let old = entry
            .metadata()
            .and_then(|m| m.modified())
            .is_ok_and(|at| now.duration_since(at).is_ok_and(|age| age > LEFTOVER_AGE));
        if old {
            let _ = fs::remove_file(entry.path());
        }
    }
}
