//! What `stat` says, in the words of the format.
// The fields of `stat` have other widths on other machines.
#![allow(clippy::unnecessary_cast)]

use dtrvault_format::{Identity, Kind, Meta, Time};
use rustix::fs::{FileType, Stat, major, minor};

use crate::source::FileStat;

/// Smallest file that can have a hole, bytes. Below it some file systems keep the content
/// beside the inode, which then has no blocks.
const MIN_SPARSE_BYTES: u64 = 4096;

/// Unit of `st_blocks`, whatever the file system's block is, bytes.
const STAT_BLOCK_BYTES: u64 = 512;

pub(crate) fn mtime(stat: &Stat) -> Time {
    Time { secs: stat.st_mtime as i64, nanos: stat.st_mtime_nsec as u32 }
}

pub(crate) fn device(stat: &Stat) -> u64 {
    stat.st_dev as u64
}

pub(crate) fn inode(stat: &Stat) -> u64 {
    stat.st_ino as u64
}

pub(crate) fn links(stat: &Stat) -> u64 {
    stat.st_nlink as u64
}

pub(crate) fn size(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or(0)
}

pub(crate) fn file_type(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

/// All but the extended attributes.
pub(crate) fn meta(stat: &Stat) -> Meta {
    Meta {
        mode: stat.st_mode as u32 & 0o7777,
        uid: stat.st_uid,
        gid: stat.st_gid,
        mtime: mtime(stat),
        xattrs: Vec::new(),
    }
}

/// For a regular file.
pub(crate) fn file_stat(stat: &Stat) -> FileStat {
    let size = size(stat);
    let stored = (stat.st_blocks as u64).saturating_mul(STAT_BLOCK_BYTES);
    FileStat {
        size,
        identity: Identity::Inode {
            inode: inode(stat),
            ctime: Time { secs: stat.st_ctime as i64, nanos: stat.st_ctime_nsec as u32 },
        },
        sparse: size >= MIN_SPARSE_BYTES && stored < size,
    }
}

/// For what has no content: neither a file, nor a folder, nor a symbolic link.
pub(crate) fn special(stat: &Stat) -> Option<Kind> {
    let (major, minor) = (major(stat.st_rdev), minor(stat.st_rdev));
    match file_type(stat) {
        FileType::Fifo => Some(Kind::Fifo),
        FileType::Socket => Some(Kind::Socket),
        FileType::CharacterDevice => Some(Kind::CharDevice { major, minor }),
        FileType::BlockDevice => Some(Kind::BlockDevice { major, minor }),
        _ => None,
    }
}
