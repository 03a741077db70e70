//! What is known of the file system that a folder lies on.

use rustix::fd::AsFd;
use rustix::fs::fstatfs;

/// Types of file systems, by `statfs(2)`, that open a file without asking another machine or
/// another process: ext, XFS, Btrfs, tmpfs, overlay, F2FS, ZFS, bcachefs. Anywhere else files are
/// looked at by name, since an open may cost a round trip more.
const OPEN_FAST: &[u32] =
    &[0xEF53, 0x5846_5342, 0x9123_683E, 0x0102_1994, 0x794C_7630, 0xF2F5_2010, 0x2FC1_2FC1, 0xCA45_1A4E];

/// The file system of the folder that is being read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Device {
    id: Option<u64>,
    /// Types that open files fast.
    fast: &'static [u32],
    /// It has no extended attributes; asking every inode would be a waste.
    plain: bool,
    /// Files may be opened just to be looked at.
    pub(super) opens_fast: bool,
}

impl Default for Device {
    fn default() -> Self {
        Self { id: None, fast: OPEN_FAST, plain: false, opens_fast: false }
    }
}

impl Device {
    /// For file systems of which none is known.
    #[cfg(test)]
    pub(super) fn unknown() -> Self {
        Self { fast: &[], ..Self::default() }
    }

    /// Goes on to the file system of `folder`, whose device is `id`.
    pub(super) fn enter(&mut self, folder: impl AsFd, id: u64) {
        if self.id == Some(id) {
            return;
        }
        let kind = fstatfs(folder).map(|found| found.f_type);
        // The type is 32 bits, whatever the field's width and sign.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::unnecessary_cast)]
        let opens_fast = kind.is_ok_and(|kind| self.fast.contains(&(kind as u32)));
        *self = Self { id: Some(id), plain: false, opens_fast, ..*self };
    }

    pub(super) fn is_plain(&self, id: u64) -> bool {
        self.plain && self.id == Some(id)
    }

    pub(super) fn set_plain(&mut self, id: u64) {
        self.plain |= self.id == Some(id);
    }
}
