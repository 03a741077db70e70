//! What a reader of folders hands over: entries in tree order, and what is still to be read.

use std::sync::Arc;

use dtrvault_format::Problem;

use super::Item;

/// What was read at once: things in tree order, with gaps where folders are still to be read.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) parts: Vec<Part>,
    /// Memory that it takes, about.
    pub(super) bytes: usize,
}

#[derive(Debug)]
pub(super) enum Part {
    Item(Item),
    /// A file with more names than this one.
    Shared(Item, Shared),
    Problem(Problem),
    Unread(Arc<Group>),
}

/// An inode with several names.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shared {
    pub(super) device: u64,
    pub(super) inode: u64,
    pub(super) links: u64,
}

/// Folders side by side that are still to be read: one at least.
#[derive(Debug)]
pub(super) struct Group {
    /// Path of the folder they stand in.
    pub(super) folder: Vec<u8>,
    pub(super) names: Vec<Vec<u8>>,
}

impl Group {
    /// The first one's path, so that plain order of bytes is tree order: no name holds NUL.
    pub(super) fn key(&self) -> Vec<u8> {
        let mut path = self.folder.clone();
        push(&mut path, self.names.first().map_or(&[], Vec::as_slice));
        for byte in &mut path {
            if *byte == b'/' {
                *byte = 0;
            }
        }
        path
    }
}

/// Appends a component, and says where it begins.
pub(super) fn push(path: &mut Vec<u8>, name: &[u8]) -> usize {
    if !path.is_empty() {
        path.push(b'/');
    }
    let at = path.len();
    path.extend_from_slice(name);
    at
}
