//! `diff`: what changed from one snapshot to another.

use dtrvault_format::tree::{path_as_text, path_order};
use dtrvault_format::{Digest, Entry, Identity, Kind, SnapshotId};
use dtrvault_repo::Repository;
use dtrvault_repo::read::Reader;

use crate::content::open_tree;
use crate::context::Context;
use crate::error::Result;
use crate::pairs::each_pair;

/// How a path changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// Its content or kind is another.
    Modified,
    /// Only its mode, owner, times or attributes are others.
    Metadata,
}

/// One path that changed.
#[derive(Debug, Clone, serde::Serialize)]
pub struct ChangedPath {
    /// How.
    pub change: Change,
    /// Which.
    #[serde(serialize_with = "path_as_text")]
    pub path: Vec<u8>,
    /// Length before, of a file.
    pub size_before_bytes: Option<u64>,
    /// Length after, of a file.
    pub size_after_bytes: Option<u64>,
}

/// Counts of changes.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct DiffReport {
    /// The snapshot before.
    pub before: Option<SnapshotId>,
    /// The snapshot after.
    pub after: Option<SnapshotId>,
    /// The layer before, when two layers were compared.
    #[serde(serialize_with = "as_registries_do")]
    pub before_blob: Option<Digest>,
    /// The layer after.
    #[serde(serialize_with = "as_registries_do")]
    pub after_blob: Option<Digest>,
    /// Paths that are new.
    pub added: u64,
    /// Paths that are gone.
    pub removed: u64,
    /// Paths with other content.
    pub modified: u64,
    /// Paths with other metadata only.
    pub metadata: u64,
    /// Lengths of new files, and of modified ones after.
    pub added_bytes: u64,
    /// Lengths of files that are gone, and of modified ones before.
    pub removed_bytes: u64,
    /// The metadata streams differ; none when neither or only one snapshot has one.
    pub metadata_stream_changed: Option<bool>,
}

/// Compares two snapshots and calls `show` for each path that changed, in order.
///
/// # Errors
/// Those of damage, those of `show`, and those of the store.
pub fn run(
    repo: &Repository,
    before: &str,
    after: &str,
    context: &Context,
    mut show: impl FnMut(&ChangedPath) -> Result<()>,
) -> Result<DiffReport> {
    let (before_id, before) = repo.find_snapshot(before)?;
    let (after_id, after) = repo.find_snapshot(after)?;
    let mut report = DiffReport { before: Some(before_id), after: Some(after_id), ..DiffReport::default() };
    if let (Some(before), Some(after)) = (&before.metadata, &after.metadata) {
        report.metadata_stream_changed = Some(before.digest != after.digest);
    }
    let reader = Reader::new(repo)?;
    let open = |id, snapshot: &dtrvault_format::Snapshot| match &snapshot.images {
        Some(_) => open_tree(&reader, id, snapshot).map(Some),
        None => Ok(None),
    };
    let old = open(&before_id, &before)?.into_iter().flatten();
    let new = open(&after_id, &after)?.into_iter().flatten();
    let order = |left: &Entry, right: &Entry| path_order(&left.path, &right.path);
    each_pair(old, new, order, context, |was, is| {
        let Some(changed) = compare(was.as_ref(), is.as_ref()) else { return Ok(()) };
        report.count(&changed);
        show(&changed)
    })?;
    Ok(report)
}

fn as_registries_do<S: serde::Serializer>(
    blob: &Option<Digest>,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    serde::Serialize::serialize(&blob.map(|digest| digest.to_oci()), serializer)
}

impl DiffReport {
    pub(crate) fn count(&mut self, changed: &ChangedPath) {
        match changed.change {
            Change::Added => self.added += 1,
            Change::Removed => self.removed += 1,
            Change::Modified => self.modified += 1,
            Change::Metadata => {
                self.metadata += 1;
                return;
            }
        }
        self.added_bytes = self.added_bytes.saturating_add(changed.size_after_bytes.unwrap_or(0));
        self.removed_bytes = self.removed_bytes.saturating_add(changed.size_before_bytes.unwrap_or(0));
    }
}

fn compare(was: Option<&Entry>, is: Option<&Entry>) -> Option<ChangedPath> {
    let (change, path) = match (was, is) {
        (Some(was), None) => (Change::Removed, &was.path),
        (None, Some(is)) => (Change::Added, &is.path),
        (Some(was), Some(is)) if content(&was.kind) != content(&is.kind) => (Change::Modified, &is.path),
        (Some(was), Some(is)) if was.meta != is.meta => (Change::Metadata, &is.path),
        _ => return None,
    };
    let size = |entry: Option<&Entry>| match &entry?.kind {
        Kind::File(file) => Some(file.size),
        _ => None,
    };
    Some(ChangedPath { change, path: path.clone(), size_before_bytes: size(was), size_after_bytes: size(is) })
}

/// What an entry is, without what only tells whether it was touched.
fn content(kind: &Kind) -> Kind {
    let mut kind = kind.clone();
    if let Kind::File(file) = &mut kind {
        file.identity = Identity::Unknown;
        file.sparse = false;
    }
    kind
}
