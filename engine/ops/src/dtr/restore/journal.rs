//! That a restore has begun to build anew, for the run that comes after one that was cut off: a file for each replica.

use std::fs;
use std::path::{Path, PathBuf};

use dtrvault_dtr::{DtrError, ReplicaId, kept};
use dtrvault_format::SnapshotId;

use crate::error::Result;

/// What the file says.
#[derive(serde::Serialize, serde::Deserialize)]
struct Record {
    snapshot: String,
}

/// The journal of a replica.
pub(super) struct Journal {
    path: PathBuf,
}

impl Journal {
    pub(super) fn new(folder: &Path, replica: &ReplicaId) -> Self {
        Self { path: folder.join(format!("restore-{replica}.json")) }
    }

    /// Whether a restore of that very snapshot was cut off after it had taken away what was left.
    pub(super) fn goes_on_with(&self, snapshot: &SnapshotId) -> bool {
        let text = fs::read_to_string(&self.path).ok();
        let record = text.and_then(|text| serde_json::from_str::<Record>(&text).ok());
        record.is_some_and(|record| record.snapshot == snapshot.to_string())
    }

    /// Writes down that what was left has been taken away: what stands from now on is this restore's.
    pub(super) fn write(&self, snapshot: &SnapshotId) -> Result<()> {
        let record = Record { snapshot: snapshot.to_string() };
        let text = serde_json::to_vec(&record).map_err(std::io::Error::from);
        let text = text.map_err(|source| DtrError::File { path: self.path.clone(), source })?;
        Ok(kept::write(&self.path, &text)?)
    }

    /// All is done.
    pub(super) fn remove(&self) -> Result<()> {
        Ok(kept::remove(&self.path)?)
    }
}
