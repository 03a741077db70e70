//! What a check has looked at, and what it has found: a list that never fills the memory.

use dtrvault_format::tree::path_as_text;
use dtrvault_format::{Digest, SnapshotId};
use dtrvault_repo::RepoError;

use super::tags::Unresolved;
use crate::error::OpsError;

/// Most memory that the list of damage takes, bytes.
const MAX_LISTED_BYTES: usize = 32 << 20;

/// Something that is damaged.
#[derive(Debug, serde::Serialize)]
pub struct Damage {
    /// The object of the store that is at fault, where it is one.
    pub object: Option<String>,
    /// The snapshot that cannot be restored whole because of it.
    pub snapshot: Option<SnapshotId>,
    /// The path in that snapshot.
    #[serde(serialize_with = "optional_path")]
    pub path: Option<Vec<u8>>,
    /// The blob that cannot be made.
    pub blob: Option<Digest>,
    /// What is wrong.
    pub detail: String,
}

#[allow(clippy::ref_option, reason = "serde's own signature")]
fn optional_path<S: serde::Serializer>(path: &Option<Vec<u8>>, s: S) -> std::result::Result<S::Ok, S::Error> {
    match path {
        Some(path) => path_as_text(path, s),
        None => s.serialize_none(),
    }
}

/// A pack that no index segment names, and that no run will use: cut short, rotten, or of another
/// repository. What the index names does not need it.
#[derive(Debug, serde::Serialize)]
pub struct UnusablePack {
    /// Its key in the store.
    pub object: String,
    /// Its length.
    pub size_bytes: u64,
    /// What is wrong with it.
    pub detail: String,
}

/// What was looked at, and what was found.
#[derive(Debug, Default, serde::Serialize)]
pub struct CheckReport {
    /// Snapshots looked at.
    pub snapshots: u64,
    /// Entries of their trees.
    pub entries: u64,
    /// Blobs whose recipes were followed.
    pub blobs: u64,
    /// Packs in the index.
    pub packs: u64,
    /// Packs that were read.
    pub read_packs: u64,
    /// Their lengths.
    pub read_bytes: u64,
    /// Packs in the store that no index segment names. No damage: a run that goes on has sent
    /// them, or one that was cut short, and the next one uses them again.
    pub unreferenced_packs: u64,
    /// Their lengths.
    pub unreferenced_bytes: u64,
    /// Those among them that cannot be used, of as many as were opened.
    pub unusable_packs: Vec<UnusablePack>,
    /// Tags of the newest snapshot of each source.
    pub tags: u64,
    /// Those whose manifest and whose every blob is there.
    pub proven_tags: u64,
    /// What the others lack: the first of it, for each source. No damage of the repository, unless that
    /// is listed too: the registry lacked it.
    pub unresolved: Vec<Unresolved>,
    /// All that they lack, counted.
    pub unresolved_count: u64,
    /// Snapshots among these that lack something, and say that they are complete.
    pub unproven_snapshots: u64,
    /// What is damaged, as far as memory goes.
    pub damage: Vec<Damage>,
    /// All that is damaged, counted.
    pub damage_count: u64,
    /// Lengths of what is listed.
    #[serde(skip)]
    listed_bytes: usize,
}

impl CheckReport {
    /// One more. The list ends where it would fill the memory: a lost pack may be needed by every
    /// path of every snapshot.
    pub(super) fn add(&mut self, damage: Damage) {
        self.damage_count += 1;
        let path_bytes = damage.path.as_ref().map_or(0, Vec::len);
        self.listed_bytes += size_of::<Damage>() + path_bytes + damage.detail.len();
        if self.listed_bytes <= MAX_LISTED_BYTES {
            self.damage.push(damage);
        }
    }

    /// Whether nothing is damaged.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.damage_count == 0
    }
}

pub(super) fn of_detail(detail: String) -> Damage {
    Damage { object: None, snapshot: None, path: None, blob: None, detail }
}

pub(super) fn of_object(object: String, detail: String) -> Damage {
    Damage { object: Some(object), ..of_detail(detail) }
}

/// Damage that an error tells of, with the object that it names.
pub(super) fn of_error(error: &RepoError) -> Damage {
    Damage { object: error.object(), ..of_detail(OpsError::chain(error)) }
}
