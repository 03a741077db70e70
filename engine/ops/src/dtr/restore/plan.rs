//! What a restore would do, looked at and not done.

use std::path::Path;

use dtrvault_dtr::restore::{InstallOptions, NewStorage};
use dtrvault_dtr::{
    DtrError, Engine, ImageFacts, Remains, Replica, ReplicaId, Version, cluster_id, discover,
};
use dtrvault_format::{DtrIdentity, Snapshot, SnapshotId, Time};
use dtrvault_repo::Repository;

use super::DtrRestoreOptions;
use super::journal::Journal;
use super::refusal::{Gate, Refusal};
use crate::context::Context;
use crate::error::{OpsError, Result};

/// Versions that lose tags when NFS storage is given at a restore.
const NFS_LOSES_TAGS: std::ops::RangeInclusive<Version> = Version::new(2, 6, 0)..=Version::new(2, 6, 3);

/// What a restore would do.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Plan {
    /// The snapshot.
    pub snapshot: SnapshotId,
    /// When it was taken.
    #[serde(skip)]
    pub time: Time,
    /// Where it was taken.
    pub host: String,
    /// What it is of.
    pub dtr: DtrIdentity,
    /// The replica that will be installed.
    pub replica: ReplicaId,
    /// The image that does it.
    pub image: String,
    /// Its version.
    pub version: Version,
    /// The cluster that it will be installed into, when that is known.
    pub cluster: Option<String>,
    /// What stands of the replica, and will be destroyed: all of it, or all but the images that an earlier attempt put
    /// back.
    pub remains: Remains,
    /// An earlier restore of this very snapshot was cut off, and is gone on with: its images are kept.
    pub goes_on: bool,
    /// Image content that will be put back.
    pub images: Option<ImagesPlan>,
    /// Length of the metadata tar, bytes, when DTR will be installed from it.
    pub metadata_bytes: Option<u64>,
    /// The commands, as an operator would type them; credentials go by the environment.
    pub commands: Vec<String>,
    /// Gates that are closed: with any of them nothing is done.
    pub refusals: Vec<Refusal>,
    /// Whether the snapshot lacks something.
    pub complete: bool,
}

/// Image content that is put back.
#[derive(Debug, Clone, serde::Serialize)]
pub struct ImagesPlan {
    /// Where to.
    pub place: Place,
    /// Entries of the tree.
    pub entries: u64,
    /// Lengths of the files.
    pub bytes: u64,
}

/// Where image content goes.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// Into a volume of the engine.
    Volume(String),
    /// Where the operator says.
    Elsewhere,
}

/// Looks at a snapshot and at an engine.
///
/// # Errors
/// [`OpsError::NotOfDtr`] for a snapshot of something else, [`OpsError::NoSuchPart`]; those of the engine and of the
/// repository. What does not fit is no error: it is in [`Plan::refusals`].
pub fn plan(
    repo: &Repository,
    engine: &Engine,
    options: &DtrRestoreOptions,
    context: &Context,
) -> Result<Plan> {
    context.progress.stage("planning", None);
    let (id, snapshot) = repo.find_snapshot(&options.snapshot)?;
    let dtr = snapshot.dtr.clone().ok_or_else(|| OpsError::NotOfDtr { snapshot: id.to_string() })?;
    let replica = replica(&id, &dtr, options)?;
    let image = options.image.clone().or_else(|| dtr.image.clone());
    let image = image.ok_or_else(|| DtrError::UnknownImage { replica: replica.to_string() })?;
    let facts = ImageFacts::of(engine, &image)?;
    let taken: Option<Version> = dtr.version.parse().ok();
    let version = facts.version.or(taken);
    let version = version.ok_or_else(|| DtrError::UnknownVersion { replica: replica.to_string() })?;
    let mut remains = if options.metadata { Remains::find(engine, &replica)? } else { Remains::default() };
    let goes_on = options.metadata
        && Journal::new(&options.journals, &replica).goes_on_with(&id)
        && !is_live(engine, &replica)?;
    if goes_on {
        let images = options.storage.volume(&replica);
        remains.volumes.retain(|volume| *volume != images);
    }
    let mut plan = Plan {
        time: snapshot.time,
        host: snapshot.host.clone(),
        replica,
        image,
        version,
        cluster: cluster_id(engine)?,
        remains,
        goes_on,
        images: None,
        metadata_bytes: None,
        commands: Vec::new(),
        refusals: Vec::new(),
        complete: snapshot.complete,
        snapshot: id,
        dtr,
    };
    if options.images {
        let part = snapshot.images.as_ref().ok_or_else(|| plan.no_part("image content"))?;
        let elsewhere = options.images_to.is_some() || matches!(options.storage, NewStorage::Nfs(_));
        let volume = || Place::Volume(options.storage.volume(&plan.replica));
        let place = if elsewhere { Place::Elsewhere } else { volume() };
        plan.images = Some(ImagesPlan { place, entries: part.entries, bytes: part.bytes });
    }
    if options.metadata {
        let part = snapshot.metadata.as_ref().ok_or_else(|| plan.no_part("metadata"))?;
        plan.metadata_bytes = Some(part.size);
        let install = plan.install(options);
        if plan.destroys(options) {
            plan.commands.push(install.destroy_command().line());
        }
        plan.commands.push(install.command()?.line());
    }
    plan.refusals = plan.closed_gates(engine, options, facts.version, taken, &snapshot)?;
    plan.refusals.retain(|refusal| !options.allowed.contains(&refusal.gate) || refusal.flag.is_none());
    Ok(plan)
}

/// The id of the new replica.
fn replica(id: &SnapshotId, dtr: &DtrIdentity, options: &DtrRestoreOptions) -> Result<ReplicaId> {
    if let Some(replica) = &options.replica {
        return Ok(replica.clone());
    }
    let known = dtr.replica.as_deref().and_then(|replica| replica.parse().ok());
    known.ok_or_else(|| OpsError::UnknownReplica { snapshot: id.to_string() })
}

/// Whether a whole replica runs: that is more than an attempt leaves that was cut off, and may be somebody's work since.
fn is_live(engine: &Engine, replica: &ReplicaId) -> Result<bool> {
    match discover(engine) {
        Ok(cluster) => Ok(cluster.replica(replica).is_some_and(Replica::is_healthy)),
        Err(DtrError::NoDtr { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

impl Plan {
    /// Whether DTR's own `destroy` comes first: for what stands, and when it is asked for, since DTR may remember a
    /// replica of which this engine shows nothing any more.
    pub(super) fn destroys(&self, options: &DtrRestoreOptions) -> bool {
        !self.goes_on && (!self.remains.is_empty() || options.allowed.contains(&Gate::Remains))
    }

    pub(super) fn no_part(&self, part: &'static str) -> OpsError {
        OpsError::NoSuchPart { snapshot: self.snapshot.to_string(), part }
    }

    /// How the replica is installed.
    pub(super) fn install(&self, options: &DtrRestoreOptions) -> InstallOptions {
        InstallOptions {
            image: self.image.clone(),
            version: self.version,
            ucp: options.ucp.clone(),
            replica: self.replica.clone(),
            storage: options.storage.clone(),
            config_only: options.config_only,
            debug: options.debug,
            arguments: options.arguments.clone(),
            variables: options.variables.clone(),
            patience: options.patience,
        }
    }

    /// What dtrvault cannot do.
    pub(super) fn still_to_do(&self, options: &DtrRestoreOptions) -> Vec<&'static str> {
        let mut todo = Vec::new();
        if self.images.as_ref().is_some_and(|images| images.place == Place::Elsewhere)
            && options.images_to.is_none()
        {
            todo.push("image content was not put back: `dtrvault restore --part images --target` puts it on the NFS server or into the object store");
        }
        if options.metadata {
            todo.extend([
                "join as many replicas as there were: `docker run IMAGE join`, once for each",
                "users, organizations and teams are in the backup of UCP or MKE: restore that, if it was lost too",
                "the vulnerability database is in no backup: let DTR fetch it again, or load the offline tar",
                "take a snapshot of what was restored, and set garbage collection back to what it was",
            ]);
        }
        todo
    }

    fn closed_gates(
        &self,
        engine: &Engine,
        options: &DtrRestoreOptions,
        image: Option<Version>,
        taken: Option<Version>,
        snapshot: &Snapshot,
    ) -> Result<Vec<Refusal>> {
        let mut closed = Vec::new();
        if options.metadata {
            closed.extend(self.version_gate(image, taken));
            closed.extend(self.cluster_gate());
            closed.extend(self.storage_gate(&options.storage));
            if !self.remains.is_empty() && !self.goes_on {
                let (containers, volumes) = (self.remains.containers.len(), self.remains.volumes.len());
                closed.push(Refusal::new(Gate::Remains, format!(
                    "{containers} containers and {volumes} volumes of replica {} stand where it is to be installed, \
                     and would be deleted, images included",
                    self.replica
                )));
            }
        }
        if !snapshot.complete {
            closed.push(Refusal::new(
                Gate::Incomplete,
                format!(
                    "the snapshot is incomplete: {} things are missing or could not be taken",
                    snapshot.problem_count
                ),
            ));
        }
        closed.extend(self.space_gate(engine)?);
        Ok(closed)
    }

    fn version_gate(&self, image: Option<Version>, taken: Option<Version>) -> Option<Refusal> {
        let (Some(image), Some(taken)) = (image, taken) else {
            let reason = "it cannot be told whether the image is of the version that the snapshot was taken from, and \
                          DTR restores only that";
            return Some(Refusal::new(Gate::PatchDifference, reason.to_owned()));
        };
        if image == taken {
            return None;
        }
        if image.same_minor(taken) {
            let reason =
                format!("the image is DTR {image}, the snapshot of {taken}: another patch mostly works");
            return Some(Refusal::new(Gate::PatchDifference, reason));
        }
        let reason =
            format!("the image is DTR {image}, the snapshot of {taken}: DTR restores no other minor version");
        Some(Refusal::new(Gate::OtherVersion, reason))
    }

    fn cluster_gate(&self) -> Option<Refusal> {
        let (now, then) = (self.cluster.as_ref()?, self.dtr.cluster.as_ref()?);
        (now != then).then(|| {
            Refusal::new(Gate::OtherCluster, format!(
                "the snapshot is of cluster {then}, this is {now}: unless UCP was restored from its own backup, \
                 everything would belong to users that do not exist"
            ))
        })
    }

    fn storage_gate(&self, storage: &NewStorage) -> Option<Refusal> {
        if matches!(storage, NewStorage::Nfs(_)) && NFS_LOSES_TAGS.contains(&self.version) {
            let reason = format!("DTR {} loses every tag when it is restored with NFS storage", self.version);
            return Some(Refusal::new(Gate::NfsLosesTags, reason));
        }
        let then = self.dtr.storage.as_deref()?;
        (then != storage.kind() && then != "unknown").then(|| {
            Refusal::new(Gate::OtherStorage, format!(
                "images were kept in storage of kind '{then}', and the new replica would have '{}': DTR looks for them \
                 where its settings say, and those are restored too",
                storage.kind()
            ))
        })
    }

    fn space_gate(&self, engine: &Engine) -> Result<Option<Refusal>> {
        let images = self.images.as_ref().filter(|images| matches!(images.place, Place::Volume(_)));
        // What an earlier attempt has written is there already, and its target looks at the rest.
        let Some(images) = images.filter(|_| !self.goes_on) else { return Ok(None) };
        let Some(folder) = engine.data_folder()? else { return Ok(None) };
        let needed = images.bytes.saturating_add(self.metadata_bytes.unwrap_or(0));
        Ok(free_bytes(&folder).filter(|free| *free < needed).map(|free| {
            Refusal::new(
                Gate::NoSpace,
                format!("{needed} bytes are to be written, and {} has {free} left", folder.display()),
            )
        }))
    }
}

fn free_bytes(folder: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(folder).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}
