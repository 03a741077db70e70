//! How a DTR is set up.

use dtrvault_dtr_stand_in::Version;

/// How the storage backend names blobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blobs {
    /// `blobs/sha256/<2>/<hex>/data`, with links, as up to 2.5.
    ByDigest,
    /// `blobs/id/<2>/<id>/data`, links and manifests in the database, as from 2.6.
    ById,
}

/// How a DTR is set up.
#[derive(Debug, Clone)]
pub struct Layout {
    /// Id of its replica.
    pub replica: String,
    /// An administrator of the cluster.
    pub user: String,
    /// His password.
    pub password: String,
    /// How blobs are named; `None`: as the version names them.
    pub blobs: Option<Blobs>,
    /// Whether images are on NFS (`dtr-nfs-registry-<id>`, here a volume like others).
    pub nfs: bool,
    /// Rows of events and scans: what nobody needs, and most of a backup.
    pub events: u64,
    /// Whether commands may have secrets among their arguments.
    pub secrets_in_arguments: bool,
}

impl Layout {
    /// The usual, with a replica id of its own for each `seed`: tests of one engine run at once.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            replica: format!("{:012x}", 0x5eed_0000_0000_u64 | seed),
            user: "admin".to_owned(),
            password: "Gänse, $füße & \"more\"".to_owned(),
            blobs: None,
            nfs: false,
            events: 200,
            secrets_in_arguments: false,
        }
    }

    pub(super) fn blobs_of(&self, version: Version) -> Blobs {
        let usual = if version < Version::new(2, 6, 0) { Blobs::ByDigest } else { Blobs::ById };
        self.blobs.unwrap_or(usual)
    }
}
