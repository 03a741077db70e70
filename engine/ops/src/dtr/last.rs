//! The last snapshot of a DTR. A note of it is kept in the cache folder, because a write-only key
//! cannot read it back.

use std::fs;
use std::io;
use std::path::PathBuf;

use dtrvault_dtr::Cluster;
use dtrvault_format::{DtrIdentity, Role, Snapshot, SnapshotId, Time};
use dtrvault_repo::Repository;

use crate::error::Result;

/// What is known of the last snapshot of a DTR.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LastSnapshot {
    /// Its id.
    pub id: String,
    /// When it was taken, seconds since 1970.
    pub time_secs: i64,
    /// Whether it is complete.
    pub complete: bool,
    /// The replica that it was taken from, when known.
    pub replica: Option<String>,
    /// The cluster, when known.
    pub cluster: Option<String>,
}

impl LastSnapshot {
    fn new(id: &SnapshotId, snapshot: &Snapshot, dtr: &DtrIdentity) -> Self {
        Self {
            id: id.to_string(),
            time_secs: snapshot.time.secs,
            complete: snapshot.complete,
            replica: dtr.replica.clone(),
            cluster: dtr.cluster.clone(),
        }
    }

    /// How old it is, seconds; not negative when clocks differ.
    #[must_use]
    pub fn age_secs(&self, now: Time) -> i64 {
        now.secs.saturating_sub(self.time_secs).max(0)
    }

    /// Whether it is of that cluster, as far as both say which they are.
    fn is_of(&self, cluster: &Cluster) -> bool {
        match (&self.cluster, &cluster.id, &self.replica) {
            (Some(then), Some(now), _) => then == now,
            (_, _, Some(replica)) => cluster.replicas.iter().any(|known| known.id.as_str() == replica),
            _ => true,
        }
    }
}

/// The last snapshot of a DTR: from the repository where the key can read it, else from the notes of this host.
pub(super) fn find(repo: &Repository, cluster: &Cluster) -> Result<Option<LastSnapshot>> {
    let mut known: Vec<LastSnapshot> = if repo.role() == Role::Full {
        let sound = repo.snapshots()?.sound;
        // Without metadata there is no way back for a DTR.
        let of_dtr = sound.iter().filter(|(_, snapshot)| snapshot.metadata.is_some());
        of_dtr
            .filter_map(|(id, snapshot)| Some(LastSnapshot::new(id, snapshot, snapshot.dtr.as_ref()?)))
            .collect()
    } else {
        notes(repo)
    };
    known.retain(|last| last.is_of(cluster));
    Ok(known.into_iter().max_by_key(|last| last.time_secs))
}

/// Keeps a note of a snapshot.
pub(super) fn note(repo: &Repository, id: &SnapshotId, snapshot: &Snapshot) -> io::Result<()> {
    let Some(dtr) = &snapshot.dtr else { return Ok(()) };
    let Some(replica) = dtr.replica.as_deref().filter(|replica| is_plain(replica)) else { return Ok(()) };
    let folder = folder(repo);
    fs::create_dir_all(&folder)?;
    let text = serde_json::to_string(&LastSnapshot::new(id, snapshot, dtr))?;
    let new = folder.join(format!("{replica}.new"));
    fs::write(&new, text)?;
    fs::rename(new, folder.join(format!("{replica}.json")))
}

fn notes(repo: &Repository) -> Vec<LastSnapshot> {
    let files = fs::read_dir(folder(repo)).into_iter().flatten().filter_map(std::result::Result::ok);
    let files = files.filter(|file| file.path().extension().is_some_and(|end| end == "json"));
    // One that cannot be read is one that is not there.
    files.filter_map(|file| serde_json::from_str(&fs::read_to_string(file.path()).ok()?).ok()).collect()
}

fn folder(repo: &Repository) -> PathBuf {
    repo.cache_dir().join("dtr")
}

fn is_plain(replica: &str) -> bool {
    !replica.is_empty() && replica.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last(replica: Option<&str>, cluster: Option<&str>) -> LastSnapshot {
        LastSnapshot {
            id: String::new(),
            time_secs: 100,
            complete: true,
            replica: replica.map(str::to_owned),
            cluster: cluster.map(str::to_owned),
        }
    }

    #[test]
    fn a_snapshot_is_of_a_cluster_by_whatever_both_say() {
        let cluster = |id: Option<&str>| Cluster { id: id.map(str::to_owned), replicas: Vec::new() };
        assert!(last(None, Some("a")).is_of(&cluster(Some("a"))));
        assert!(!last(None, Some("a")).is_of(&cluster(Some("b"))));
        assert!(!last(Some("0123456789ab"), None).is_of(&cluster(Some("a"))));
        assert!(last(None, None).is_of(&cluster(Some("a"))), "a tar that was taken elsewhere says no more");
    }

    #[test]
    fn no_snapshot_is_younger_than_now() {
        assert_eq!(last(None, None).age_secs(Time::from_secs(160)), 60);
        assert_eq!(last(None, None).age_secs(Time::from_secs(40)), 0);
    }
}
