//! Tags: whether each leads to a manifest whose every blob is there.
//!
//! Looked at is the newest snapshot of every source, which is what a restore would take: to ask every
//! snapshot would mean to read every metadata tar. What an older one lacks was told when it was taken, and what
//! was lost since is damage.

use std::collections::HashSet;

use dtrvault_format::{Snapshot, SnapshotId};

use super::Check;
use crate::error::Result;
use crate::proof::{Missing, ProofReport, prove};

/// Something that a tag needs, and that its snapshot has not.
#[derive(Debug, serde::Serialize)]
pub struct Unresolved {
    /// The snapshot.
    pub snapshot: SnapshotId,
    /// What it has not.
    #[serde(flatten)]
    pub missing: Missing,
}

impl Check<'_> {
    /// Proves the tags of the newest snapshot of each source; `snapshots` stand by time.
    pub(super) fn tags(&mut self, snapshots: &[(SnapshotId, Snapshot)]) -> Result<()> {
        self.context.progress.stage("tags", None);
        let mut sources = HashSet::new();
        for (id, snapshot) in snapshots.iter().rev() {
            let Some(images) = &snapshot.images else { continue };
            if !sources.insert((&snapshot.host, &images.location)) {
                continue;
            }
            let is_usable = |digest: &_| !self.damaged_blobs.contains(digest);
            match prove(&self.reader, *id, snapshot, &is_usable, self.context) {
                // It is in the report already.
                Err(error) if error.is_damage() => {}
                proof => self.add_proof(proof?, snapshot.complete),
            }
        }
        Ok(())
    }

    /// What an incomplete snapshot lacks was told when it was taken.
    fn add_proof(&mut self, proof: ProofReport, is_complete: bool) {
        self.report.unproven_snapshots += u64::from(is_complete && !proof.is_whole());
        let ProofReport { snapshot, tags, proven_tags, missing, missing_count, .. } = proof;
        self.report.tags += tags;
        self.report.proven_tags += proven_tags;
        self.report.unresolved_count += missing_count;
        self.report.unresolved.extend(missing.into_iter().map(|missing| Unresolved { snapshot, missing }));
    }
}
