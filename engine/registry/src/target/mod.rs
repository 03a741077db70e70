//! Targets: where a restore writes.
//!
//! A restore calls [`Target::begin`]; for every entry, in tree order, [`Target::existing`] and
//! what follows from it; then [`Target::finish_dir`] for every folder, since writing into a
//! folder changes it; last [`Target::end`]. What it writes is complete under its name or not
//! there: an interrupted restore is begun again, and goes on.

mod begin;
mod bucket;
mod local;
mod metadata;
mod node;
mod parents;
mod writer;

use std::io::{Read, Write};

use dtrvault_format::Entry;
use dtrvault_format::tree::display_path;
use dtrvault_store::StoreError;

pub use bucket::Bucket;
pub use local::Local;

/// Name in the root of what a restore needs for itself: a folder, or in a store an object. It
/// marks a root as one whose restore was begun and not ended. Not part of any tree.
pub const SCRATCH: &[u8] = b".dtrvault-restore";

/// Result of this module.
pub type Result<T> = std::result::Result<T, TargetError>;

/// A place to restore to. Entries are those of a tree; a path that is not, is
/// [`TargetError::BadPath`].
pub trait Target: Send + Sync {
    /// Where it is, for people. Holds no secrets.
    fn location(&self) -> &str;

    /// Makes ready: creates the root, takes up the restore that was interrupted there. In a dry
    /// run only looks, and nothing but [`Target::existing`] and [`Target::read`] may be called after.
    ///
    /// # Errors
    /// [`TargetError::NotEmpty`] for a target with content that no interrupted restore left,
    /// unless the plan allows it; [`TargetError::NoSpace`]; [`TargetError::Busy`] while another
    /// restore writes there.
    fn begin(&self, plan: &TargetPlan) -> Result<()>;

    /// What stands where the entry belongs.
    ///
    /// # Errors
    /// Those of looking.
    fn existing(&self, entry: &Entry) -> Result<Existing>;

    /// Reads a file that [`Target::existing`] has found.
    ///
    /// # Errors
    /// Those of opening.
    fn read(&self, path: &[u8]) -> Result<Box<dyn Read + Send>>;

    /// Creates the folder, unless it is there. Its mode and times wait for [`Target::finish_dir`].
    ///
    /// # Errors
    /// [`TargetError::Conflict`] when something else is there.
    fn dir(&self, entry: &Entry) -> Result<()>;

    /// Begins a file. Missing parents are created. Once committed it replaces what stands
    /// there, but a folder.
    ///
    /// # Errors
    /// Those of creating.
    fn file(&self, entry: &Entry) -> Result<Box<dyn FileWriter>>;

    /// Creates what is neither folder nor file, in place of what stands there, but a folder.
    /// What cannot be created here is counted in [`Notes::left_out`].
    ///
    /// # Errors
    /// [`TargetError::Conflict`], or those of creating.
    fn other(&self, entry: &Entry) -> Result<()>;

    /// Gives owner, mode, times and attributes to what already is as the entry says otherwise.
    ///
    /// # Errors
    /// [`TargetError::Conflict`] when it is of another kind.
    fn touch(&self, entry: &Entry) -> Result<()>;

    /// Gives a folder its owner, mode, times and attributes, when nothing more is written in it.
    ///
    /// # Errors
    /// As [`Target::touch`].
    fn finish_dir(&self, entry: &Entry) -> Result<()>;

    /// Removes what the restore needed for itself, and makes all of it durable.
    ///
    /// # Errors
    /// Those of writing.
    fn end(&self) -> Result<()>;

    /// What could not be restored as it was, until now.
    fn notes(&self) -> Notes;
}

/// A file being restored. Dropping it uncommitted leaves nothing of it.
pub trait FileWriter: Write + Send {
    /// Gives it owner, mode, times and attributes, and puts it in its place.
    ///
    /// # Errors
    /// [`TargetError::WrongSize`] unless exactly as many bytes were written as the entry says.
    fn commit(self: Box<Self>) -> Result<()>;
}

/// What a restore is about to do.
#[derive(Debug, Clone, Copy, Default)]
pub struct TargetPlan {
    /// What will be written, bytes.
    pub bytes_needed: u64,
    /// Content that is there already is no obstacle.
    pub allow_existing: bool,
    /// Nothing will be written.
    pub dry_run: bool,
}

/// What stands where an entry belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Nothing.
    Absent,
    /// A file, where a file belongs; the caller may read it to see whether it is the right one.
    File {
        /// Its length, bytes.
        size: u64,
    },
    /// The right folder, link or device; at most its metadata differs.
    SameOther,
    /// Something else.
    Conflict {
        /// What, for people.
        found: &'static str,
    },
}

/// Counts of what could not be restored as it was, and is no reason to fail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Notes {
    /// Inodes whose owner could not be set. They lose set-uid and set-gid: those are meant for
    /// the owner they had.
    pub owners: u64,
    /// Inodes whose mode or times could not be set.
    pub modes: u64,
    /// Extended attributes that could not be set or removed.
    pub xattrs: u64,
    /// Entries that cannot exist here: devices without privilege, anything but files in a store.
    pub left_out: u64,
}

/// A target that cannot be restored to.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// It holds something that no interrupted restore left.
    #[error("{location} is not empty")]
    NotEmpty {
        /// The target.
        location: String,
    },
    /// The disk is too small.
    #[error("there is too little space at {location}: {needed} bytes are needed, {available} are free")]
    NoSpace {
        /// The target.
        location: String,
        /// Bytes to be written.
        needed: u64,
        /// Bytes that may be written.
        available: u64,
    },
    /// The root is no folder.
    #[error("{location} is no folder")]
    NotAFolder {
        /// The target.
        location: String,
    },
    /// Another restore is writing to it.
    #[error("another restore is writing to {location}")]
    Busy {
        /// The target.
        location: String,
    },
    /// [`Target::begin`] was not called, or only for a dry run.
    #[error("the restore was not begun")]
    NotBegun,
    /// Something else stands where the entry, or a folder above it, belongs.
    #[error("'{}' or a folder above it is something else: {found}", display_path(.path))]
    Conflict {
        /// Path of the entry.
        path: Vec<u8>,
        /// What it is, for people.
        found: &'static str,
    },
    /// No path of a tree, or one that this target cannot have.
    #[error("'{}' cannot be restored here: {reason}", display_path(.path))]
    BadPath {
        /// The path.
        path: Vec<u8>,
        /// Why.
        reason: &'static str,
    },
    /// More or less was written than the entry says.
    #[error("'{}' has {expected} bytes, but {written} were written", display_path(.path))]
    WrongSize {
        /// Path of the entry.
        path: Vec<u8>,
        /// Bytes that it has.
        expected: u64,
        /// Bytes that came.
        written: u64,
    },
    /// The file system failed; an empty path stands for the root.
    #[error("cannot restore '{}'", display_path(.path))]
    Io {
        /// Path of the entry.
        path: Vec<u8>,
        /// The operating system's error.
        source: std::io::Error,
    },
    /// The store failed; an empty path stands for the root.
    #[error("cannot restore '{}'", display_path(.path))]
    Store {
        /// Path of the entry.
        path: Vec<u8>,
        /// The store's error.
        source: StoreError,
    },
}

impl TargetError {
    /// Whether it says only that this path cannot be had here; the next one may.
    #[must_use]
    pub fn is_of_path(&self) -> bool {
        match self {
            Self::BadPath { .. } => true,
            Self::Io { path, source } => {
                !path.is_empty() && source.kind() == std::io::ErrorKind::InvalidFilename
            }
            _ => false,
        }
    }
}

/// Refuses what is no path of a tree, and our own folder in the root.
fn check_path(path: &[u8]) -> Result<()> {
    let bad = |reason| Err(TargetError::BadPath { path: path.to_vec(), reason });
    if dtrvault_format::tree::validate_path(path).is_err() {
        return bad("it is no path of a tree");
    }
    if path == SCRATCH || dtrvault_format::tree::is_below(path, SCRATCH) {
        return bad("the name is reserved");
    }
    Ok(())
}
