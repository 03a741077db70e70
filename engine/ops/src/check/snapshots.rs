//! Snapshots: their trees and logs, and the blobs that they name.

use std::collections::HashSet;

use dtrvault_format::{Content, Digest, Kind, Recipe, Snapshot, SnapshotId, StreamRef};

use super::Check;
use super::report::{Damage, of_detail, of_error};
use crate::content::open_tree;
use crate::error::{OpsError, Result};

impl Check<'_> {
    /// Goes through every snapshot; and lists the damage that none of them needs.
    pub(super) fn snapshots(&mut self) -> Result<()> {
        self.context.progress.stage("snapshots", None);
        let snapshots = self.repo.snapshots()?;
        for (id, error) in &snapshots.damaged {
            let damage = Damage { snapshot: Some(*id), ..of_error(error) };
            self.report.add(damage);
        }
        for (id, snapshot) in &snapshots.sound {
            self.report.snapshots += 1;
            self.snapshot(*id, snapshot)?;
        }
        self.tags(&snapshots.sound)?;
        // What no snapshot names is damage all the same: the next snapshot would rely on it.
        let named: HashSet<Digest> = self.report.damage.iter().filter_map(|damage| damage.blob).collect();
        for digest in self.damaged_blobs.difference(&named) {
            let wrong = self.wrong_blobs.get(digest).map_or("the blob cannot be made", String::as_str);
            let detail = format!("{wrong}; no snapshot needs it");
            self.report.add(Damage { blob: Some(*digest), ..of_detail(detail) });
        }
        Ok(())
    }

    fn snapshot(&mut self, id: SnapshotId, snapshot: &Snapshot) -> Result<()> {
        if let Some(part) = &snapshot.metadata {
            self.blob(id, part.name.as_bytes(), part.digest, part.size)?;
            if let Some(log) = part.log {
                self.stream(id, "the log of its metadata", log)?;
            }
        }
        let Some(images) = &snapshot.images else { return Ok(()) };
        if !self.stream(id, "its tree", images.tree)? {
            return Ok(());
        }
        let mut entries = 0;
        for entry in open_tree(&self.reader, &id, snapshot)? {
            self.context.proceed()?;
            let entry = match entry {
                Err(error) if error.is_damage() => {
                    let detail = OpsError::chain(&error);
                    self.report.add(Damage { snapshot: Some(id), ..of_detail(detail) });
                    return Ok(());
                }
                entry => entry?,
            };
            entries += 1;
            self.report.entries += 1;
            if let Kind::File(file) = &entry.kind
                && let Content::Blob(digest) = file.content
            {
                self.blob(id, &entry.path, digest, file.size)?;
            }
        }
        if entries != images.entries {
            let detail = format!("its tree has {entries} entries, and should have {}", images.entries);
            self.report.add(Damage { snapshot: Some(id), ..of_detail(detail) });
        }
        Ok(())
    }

    /// Whether a stream that a snapshot itself names can be read.
    fn stream(&mut self, snapshot: SnapshotId, what: &str, stream: StreamRef) -> Result<bool> {
        let Some(error) = self.recipe_damage(&Recipe::Plain(stream))? else { return Ok(true) };
        let detail = format!("{what} cannot be read: {}", OpsError::chain(&error));
        self.report.add(Damage { snapshot: Some(snapshot), ..of_detail(detail) });
        Ok(false)
    }

    /// Whether a blob that a snapshot names can be made.
    fn blob(&mut self, snapshot: SnapshotId, path: &[u8], digest: Digest, size: u64) -> Result<()> {
        let detail = match self.repo.index().blob(&digest)? {
            None => "the index does not know the blob".to_owned(),
            Some((known, _)) if known != size => {
                format!("the index says that the blob has {known} bytes, the snapshot says {size}")
            }
            Some((_, recipe)) if self.damaged_blobs.contains(&digest) => {
                match (self.wrong_blobs.get(&digest), self.recipe_damage(&recipe)?) {
                    (Some(wrong), _) => wrong.clone(),
                    (None, Some(error)) => OpsError::chain(&error),
                    (None, None) => "the blob cannot be made".to_owned(),
                }
            }
            Some(_) => return Ok(()),
        };
        self.damaged_blobs.insert(digest);
        self.report.add(Damage {
            object: None,
            snapshot: Some(snapshot),
            path: Some(path.to_vec()),
            blob: Some(digest),
            detail,
        });
        Ok(())
    }
}
