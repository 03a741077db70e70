//! Extended attributes: read whole and bounded, written so that they end up as they were.

use dtrvault_format::limits::{MAX_NAME_BYTES, MAX_XATTR_BYTES, MAX_XATTRS};
use dtrvault_format::tree::Xattr;
use rustix::io::Errno;

use crate::handle::Handle;

/// Longest list of names that Linux gives, bytes (XATTR_LIST_MAX).
const MAX_LIST_BYTES: usize = 64 * 1024;

/// Most bytes of names and values that one entry keeps: an entry has a bound of its own.
const MAX_TOTAL_BYTES: usize = 512 * 1024;

/// Attributes, sorted by name, and what could not be read of them.
#[derive(Debug, Default)]
pub(crate) struct Attributes {
    pub(crate) list: Vec<Xattr>,
    pub(crate) fault: Option<String>,
    /// The file system knows of none.
    pub(crate) unsupported: bool,
    /// There is nothing of that name any more, or no `/proc`.
    pub(crate) gone: bool,
}

/// Reads the attributes of an inode. In the usual case, that there are none, one call.
pub(crate) fn read(handle: &Handle<'_>) -> Attributes {
    let mut found = Attributes::default();
    let names = match names(handle) {
        Ok(names) => names,
        Err(error) => {
            found.unsupported = error == Errno::OPNOTSUPP;
            found.gone = error == Errno::NOENT;
            if !found.unsupported {
                found.fault = Some(format!("extended attributes: {error}"));
            }
            return found;
        }
    };
    let mut total = 0_usize;
    for name in names {
        match value(handle, &name) {
            // Gone since the names were listed, or of a kind this inode cannot have.
            Err(Errno::NODATA | Errno::OPNOTSUPP) => {}
            Err(error) => {
                let name = String::from_utf8_lossy(&name);
                found.fault = Some(format!("extended attribute {name}: {error}"));
            }
            Ok(value) => {
                total = total.saturating_add(name.len() + value.len());
                if found.list.len() >= MAX_XATTRS || name.len() > MAX_NAME_BYTES || total > MAX_TOTAL_BYTES {
                    found.fault = Some("more extended attributes than can be kept".to_owned());
                    break;
                }
                found.list.push(Xattr { name, value });
            }
        }
    }
    found.list.sort();
    found
}

/// Names of the attributes; the list may grow between asking for its length and reading it.
fn names(handle: &Handle<'_>) -> Result<Vec<Vec<u8>>, Errno> {
    let mut len = handle.list_len()?;
    if len == 0 {
        return Ok(Vec::new());
    }
    loop {
        let mut list = vec![0; len.min(MAX_LIST_BYTES)];
        match handle.list(&mut list) {
            Ok(used) => {
                let used = list.get(..used).unwrap_or(&list);
                let names = used.split(|byte| *byte == 0);
                return Ok(names.filter(|n| !n.is_empty()).map(<[u8]>::to_vec).collect());
            }
            Err(Errno::RANGE) if len < MAX_LIST_BYTES => len = MAX_LIST_BYTES,
            Err(error) => return Err(error),
        }
    }
}

fn value(handle: &Handle<'_>, name: &[u8]) -> Result<Vec<u8>, Errno> {
    let mut value = vec![0; 256];
    let len = match handle.get(name, &mut value) {
        Err(Errno::RANGE) => {
            value.resize(MAX_XATTR_BYTES, 0);
            handle.get(name, &mut value)?
        }
        other => other?,
    };
    value.truncate(len);
    Ok(value)
}

/// Gives an inode the attributes of `wanted`. What it has beside them goes, but for labels that
/// the system itself gives: those are not ours to take. Returns how many could not be set.
pub(crate) fn write(handle: &Handle<'_>, wanted: &[Xattr]) -> u64 {
    let mut failed = 0;
    for name in names(handle).unwrap_or_default() {
        let ours = name.starts_with(b"user.") || name.starts_with(b"system.posix_acl_");
        if ours && wanted.iter().all(|xattr| xattr.name != name) {
            failed += u64::from(handle.remove(&name).is_err());
        }
    }
    for Xattr { name, value: bytes } in wanted {
        // Setting changes ctime, and is refused more often than reading is.
        if value(handle, name).as_ref() != Ok(bytes) {
            failed += u64::from(handle.set(name, bytes).is_err());
        }
    }
    failed
}
