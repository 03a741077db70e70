//! A DTR as the Docker Engine shows it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::error::{DtrError, Result};
use crate::names::{NEEDED_PARTS, ReplicaId};
use crate::version::Version;

/// All that is seen of a DTR.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Cluster {
    /// Id of the UCP or MKE cluster, which is that of its swarm; unknown on an engine that manages none.
    pub id: Option<String>,
    /// Its replicas, by id. An engine that is no swarm manager's shows only those of its own node.
    pub replicas: Vec<Replica>,
}

impl Cluster {
    /// How many replicas are healthy.
    #[must_use]
    pub fn healthy(&self) -> usize {
        self.replicas.iter().filter(|replica| replica.is_healthy()).count()
    }

    /// How many of them it takes for DTR to work: a majority.
    #[must_use]
    pub fn needed(&self) -> usize {
        self.replicas.len() / 2 + 1
    }

    /// Whether enough are healthy.
    #[must_use]
    pub fn has_quorum(&self) -> bool {
        self.healthy() >= self.needed()
    }

    /// The replica of that id.
    #[must_use]
    pub fn replica(&self, id: &ReplicaId) -> Option<&Replica> {
        self.replicas.iter().find(|replica| replica.id == *id)
    }

    /// The replica of that id, which must be there.
    ///
    /// # Errors
    /// [`DtrError::NoSuchReplica`], which names those that are.
    pub fn need(&self, id: &ReplicaId) -> Result<&Replica> {
        self.replica(id).ok_or_else(|| DtrError::NoSuchReplica {
            replica: id.to_string(),
            known: self.replicas.iter().map(|replica| replica.id.to_string()).collect(),
        })
    }
}

/// One replica.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Replica {
    /// Its id.
    pub id: ReplicaId,
    /// The version of DTR, when it says so.
    pub version: Option<Version>,
    /// The image that it was installed from, when that can be told.
    pub image: Option<String>,
    /// The node it is on, where the engine speaks for several.
    pub node: Option<String>,
    /// Its containers, by part.
    pub parts: BTreeMap<&'static str, Part>,
    /// Where its image content is.
    pub storage: Storage,
    /// Port of its API on the node.
    pub https_port: Option<u16>,
}

/// One container of a replica.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Part {
    /// Its id.
    #[serde(skip)]
    pub container: String,
    /// Whether it runs, and its health check, if it has one, does not fail.
    pub healthy: bool,
    /// What the engine says of it.
    pub status: String,
}

/// Where a replica keeps image content.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Storage {
    /// A volume of the engine.
    Volume {
        /// Its name.
        name: String,
        /// Its folder on the engine's host.
        mountpoint: Option<PathBuf>,
    },
    /// A volume that is mounted from an NFS server.
    Nfs {
        /// Its name.
        name: String,
        /// Its folder on the engine's host.
        mountpoint: Option<PathBuf>,
    },
    /// A folder of the engine's host.
    Folder {
        /// The folder.
        mountpoint: PathBuf,
    },
    /// An object store, of which the containers say no more than the driver.
    Objects {
        /// `s3`, `gcs`, `azure`, `swift` …
        driver: String,
    },
    /// Nothing says where.
    Unknown,
}

impl Storage {
    /// Its kind in a word, as it stands in snapshots: a restore wants the same one.
    #[must_use]
    pub fn kind(&self) -> &str {
        match self {
            Self::Volume { .. } => "volume",
            Self::Nfs { .. } => "nfs",
            Self::Folder { .. } => "folder",
            Self::Objects { driver } => driver,
            Self::Unknown => "unknown",
        }
    }

    /// The volume, where it is one.
    #[must_use]
    pub fn volume(&self) -> Option<&str> {
        match self {
            Self::Volume { name, .. } | Self::Nfs { name, .. } => Some(name),
            Self::Folder { .. } | Self::Objects { .. } | Self::Unknown => None,
        }
    }

    /// The folder on the engine's host.
    #[must_use]
    pub fn mountpoint(&self) -> Option<&PathBuf> {
        match self {
            Self::Volume { mountpoint, .. } | Self::Nfs { mountpoint, .. } => mountpoint.as_ref(),
            Self::Folder { mountpoint } => Some(mountpoint),
            Self::Objects { .. } | Self::Unknown => None,
        }
    }
}

impl Replica {
    /// Parts that are not well, and those that are missing.
    #[must_use]
    pub fn ailing(&self) -> Vec<String> {
        let sick = self.parts.iter().filter(|(_, part)| !part.healthy);
        let sick = sick.map(|(name, part)| format!("{name} ({})", part.status));
        let missing = NEEDED_PARTS.iter().filter(|part| !self.parts.contains_key(*part));
        sick.chain(missing.map(|part| format!("{part} (missing)"))).collect()
    }

    /// Whether every part that it has is well, and those without which nothing works are there.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.ailing().is_empty()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn replica(id: &str, sick: &[&'static str], missing: &[&str]) -> Replica {
        let parts = crate::names::PARTS.into_iter().filter(|part| !missing.contains(part));
        let part = |name| Part {
            container: String::new(),
            healthy: !sick.contains(&name),
            status: "Up 2 hours".into(),
        };
        Replica {
            id: id.parse().unwrap(),
            version: None,
            image: None,
            node: None,
            parts: parts.map(|name| (name, part(name))).collect(),
            storage: Storage::Unknown,
            https_port: None,
        }
    }

    #[test]
    fn a_majority_must_be_healthy() {
        let id = |digit: u8| format!("00000000000{digit}");
        let cluster = |sick: u8, all: u8| Cluster {
            id: None,
            replicas: (0..all)
                .map(|n| replica(&id(n), if n < sick { &["rethinkdb"] } else { &[] }, &[]))
                .collect(),
        };
        for (sick, all, works) in [
            (0, 1, true),
            (1, 1, false),
            (1, 2, false),
            (1, 3, true),
            (2, 3, false),
            (2, 5, true),
            (3, 5, false),
        ] {
            assert_eq!(cluster(sick, all).has_quorum(), works, "{sick} of {all} are sick");
        }
    }

    #[test]
    fn what_nothing_works_without_must_be_there() {
        assert!(replica("000000000000", &[], &["scanningstore"]).is_healthy(), "older versions have none");
        assert_eq!(replica("000000000000", &[], &["registry"]).ailing(), ["registry (missing)"]);
        assert_eq!(replica("000000000000", &["garant"], &[]).ailing(), ["garant (Up 2 hours)"]);
    }
}
