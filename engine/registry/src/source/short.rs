//! Short files, read where the walk finds them: their folder is open then.

use dtrvault_format::{Identity, Time};
use rustix::fd::OwnedFd;
use rustix::fs::{OFlags, fstat};
use rustix::io::{Errno, read as read_some};

use super::FileStat;
use crate::inode;

/// Opens a file to read it. Not blocking: a pipe may stand there by now.
pub(super) const FILE: OFlags =
    OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

/// Which short files a walk gives with their content, where that costs less than to open them
/// once more. It may leave out any of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShortFiles {
    /// Longest of them, bytes.
    pub max_bytes: u64,
    /// Only those that changed at this time or later, by their inode; the others are known.
    pub since: Option<Time>,
}

impl ShortFiles {
    pub(super) fn wants(&self, file: &FileStat) -> bool {
        let is_new = match (&file.identity, self.since) {
            (Identity::Inode { ctime, .. }, Some(since)) => *ctime >= since,
            _ => true,
        };
        file.size <= self.max_bytes && is_new
    }
}

/// All bytes of an open file of which `mtime` and `stat` are known; `None` when they cannot be
/// had at once, or when it changed meanwhile: it is for another to open and read it then.
pub(super) fn read(fd: &OwnedFd, mtime: Time, stat: &FileStat) -> Option<Vec<u8>> {
    let len = usize::try_from(stat.size).ok()?;
    // One more: a file that has grown fills it.
    let mut bytes = vec![0; len.checked_add(1)?];
    let read = loop {
        match read_some(fd, &mut bytes) {
            Err(Errno::INTR) => {}
            other => break other.ok()?,
        }
    };
    if read != len {
        return None;
    }
    bytes.truncate(len);
    let now = fstat(fd).ok()?;
    let after = inode::file_stat(&now);
    let still = inode::mtime(&now) == mtime && after.size == stat.size && after.identity == stat.identity;
    still.then_some(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_what_stands_still_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("link");
        let look = || {
            let fd = rustix::fs::open(&path, FILE, rustix::fs::Mode::empty()).unwrap();
            let stat = fstat(&fd).unwrap();
            (fd, inode::mtime(&stat), inode::file_stat(&stat))
        };
        for content in ["", "sha256:"] {
            std::fs::write(&path, content).unwrap();
            let (fd, mtime, stat) = look();
            assert_eq!(read(&fd, mtime, &stat).as_deref(), Some(content.as_bytes()));
        }
        let rewritten = ["", "sha256:0", "SHA256:"];
        for content in rewritten {
            std::fs::write(&path, "sha256:").unwrap();
            let (fd, mtime, stat) = look();
            // The kernel's clock stands still for some milliseconds.
            std::thread::sleep(std::time::Duration::from_millis(20));
            std::fs::write(&path, content).unwrap();
            assert_eq!(read(&fd, mtime, &stat), None, "{content}");
        }
    }
}
