//! `snapshots`: lists them.

use dtrvault_format::{Snapshot, SnapshotId};
use dtrvault_repo::Repository;

use crate::context::Context;
use crate::error::Result;

/// Which snapshots are wanted.
#[derive(Debug, Clone, Default)]
pub struct SnapshotsFilter {
    /// The newest so many.
    pub latest: Option<usize>,
    /// Those that have all of these tags.
    pub tags: Vec<String>,
    /// Those of this host.
    pub host: Option<String>,
    /// Those of this registry: where its image content was read.
    pub registry: Option<String>,
}

/// A snapshot and its id.
#[derive(Debug, serde::Serialize)]
pub struct SnapshotRow {
    /// Its id.
    pub id: SnapshotId,
    /// What it says.
    #[serde(flatten)]
    pub snapshot: Snapshot,
}

impl SnapshotsFilter {
    fn accepts(&self, snapshot: &Snapshot) -> bool {
        let location = snapshot.images.as_ref().map(|images| images.location.as_str());
        self.tags.iter().all(|tag| snapshot.tags.contains(tag))
            && self.host.as_ref().is_none_or(|host| *host == snapshot.host)
            && self.registry.as_deref().is_none_or(|registry| location == Some(registry))
    }
}

/// What was found.
#[derive(Debug, serde::Serialize)]
pub struct SnapshotsReport {
    /// Those that are wanted, oldest first.
    pub snapshots: Vec<SnapshotRow>,
    /// How many cannot be read.
    pub damaged: u64,
}

/// Lists snapshots. One that is damaged is warned of, and counted.
///
/// # Errors
/// [`dtrvault_repo::RepoError::NeedsFullKey`], and those of the store.
pub fn run(repo: &Repository, filter: &SnapshotsFilter, context: &Context) -> Result<SnapshotsReport> {
    let snapshots = repo.snapshots()?;
    for (_, error) in &snapshots.damaged {
        context.progress.warn(&error.to_string());
    }
    let mut rows: Vec<SnapshotRow> = snapshots
        .sound
        .into_iter()
        .filter(|(_, snapshot)| filter.accepts(snapshot))
        .map(|(id, snapshot)| SnapshotRow { id, snapshot })
        .collect();
    if let Some(latest) = filter.latest {
        rows.drain(..rows.len().saturating_sub(latest));
    }
    Ok(SnapshotsReport { snapshots: rows, damaged: snapshots.damaged.len() as u64 })
}
