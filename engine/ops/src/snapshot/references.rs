//! Whether the image part holds together: every digest that a tag or a manifest names must
//! be a blob of it.

use std::collections::{BTreeSet, HashSet};

use dtrvault_format::{Digest, ProblemKind};
use dtrvault_registry::layout::PathKind;
use dtrvault_registry::link;
use dtrvault_registry::manifest::{self, MAX_MANIFEST_BYTES};

use super::problems::Problems;

/// What was seen of a registry while it was walked.
#[derive(Default)]
pub(super) struct References {
    /// Blobs that are there, by the digests in their paths.
    blobs: HashSet<Digest>,
    /// Manifests that a tag or a revision names.
    manifests: BTreeSet<Digest>,
    /// Manifests whose own references are known.
    read: HashSet<Digest>,
    /// What manifests name.
    named: BTreeSet<Digest>,
}

impl References {
    /// Takes in a blob file.
    pub(super) fn blob(&mut self, digest: Digest) {
        self.blobs.insert(digest);
    }

    /// Takes in a link file.
    pub(super) fn link(&mut self, kind: PathKind<'_>, content: &[u8]) {
        let target = match kind {
            PathKind::TagCurrent { .. } | PathKind::RevisionLink { .. } => link::parse(content).ok(),
            _ => None,
        };
        self.manifests.extend(target.and_then(link::LinkTarget::sha256));
    }

    /// Takes in what a manifest names.
    pub(super) fn manifest(&mut self, digest: Digest, names: Vec<Digest>) {
        self.read.insert(digest);
        self.named.extend(names);
    }

    /// Manifests that are there, and whose references are not known yet.
    pub(super) fn unread_manifests(&self) -> Vec<Digest> {
        self.manifests
            .iter()
            .filter(|m| self.blobs.contains(*m) && !self.read.contains(*m))
            .copied()
            .collect()
    }

    /// Digests that are named and not there.
    pub(super) fn missing(&self) -> BTreeSet<Digest> {
        self.manifests.union(&self.named).filter(|digest| !self.blobs.contains(*digest)).copied().collect()
    }

    /// Reports what is missing.
    pub(super) fn report(&self, problems: &mut Problems) {
        for digest in self.missing() {
            let by = if self.manifests.contains(&digest) { "a tag or revision" } else { "a manifest" };
            let path = blob_path(&digest);
            problems.note(ProblemKind::MissingBlob, &path, format!("{} is named by {by}", digest.to_oci()));
        }
    }
}

/// Whether a blob of this length may be a manifest.
pub(super) fn may_be_manifest(size: u64) -> bool {
    size <= MAX_MANIFEST_BYTES as u64
}

/// What a manifest needs; `None` for bytes that are no manifest.
pub(super) fn names_of(bytes: &[u8]) -> Option<Vec<Digest>> {
    manifest::references(bytes).ok().map(|references| references.required().collect())
}

/// Where a blob stands in a registry.
pub(super) fn blob_path(digest: &Digest) -> Vec<u8> {
    let hex = digest.to_string();
    format!("docker/registry/v2/blobs/sha256/{}/{hex}/data", hex.get(..2).unwrap_or_default()).into_bytes()
}
