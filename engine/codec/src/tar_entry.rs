//! A member of a tar as listings show it. Whatever it says is a claim of the tar's writer.

use dtrvault_format::Time;

use crate::tar_header::{field, number, signed, text};
use crate::tar_parts::Member;

/// One member of a tar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TarEntry {
    /// Its name as it stands in the tar, at most 64 KiB of it. It may be absolute, lead upwards, or hold
    /// anything at all: to be shown, never to be opened.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: TarKind,
    /// Permission bits, with set-uid, set-gid and sticky: 12 bits.
    pub mode: u32,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// Last change of the content.
    pub mtime: Time,
    /// Names of its extended attributes.
    pub xattrs: Vec<Vec<u8>>,
    /// Changes with every name and value of an extended attribute.
    pub xattrs_sum: [u8; 32],
}

/// What a member is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TarKind {
    /// A regular file, or of a type that readers take for one.
    File {
        /// Length, bytes; of a sparse one with its holes.
        size: u64,
    },
    /// A folder.
    Dir,
    /// A symbolic link.
    Symlink {
        /// What it points to.
        target: Vec<u8>,
    },
    /// Another name of an earlier member, maybe one of another layer.
    Hardlink {
        /// That member's name.
        target: Vec<u8>,
    },
    /// A named pipe.
    Fifo,
    /// A character device.
    CharDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A block device.
    BlockDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
}

impl TarEntry {
    pub(crate) fn of(member: &Member<'_>) -> Self {
        let Member { block, announced, .. } = member;
        let stated = |at, length| number(field(block, at, length)).unwrap_or_default();
        let mtime = || Time::from_secs(signed(field(block, 136, 12)).unwrap_or_default());
        Self {
            path: member.name.to_vec(),
            kind: TarKind::of(member),
            mode: u32::try_from(stated(100, 8) & 0o7777).unwrap_or_default(),
            uid: announced.uid.unwrap_or_else(|| stated(108, 8)),
            gid: announced.gid.unwrap_or_else(|| stated(116, 8)),
            mtime: announced.mtime.unwrap_or_else(mtime),
            xattrs: announced.xattrs.names.clone(),
            xattrs_sum: announced.xattrs.sum,
        }
    }
}

impl TarKind {
    fn of(member: &Member<'_>) -> Self {
        let Member { block, header, announced, .. } = member;
        let target = || announced.link.clone().unwrap_or_else(|| text(field(block, 157, 100)).to_vec());
        let device = |at| number(field(block, at, 8)).and_then(|number| u32::try_from(number).ok());
        let (major, minor) = (device(329).unwrap_or_default(), device(337).unwrap_or_default());
        match header.flag {
            b'1' => Self::Hardlink { target: target() },
            b'2' => Self::Symlink { target: target() },
            b'3' => Self::CharDevice { major, minor },
            b'4' => Self::BlockDevice { major, minor },
            // `D` is a folder of GNU tar's incremental archives.
            b'5' | b'D' => Self::Dir,
            b'6' => Self::Fifo,
            // In v7 tars a slash at the end is what makes a folder.
            b'0' | 0 if member.name.last() == Some(&b'/') => Self::Dir,
            _ => {
                let old_sparse = header.is_sparse().then(|| number(field(block, 483, 12))).flatten();
                Self::File { size: announced.sparse_size.or(old_sparse).unwrap_or(member.size) }
            }
        }
    }
}
