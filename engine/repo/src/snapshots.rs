//! Snapshots: finding and reading them.

use std::fmt::Display;

use dtrvault_crypto::PrivateKind;
use dtrvault_format::cbor::Object;
use dtrvault_format::limits::MAX_SNAPSHOT_BYTES;
use dtrvault_format::names::{Named, SNAPSHOTS};
use dtrvault_format::{Snapshot, SnapshotId};

use crate::error::{RepoError, Result};
use crate::repository::Repository;

/// Snapshots that are fetched at once; each may be [`MAX_SNAPSHOT_BYTES`] long.
const WINDOW: usize = 16;

/// All snapshots of a repository.
#[derive(Debug, Default)]
pub struct Snapshots {
    /// Those that can be read, oldest first.
    pub sound: Vec<(SnapshotId, Snapshot)>,
    /// Those that cannot.
    pub damaged: Vec<(SnapshotId, RepoError)>,
}

impl Repository {
    /// Ids of all snapshots, in no order.
    ///
    /// # Errors
    /// Those of the store.
    pub fn snapshot_ids(&self) -> Result<Vec<SnapshotId>> {
        self.backend().list(SNAPSHOTS)
    }

    /// Reads a snapshot.
    ///
    /// # Errors
    /// [`RepoError::NeedsFullKey`], those of damage, and those of the store.
    pub fn snapshot(&self, id: &SnapshotId) -> Result<Snapshot> {
        self.need_full_key()?;
        self.open_snapshot(id, &self.backend().get_named(id, MAX_SNAPSHOT_BYTES)?)
    }

    /// Reads all snapshots, oldest first. What is wrong with one is told of that one, last.
    ///
    /// # Errors
    /// [`RepoError::NeedsFullKey`], and those of the store.
    pub fn snapshots(&self) -> Result<Snapshots> {
        self.need_full_key()?;
        let mut snapshots = Snapshots::default();
        self.each_snapshot(|id, snapshot| match snapshot {
            Ok(snapshot) => snapshots.sound.push((id, snapshot)),
            Err(error) => snapshots.damaged.push((id, error)),
        })?;
        snapshots.sound.sort_by_key(|(id, snapshot)| (snapshot.time, *id));
        Ok(snapshots)
    }

    /// Calls `visit` for every snapshot, in no order, or for what is wrong with it. Holds few at once.
    fn each_snapshot(&self, mut visit: impl FnMut(SnapshotId, Result<Snapshot>)) -> Result<()> {
        for ids in self.snapshot_ids()?.chunks(WINDOW) {
            for (id, bytes) in self.backend().get_many(ids, MAX_SNAPSHOT_BYTES) {
                match bytes.and_then(|bytes| self.open_snapshot(&id, &bytes)) {
                    Err(error) if !error.is_damage() => return Err(error),
                    snapshot => visit(id, snapshot),
                }
            }
        }
        Ok(())
    }

    /// The snapshot whose id begins with `prefix`, or the newest for `latest`.
    ///
    /// # Errors
    /// [`RepoError::NoSuchId`], [`RepoError::AmbiguousId`], and as [`Repository::snapshot`].
    pub fn find_snapshot(&self, prefix: &str) -> Result<(SnapshotId, Snapshot)> {
        self.need_full_key()?;
        if prefix == "latest" {
            let mut damaged = None;
            let mut latest: Option<(SnapshotId, Snapshot)> = None;
            self.each_snapshot(|id, snapshot| match snapshot {
                Ok(snapshot) if latest.as_ref().is_none_or(|(i, s)| (s.time, *i) < (snapshot.time, id)) => {
                    latest = Some((id, snapshot));
                }
                Ok(_) => {}
                Err(_) => damaged = Some(id),
            })?;
            // An older one in the place of the newest would be a silent loss.
            if let Some(id) = damaged {
                return Err(RepoError::UnreadableLatest { key: id.key() });
            }
            return latest.ok_or_else(|| RepoError::NoSuchId { what: "snapshot", prefix: prefix.to_owned() });
        }
        let id = by_prefix("snapshot", prefix, &self.snapshot_ids()?)?;
        Ok((id, self.snapshot(&id)?))
    }

    fn open_snapshot(&self, id: &SnapshotId, bytes: &[u8]) -> Result<Snapshot> {
        let plain = self.ring().open_private(PrivateKind::Snapshot, bytes);
        let plain = plain.map_err(|source| RepoError::Unsealed { key: id.key(), source })?;
        Snapshot::from_bytes(&plain).map_err(|source| RepoError::Malformed { key: id.key(), source })
    }
}

/// The one id that begins with `prefix`.
pub(crate) fn by_prefix<I: Display + Copy>(what: &'static str, prefix: &str, ids: &[I]) -> Result<I> {
    let mut found = ids.iter().filter(|id| !prefix.is_empty() && id.to_string().starts_with(prefix));
    match (found.next(), found.next()) {
        (Some(id), None) => Ok(*id),
        (None, _) => Err(RepoError::NoSuchId { what, prefix: prefix.to_owned() }),
        (Some(_), Some(_)) => Err(RepoError::AmbiguousId { what, prefix: prefix.to_owned() }),
    }
}
