//! Whether the image part holds together: every digest that a tag or a manifest names, be it in the
//! registry or in the metadata, must be a blob of it.

use std::collections::{BTreeSet, HashSet};

use dtrvault_format::{Digest, ProblemKind};
use dtrvault_registry::layout::{PathKind, blob_path};
use dtrvault_registry::link;
use dtrvault_registry::manifest::{self, MAX_MANIFEST_BYTES};

use super::problems::Problems;
use crate::proof::{Catalogue, Places, audit};

/// What was seen of a registry while it was walked.
#[derive(Default)]
pub(super) struct References {
    /// Blobs that are there, by the digests in their paths.
    blobs: HashSet<Digest>,
    /// What stands under ids.
    by_id: HashSet<Digest>,
    /// Those among them whose bytes have another digest.
    wrong: HashSet<Digest>,
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

    /// Takes in what stands under an id.
    pub(super) fn by_id(&mut self, digest: Digest) {
        self.by_id.insert(digest);
    }

    /// The bytes of a blob are not what the digest in its path says.
    pub(super) fn wrong(&mut self, digest: Digest) {
        self.wrong.insert(digest);
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
        let has = |digest: &&Digest| self.blobs.contains(*digest) || self.by_id.contains(*digest);
        self.manifests.union(&self.named).filter(|digest| !has(digest)).copied().collect()
    }

    /// Holds what metadata says against the blobs, and reports what is missing. Gives its digests.
    pub(super) fn hold(
        &self,
        catalogue: &Catalogue,
        places: &Places,
        problems: &mut Problems,
    ) -> HashSet<Digest> {
        let has = |digest: &Digest| self.blobs.contains(digest) && !self.wrong.contains(digest);
        let found = audit(catalogue, places, has);
        for missing in &found.missing {
            problems.note(ProblemKind::MissingBlob, &missing.path, missing.to_string());
        }
        found.missing.iter().map(|missing| missing.digest).collect()
    }

    /// Reports what is missing, but for what is `told` already.
    pub(super) fn report(&self, told: &HashSet<Digest>, problems: &mut Problems) {
        for digest in self.missing().into_iter().filter(|digest| !told.contains(digest)) {
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
