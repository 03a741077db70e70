//! `dtr status`: how a DTR is, and when it was last backed up.

use std::path::PathBuf;

use dtrvault_dtr::{Cluster, Engine, Owner, freeze};
use dtrvault_format::Time;
use dtrvault_repo::Repository;

use super::last::{self, LastSnapshot};
use crate::error::Result;

/// What is asked of a DTR.
pub struct StatusOptions {
    /// How old its last snapshot may be, seconds.
    pub max_age_secs: Option<i64>,
    /// The time.
    pub now: Time,
    /// The folder in which it is noted that a registry was frozen, where there is one.
    pub notes: Option<PathBuf>,
    /// Who asks.
    pub owner: Owner,
}

/// How a DTR is.
#[derive(Debug, serde::Serialize)]
pub struct StatusReport {
    /// Its replicas.
    pub cluster: Cluster,
    /// The last snapshot of it that has its metadata.
    pub last: Option<LastSnapshot>,
    /// How old that is, seconds.
    pub age_secs: Option<i64>,
    /// What wants attention; nothing when all is well.
    pub attention: Vec<Attention>,
}

/// Something that wants attention.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Attention {
    /// Fewer replicas are healthy than DTR needs to work.
    NoQuorum {
        /// Replicas that are healthy.
        healthy: usize,
        /// Replicas that it takes.
        needed: usize,
    },
    /// A replica is not well.
    Ailing {
        /// Which.
        replica: String,
        /// Its parts that are not well, or not there.
        parts: Vec<String>,
    },
    /// Replicas are of several versions.
    MixedVersions,
    /// A snapshot that made a registry read-only has died; the next one sets it back.
    LeftFrozen {
        /// The registry's API.
        url: String,
    },
    /// There is no snapshot of it.
    NoSnapshot,
    /// The last snapshot lacks something.
    IncompleteSnapshot,
    /// The last snapshot is too old.
    OldSnapshot {
        /// How old it is, seconds.
        age_secs: i64,
        /// How old it may be.
        max_age_secs: i64,
    },
}

/// Looks at a DTR, and for its last snapshot where there is a repository.
///
/// # Errors
/// Those of the engine and of the repository.
pub fn run(engine: &Engine, repo: Option<&Repository>, options: &StatusOptions) -> Result<StatusReport> {
    let cluster = dtrvault_dtr::discover(engine)?;
    let last = repo.map(|repo| last::find(repo, &cluster)).transpose()?.flatten();
    let age_secs = last.as_ref().map(|last| last.age_secs(options.now));
    let mut attention = of_cluster(&cluster);
    let notes = options.notes.iter().flat_map(|folder| freeze::left_frozen(folder, &options.owner));
    attention.extend(notes.map(|url| Attention::LeftFrozen { url }));
    if repo.is_some() {
        attention.extend(of_snapshot(last.as_ref(), age_secs, options.max_age_secs));
    }
    Ok(StatusReport { cluster, last, age_secs, attention })
}

fn of_cluster(cluster: &Cluster) -> Vec<Attention> {
    let mut found = Vec::new();
    if !cluster.has_quorum() {
        found.push(Attention::NoQuorum { healthy: cluster.healthy(), needed: cluster.needed() });
    }
    for replica in cluster.replicas.iter().filter(|replica| !replica.is_healthy()) {
        found.push(Attention::Ailing { replica: replica.id.to_string(), parts: replica.ailing() });
    }
    let mut versions = cluster.replicas.iter().filter_map(|replica| replica.version);
    let first = versions.next();
    if versions.any(|version| Some(version) != first) {
        found.push(Attention::MixedVersions);
    }
    found
}

fn of_snapshot(
    last: Option<&LastSnapshot>,
    age_secs: Option<i64>,
    max_age_secs: Option<i64>,
) -> Vec<Attention> {
    let Some(last) = last else { return vec![Attention::NoSnapshot] };
    let mut found = Vec::new();
    if !last.complete {
        found.push(Attention::IncompleteSnapshot);
    }
    if let (Some(age_secs), Some(max_age_secs)) = (age_secs, max_age_secs)
        && age_secs > max_age_secs
    {
        found.push(Attention::OldSnapshot { age_secs, max_age_secs });
    }
    found
}
