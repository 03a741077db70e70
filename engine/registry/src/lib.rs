//! Registries: how they keep image content, where it is read, where it is restored.
//!
//! Three things live in this room:
//!
//! * knowledge, without I/O: what a path of a registry's storage means ([`layout`]), what a
//!   link file says ([`link`]), which blobs a manifest names ([`manifest`]), what DTR's metadata says ([`metadata`]);
//! * [`source`]s: image content as a sorted sequence of items, from a folder or an object store;
//! * [`target`]s: the way back.
//!
//! Paths are raw bytes below the storage root, the folder or prefix that holds `docker/`. A
//! live registry goes on writing while it is read, and a folder to restore into may hold
//! anything: no symbolic link below a root is ever followed, in either direction.

mod beneath;
mod handle;
mod inode;
mod object_reader;
mod xattrs;

pub mod layout;
pub mod link;
pub mod manifest;
pub mod metadata;
pub mod source;
pub mod target;

pub use layout::{PathKind, classify};
pub use link::{BadLink, LinkTarget};
pub use manifest::{NotAManifest, Reference, References, Role};
pub use source::{
    FileStat, Found, Item, ItemKind, ShortFiles, Source, SourceError, SourceFile, WalkOptions, exclusions,
};
pub use target::{Existing, FileWriter, Notes, Target, TargetError, TargetPlan};
