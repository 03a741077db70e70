//! Links, pipes, sockets and devices of a local target.

use std::sync::Arc;

use dtrvault_format::{Entry, Kind};
use rustix::fs::{AtFlags, Dev, FileType, Mode, Stat, linkat, makedev, mknodat, statat, symlinkat};
use rustix::io::Errno;

use super::begin::Begun;
use super::local::errno;
use super::writer::Temporary;
use super::{Result, TargetError, check_path, metadata};
use crate::beneath;
use crate::handle::Handle;
use crate::inode;

/// Creates what the entry says in place of what stands there, but a folder.
pub(super) fn create(begun: &Arc<Begun>, entry: &Entry) -> Result<()> {
    let path = &entry.path;
    let folder = begun.parents().make(path).map_err(|e| errno(path, e))?;
    let temporary = Temporary::new(begun, &folder);
    let (at, name) = (temporary.folder(), temporary.name());
    let node = |file_type, device: Dev| mknodat(at, name, file_type, Mode::RUSR | Mode::WUSR, device);
    let made = match &entry.kind {
        Kind::Symlink { target } => symlinkat(target, at, name),
        Kind::Hardlink { target } => {
            check_path(target)?;
            link(begun, target, &temporary)
        }
        Kind::Fifo => node(FileType::Fifo, 0),
        Kind::Socket => node(FileType::Socket, 0),
        Kind::CharDevice { major, minor } => node(FileType::CharacterDevice, makedev(*major, *minor)),
        Kind::BlockDevice { major, minor } => node(FileType::BlockDevice, makedev(*major, *minor)),
        Kind::Dir | Kind::File(_) => {
            return Err(TargetError::Conflict {
                path: path.clone(),
                found: "the entry is a folder or a file",
            });
        }
    };
    let is_link = matches!(entry.kind, Kind::Hardlink { .. });
    match made {
        Ok(()) => {}
        // Devices take privilege, and some file systems take no sockets. But a hard link that
        // cannot be made is a file that would be missing.
        Err(Errno::PERM | Errno::NOTSUP | Errno::NOSYS) if !is_link => {
            begun.counters().leave_out();
            return Ok(());
        }
        Err(error) => return Err(errno(path, error)),
    }
    if !is_link {
        let handle = Handle::name(at, name.as_bytes());
        metadata::set(&handle, &entry.meta, begun.counters());
    }
    let (_, name) = beneath::parent(path);
    temporary.publish(&folder, name).map_err(|e| errno(path, e))
}

/// One more name for the file at `target`, which must be one: asked before, to tell what is in
/// the way, and after, for it may have changed.
fn link(begun: &Begun, target: &[u8], temporary: &Temporary) -> std::result::Result<(), Errno> {
    let folder = begun.parents().find(target)?;
    let (_, name) = beneath::parent(target);
    let (at, new) = (temporary.folder(), temporary.name());
    let nofollow = AtFlags::SYMLINK_NOFOLLOW;
    let is_file = |stat: Stat| inode::file_type(&stat) == FileType::RegularFile;
    if !is_file(statat(&folder.fd, name, nofollow)?) {
        return Err(Errno::LOOP);
    }
    linkat(&folder.fd, name, at, new, AtFlags::empty())?;
    if !is_file(statat(at, new, nofollow)?) {
        return Err(Errno::LOOP);
    }
    Ok(())
}
