//! Owner, mode, attributes and times of an inode, in the one order that keeps them all.

use std::sync::atomic::{AtomicU64, Ordering};

use dtrvault_format::Meta;
use rustix::fs::FileType;

use super::Notes;
use crate::handle::Handle;
use crate::{inode, xattrs};

const SET_IDS: u32 = 0o6000;

/// [`Notes`] that threads count together.
#[derive(Debug, Default)]
pub(super) struct Counters {
    owners: AtomicU64,
    modes: AtomicU64,
    xattrs: AtomicU64,
    left_out: AtomicU64,
}

impl Counters {
    pub(super) fn leave_out(&self) {
        self.left_out.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn notes(&self) -> Notes {
        Notes {
            owners: self.owners.load(Ordering::Relaxed),
            modes: self.modes.load(Ordering::Relaxed),
            xattrs: self.xattrs.load(Ordering::Relaxed),
            left_out: self.left_out.load(Ordering::Relaxed),
        }
    }
}

/// Sets everything of `meta`; counts what the system refuses. Owner first, since changing it
/// clears set-uid and capabilities; attributes after the mode, since an ACL holds part of it; times last.
pub(super) fn set(handle: &Handle<'_>, meta: &Meta, counters: &Counters) {
    let Ok(stat) = handle.stat() else {
        counters.modes.fetch_add(1, Ordering::Relaxed);
        return;
    };
    let mut mode = meta.mode;
    if (stat.st_uid, stat.st_gid) != (meta.uid, meta.gid) && handle.set_owner(meta.uid, meta.gid).is_err() {
        counters.owners.fetch_add(1, Ordering::Relaxed);
        mode &= !SET_IDS;
    }
    let is_symlink = inode::file_type(&stat) == FileType::Symlink;
    let modes = if is_symlink { Ok(()) } else { handle.set_mode(mode) };
    let refused = xattrs::write(handle, &meta.xattrs);
    counters.xattrs.fetch_add(refused, Ordering::Relaxed);
    let times = handle.set_mtime(meta.mtime);
    if modes.is_err() || times.is_err() {
        counters.modes.fetch_add(1, Ordering::Relaxed);
    }
}
