//! Entries of a tree: what one thing in a source is.

use minicbor::{Decode, Encode};

use super::WHAT;
use super::paths::{path_as_text, path_order, validate_path};
use crate::ids::Digest;
use crate::limits::{MAX_INLINE_BYTES, MAX_NAME_BYTES, MAX_PATH_BYTES, MAX_XATTR_BYTES, MAX_XATTRS};
use crate::time::Time;
use crate::{FormatError, cbor};

/// One thing in a source.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Entry {
    /// Path below the root, raw bytes, components separated by `/`; empty for the root itself.
    #[serde(serialize_with = "path_as_text")]
    pub path: Vec<u8>,
    /// Mode, owner, times.
    #[serde(flatten)]
    pub meta: Meta,
    /// What it is.
    #[serde(flatten)]
    pub kind: Kind,
}

/// What every entry has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode, serde::Serialize)]
pub struct Meta {
    /// Permission bits, with set-uid, set-gid and sticky: 12 bits.
    #[n(0)]
    pub mode: u32,
    /// Owner.
    #[n(1)]
    pub uid: u32,
    /// Group.
    #[n(2)]
    pub gid: u32,
    /// Last change of the content.
    #[n(3)]
    pub mtime: Time,
    /// Extended attributes, sorted by name.
    #[n(4)]
    pub xattrs: Vec<Xattr>,
}

/// One extended attribute.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, serde::Serialize)]
pub struct Xattr {
    /// Name with its namespace: `user.note`.
    #[cbor(n(0), with = "minicbor::bytes")]
    #[serde(serialize_with = "path_as_text")]
    pub name: Vec<u8>,
    /// Value.
    #[cbor(n(1), with = "minicbor::bytes")]
    #[serde(serialize_with = "path_as_text")]
    pub value: Vec<u8>,
}

/// Kinds of entries.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Kind {
    /// A folder.
    #[n(0)]
    Dir,
    /// A regular file.
    #[n(1)]
    File(#[n(0)] File),
    /// A symbolic link.
    #[n(2)]
    Symlink {
        /// What it points to, as it stands in the link.
        #[cbor(n(0), with = "minicbor::bytes")]
        #[serde(serialize_with = "path_as_text")]
        target: Vec<u8>,
    },
    /// One more name of a regular file that stands earlier in the tree.
    #[n(3)]
    Hardlink {
        /// Path of that file.
        #[cbor(n(0), with = "minicbor::bytes")]
        #[serde(serialize_with = "path_as_text")]
        target: Vec<u8>,
    },
    /// A named pipe.
    #[n(4)]
    Fifo,
    /// A socket.
    #[n(5)]
    Socket,
    /// A character device.
    #[n(6)]
    CharDevice {
        /// Major number.
        #[n(0)]
        major: u32,
        /// Minor number.
        #[n(1)]
        minor: u32,
    },
    /// A block device.
    #[n(7)]
    BlockDevice {
        /// Major number.
        #[n(0)]
        major: u32,
        /// Minor number.
        #[n(1)]
        minor: u32,
    },
}

/// A regular file.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
pub struct File {
    /// Length, bytes.
    #[n(0)]
    pub size: u64,
    /// What is in it.
    #[n(1)]
    pub content: Content,
    /// Tells whether the file is still the same.
    #[n(2)]
    pub identity: Identity,
    /// It has holes: runs of zeros are to be restored as such.
    #[n(3)]
    pub sparse: bool,
    /// Its name says another digest than its bytes have.
    #[n(4)]
    pub mismatch: bool,
}

/// Content of a file.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Content {
    /// The bytes themselves, at most [`MAX_INLINE_BYTES`].
    #[n(0)]
    Inline(
        #[cbor(n(0), with = "minicbor::bytes")]
        #[serde(serialize_with = "path_as_text")]
        Vec<u8>,
    ),
    /// A blob. How it is made stands in the index, so it can be stored better later.
    #[n(1)]
    Blob(#[n(0)] Digest),
}

/// What changes when a file is written, beside its size and mtime.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Identity {
    /// Of a file system.
    #[n(0)]
    Inode {
        /// Inode number.
        #[n(0)]
        inode: u64,
        /// Last change of the inode.
        #[n(1)]
        ctime: Time,
    },
    /// Of an object store.
    #[n(1)]
    Etag(#[n(0)] String),
    /// Nothing is known: the file is read every time.
    #[n(2)]
    Unknown,
}

impl Entry {
    /// Holds the entry against its limits. The path is for who knows the one before it.
    pub(super) fn validate_all_but_path(&self) -> Result<(), FormatError> {
        let invalid = |detail| Err(FormatError::Invalid { what: WHAT, detail });
        cbor::at_most(WHAT, "xattrs", self.meta.xattrs.len(), MAX_XATTRS)?;
        for xattr in &self.meta.xattrs {
            cbor::at_most(WHAT, "xattr name", xattr.name.len(), MAX_NAME_BYTES)?;
            cbor::at_most(WHAT, "xattr value", xattr.value.len(), MAX_XATTR_BYTES)?;
        }
        if !self.meta.xattrs.is_sorted_by(|a, b| a.name < b.name) {
            return invalid("extended attributes not sorted");
        }
        if self.meta.mode > 0o7777 || !self.meta.mtime.is_valid() {
            return invalid("impossible mode or time");
        }
        match &self.kind {
            Kind::File(File { identity: Identity::Inode { ctime, .. }, .. }) if !ctime.is_valid() => {
                return invalid("impossible ctime");
            }
            Kind::File(File { size, content: Content::Inline(bytes), .. }) => {
                cbor::at_most(WHAT, "inline content", bytes.len(), MAX_INLINE_BYTES)?;
                if *size != bytes.len() as u64 {
                    return invalid("size and inline content disagree");
                }
            }
            Kind::Symlink { target } => cbor::at_most(WHAT, "symlink", target.len(), MAX_PATH_BYTES)?,
            Kind::Hardlink { target } => {
                validate_path(target)?;
                if path_order(target, &self.path).is_ge() {
                    return invalid("a hard link to something that stands after it");
                }
            }
            _ => {}
        }
        if self.path.is_empty() && self.kind != Kind::Dir {
            return invalid("the root is no folder");
        }
        Ok(())
    }
}
