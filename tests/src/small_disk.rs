//! Disks that are soon full: real file systems in memory, with a size of the test's choice.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Set in a run of the test program that may mount.
const MAY_MOUNT: &str = "DTRVAULT_TEST_MAY_MOUNT";

/// A file system of its own on a folder, gone with its content when dropped.
#[derive(Debug)]
pub struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// Mounts one of so many bytes, and at most so many files.
    ///
    /// # Panics
    ///
    /// When it cannot be mounted: see [`with_disks`].
    pub fn mount(path: PathBuf, bytes: u64, files: Option<u64>) -> Self {
        fs::create_dir_all(&path).unwrap();
        let files = files.map_or(String::new(), |files| format!(",nr_inodes={files}"));
        mount(&["-t", "tmpfs", "-o", &format!("size={bytes},mode=0700{files}"), "tmpfs"], &path);
        Self { path }
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it another size.
    pub fn resize(&self, bytes: u64) {
        self.change(&format!("size={bytes}"));
    }

    /// Lets it have more files.
    pub fn allow_files(&self, files: u64) {
        self.change(&format!("nr_inodes={files}"));
    }

    fn change(&self, option: &str) {
        // Not the options that it has: a namespace may not set some of them again.
        mount(&["--options-mode", "ignore", "-o", &format!("remount,{option}"), "tmpfs"], &self.path);
    }

    /// Takes all room that is left but for `spare` bytes, until the file is removed.
    pub fn fill(&self, spare: u64) -> PathBuf {
        let path = self.path.join("filler");
        let mut file = File::create(&path).unwrap();
        let piece = [b'x'; 4096];
        let full = loop {
            if let Err(error) = file.write_all(&piece) {
                break error;
            }
        };
        assert_eq!(full.kind(), io::ErrorKind::StorageFull);
        let len = file.metadata().unwrap().len();
        file.set_len(len.saturating_sub(spare)).unwrap();
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // The namespace of a run of its own takes it along otherwise.
        let _ = Command::new("umount").arg("--lazy").arg(&self.path).status();
    }
}

fn mount(args: &[&str], path: &Path) {
    let done = Command::new("mount").args(args).arg(path).output().expect("mount, of the package mount");
    let words = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "cannot mount {}: {words}", path.display());
}

/// Runs a test that mounts disks: by itself where this process may, else this test once more, in
/// a namespace in which it is root.
///
/// # Panics
///
/// When the test fails, and when neither root nor a namespace can be had: then it would test nothing.
pub fn with_disks(test: &str, run: impl FnOnce()) {
    if std::env::var_os(MAY_MOUNT).is_some() || may_mount() {
        return run();
    }
    let again = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(MAY_MOUNT, "1")
        .output()
        .expect("unshare, of the package util-linux");
    let words = String::from_utf8_lossy(&again.stderr);
    let said = String::from_utf8_lossy(&again.stdout);
    assert!(again.status.success(), "{test}, run as root of a namespace of its own: {said}{words}");
    assert!(said.contains("1 passed"), "there is no test {test}: {said}");
}

fn may_mount() -> bool {
    let place = tempfile::tempdir().unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "tmpfs"]).arg(place.path()).output();
    let mounted = mounted.is_ok_and(|done| done.status.success());
    if mounted {
        Command::new("umount").arg(place.path()).status().unwrap();
    }
    mounted
}
