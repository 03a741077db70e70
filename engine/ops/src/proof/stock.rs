//! What a snapshot's tree holds, and what its tags name where only link files say so.

use std::collections::HashSet;

use dtrvault_format::{Content, Digest, Entry, Kind};
use dtrvault_registry::layout::{PathKind, classify};
use dtrvault_registry::link;
use sha2::{Digest as _, Sha256};

use super::catalogue::Catalogue;
use super::ids::Places;

/// Blobs of a tree.
pub(super) struct Stock<'a> {
    /// Of the metadata, where there is one.
    catalogue: &'a Catalogue,
    is_usable: &'a dyn Fn(&Digest) -> bool,
    pub(super) blobs: HashSet<Digest>,
    pub(super) places: Places,
    /// Repository, tag and manifest, of link files.
    pub(super) tags: Vec<(String, String, Digest)>,
}

impl<'a> Stock<'a> {
    /// Of nothing yet. Of content that is not usable nothing counts.
    pub(super) fn new(catalogue: &'a Catalogue, is_usable: &'a dyn Fn(&Digest) -> bool) -> Self {
        let places = Places::new(catalogue);
        Self { catalogue, is_usable, blobs: HashSet::new(), places, tags: Vec::new() }
    }

    /// Takes in an entry of the tree.
    pub(super) fn add(&mut self, entry: &Entry) {
        let content = match &entry.kind {
            Kind::File(file) => &file.content,
            Kind::Hardlink { target } => return self.hard_link(&entry.path, target),
            _ => return,
        };
        if matches!(content, Content::Blob(digest) if !(self.is_usable)(digest)) {
            return;
        }
        match (classify(&entry.path), content) {
            // Nobody can pull a blob whose bytes are others.
            (PathKind::BlobData { digest }, content) if digest_of(content) == digest => {
                self.blobs.insert(digest);
            }
            (PathKind::BlobById { id }, content) => {
                self.places.blob(self.catalogue, id, &digest_of(content));
            }
            (PathKind::TagCurrent { repository, tag }, Content::Inline(bytes)) => {
                if let Some(digest) = link::parse(bytes).ok().and_then(link::LinkTarget::sha256) {
                    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
                    self.tags.push((text(repository), text(tag), digest));
                }
            }
            _ => {}
        }
    }

    fn hard_link(&mut self, path: &[u8], target: &[u8]) {
        match classify(path) {
            PathKind::BlobData { digest } => {
                self.blobs.insert(digest);
            }
            PathKind::BlobById { id } => self.places.hard_link(self.catalogue, id, target),
            _ => {}
        }
    }
}

/// The digest of a file's content.
pub(crate) fn digest_of(content: &Content) -> Digest {
    match content {
        Content::Blob(digest) => *digest,
        Content::Inline(bytes) => Digest::new(Sha256::digest(bytes).into()),
    }
}
