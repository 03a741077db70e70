//! Sources: image content as a sorted sequence of items that can be opened.
//!
//! A source is walked in the order of a tree ([`dtrvault_format::tree::path_order`]) with
//! bounded memory, while a registry may be writing to it. What fails for one item is told as a
//! [`Problem`] in its place, and the walk goes on; only a source that cannot be walked at all
//! is an error.

mod bucket;
mod device;
mod folder;
mod leaf;
mod listing;
mod local;
mod short;
mod walk;

use std::ffi::OsStr;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;

use dtrvault_format::tree::display_path;
use dtrvault_format::{Identity, Kind, Meta, Problem, Time};
use dtrvault_store::StoreError;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::layout::{PathKind, UPLOADS, classify};
pub use bucket::Bucket;
pub use local::Local;
pub use short::ShortFiles;

/// Image content somewhere.
pub trait Source: Send + Sync {
    /// Where it is, for people and for the snapshot. Holds no secrets.
    fn location(&self) -> &str;

    /// Whether there is a `docker/registry/v2` below the root; without one it is probably the
    /// wrong folder.
    ///
    /// # Errors
    /// [`SourceError`] when that cannot be found out.
    fn is_registry(&self) -> Result<bool, SourceError>;

    /// Whether a walk is next to nothing beside reading what it finds, so that one more may add up what there is.
    fn walks_cheaply(&self) -> bool {
        true
    }

    /// Gives every item to `sink`, in tree order, each path once; the root, where there is one,
    /// first and with an empty path. Ends early when the sink breaks.
    ///
    /// # Errors
    /// [`SourceError`] when there is no source, or it cannot be listed to its end.
    fn walk(
        &self,
        options: &WalkOptions,
        sink: &mut dyn FnMut(Found) -> ControlFlow<()>,
    ) -> Result<(), SourceError>;

    /// Opens a file that [`Source::walk`] found.
    ///
    /// # Errors
    /// [`SourceError::Vanished`] when there is no regular file any more, else
    /// [`SourceError::Unreadable`].
    fn open(&self, item: &Item) -> Result<Box<dyn SourceFile>, SourceError>;
}

/// A file being read.
pub trait SourceFile: Read + Send {
    /// What it is now: its last change, and the rest. Another file may stand under its name by now.
    ///
    /// # Errors
    /// The operating system's or the store's.
    fn stat(&mut self) -> io::Result<(Time, FileStat)>;

    /// Whether it is still what `stat`, and the item it was opened by, say. To be asked after
    /// reading: what was read is then what was there.
    ///
    /// # Errors
    /// As [`SourceFile::stat`].
    fn still(&mut self, stat: &FileStat) -> io::Result<bool>;
}

/// One step of a walk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Something that is there.
    Item(Item),
    /// Something that could not be looked at; with an item of the same path, only in part.
    Problem(Problem),
}

/// One thing in a source: a tree's entry without content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Path below the root, raw bytes; empty for the root itself.
    pub path: Vec<u8>,
    /// Mode, owner, times, attributes.
    pub meta: Meta,
    /// What it is.
    pub kind: ItemKind,
    /// All bytes of a file that [`WalkOptions::short`] asked for, as long as `kind` says: it
    /// did not change while it was read.
    pub content: Option<Vec<u8>>,
}

/// Kinds of items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemKind {
    /// A regular file.
    File(FileStat),
    /// Anything else; never [`Kind::File`].
    Other(Kind),
}

/// What is known of a regular file before it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileStat {
    /// Length, bytes.
    pub size: u64,
    /// Changes when the file does.
    pub identity: Identity,
    /// It has holes.
    pub sparse: bool,
}

/// What a walk leaves out, and what it takes along.
#[derive(Debug, Clone, Default)]
pub struct WalkOptions {
    /// Paths relative to the root that are left out, folders with all that is in them. See [`exclusions`].
    pub exclude: GlobSet,
    /// Unfinished pushes, the folders `_uploads`, are walked too.
    pub with_uploads: bool,
    /// Files that are wanted with their content.
    pub short: Option<ShortFiles>,
}

impl WalkOptions {
    /// Whether the thing at `path` itself, not only what it stands in, is left out.
    pub(crate) fn skips(&self, path: &[u8]) -> bool {
        (!self.with_uploads && matches!(classify(path), PathKind::Upload { .. })) || self.leaves_out(path)
    }

    /// Whether the thing at `path`, or a folder that it stands in, is left out: for a source that does not go
    /// from folder to folder.
    #[must_use]
    pub fn skips_path(&self, path: &[u8]) -> bool {
        let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        let mut folders = slashes.filter_map(|(at, _)| path.get(..at));
        self.skips(path) || (!self.exclude.is_empty() && folders.any(|folder| self.skips(folder)))
    }

    /// The same, sooner: for a path that ends in `name` and stands in a folder that is not left out.
    pub(crate) fn skips_child(&self, path: &[u8], name: &[u8]) -> bool {
        // Whatever else lies in the folder of uploads stands in what is left out.
        if name == UPLOADS { self.skips(path) } else { self.leaves_out(path) }
    }

    fn leaves_out(&self, path: &[u8]) -> bool {
        path == crate::target::SCRATCH
            || (!self.exclude.is_empty() && self.exclude.is_match(OsStr::from_bytes(path)))
    }
}

/// Patterns over raw paths: `*` and `?` stay within a component, `**` crosses folders. One that
/// begins with a slash is anchored at the root; any other matches at every depth.
///
/// # Errors
/// [`globset::Error`] for what is no pattern.
pub fn exclusions<S: AsRef<str>>(patterns: &[S]) -> Result<GlobSet, globset::Error> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let pattern = pattern.as_ref().trim_end_matches('/');
        let pattern = match pattern.strip_prefix('/') {
            Some(anchored) => anchored.to_owned(),
            None => format!("**/{pattern}"),
        };
        set.add(GlobBuilder::new(&pattern).literal_separator(true).build()?);
    }
    set.build()
}

/// A source, or one of its files, that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// There is nothing at all.
    #[error("there is nothing at {location}")]
    NoRoot {
        /// Where it should be.
        location: String,
    },
    /// The root is no folder.
    #[error("{location} is no folder")]
    NotAFolder {
        /// Where it should be.
        location: String,
    },
    /// The file is not there any more, or is no regular file any more.
    #[error("{} has vanished", display_path(.path))]
    Vanished {
        /// Path below the root.
        path: Vec<u8>,
    },
    /// Nobody answers any more. Every other file would fail in the same way.
    #[error("the registry's storage cannot be reached")]
    Unreachable {
        /// What the store says.
        source: StoreError,
    },
    /// It is there, and cannot be read; an empty path stands for the source itself.
    #[error("cannot read '{}'", display_path(.path))]
    Unreadable {
        /// Path below the root.
        path: Vec<u8>,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
